//! The AWS API from the client's side: one signed request, one answer.

use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use http::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderValue};
use packhorse_core::job::JobType;
use packhorse_wire::sigv4::{AmzDate, Dialect, Payload, Scope, SignAs, SigningKey, sign_headers};
use reqwest::Url;
use serde::Serialize;

use crate::aws::Access;
use crate::clock;
use crate::output::Hint;

/// The name in the credential scope, as the public endpoint table has it.
const SIGNING_NAME: &str = "IngestionService";
/// As every AWS client sends it.
const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";
/// The server answers in milliseconds; a proxy in between may think longer.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The largest answer is GetStatus with a manifest of 1 MiB, each byte written as up to five.
const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Speaks to one API endpoint with one key.
pub(crate) struct Api {
    http: reqwest::Client,
    url: Url,
    access: Access,
}

impl Api {
    /// A client; nothing is sent yet.
    pub(crate) fn new(access: Access) -> anyhow::Result<Self> {
        let url = Url::parse(&access.endpoint)
            .ok()
            .filter(|url| ["http", "https"].contains(&url.scheme()) && url.has_host())
            .ok_or_else(|| anyhow!("{} is not an http or https address", access.endpoint))?;
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .context("set up HTTP")?;
        Ok(Self { http, url, access })
    }

    /// Sends the form and gives the answer's status and text.
    async fn post(&self, form: String) -> anyhow::Result<(u16, String)> {
        let headers = self.signed(&form)?;
        let request = self.http.post(self.url.clone()).headers(headers).body(form);
        let answer = request.send().await.map_err(|error| {
            // reqwest's own text says only "error sending request for url (…)".
            anyhow::Error::from(error)
                .context(format!("reach the API at {}", self.url))
                .context(Hint("is `packhorse serve` running there? see --endpoint".into()))
        })?;
        let status = answer.status().as_u16();
        let text = read(answer).await.context("read the answer")?;
        Ok((status, text))
    }

    fn signed(&self, form: &str) -> anyhow::Result<HeaderMap> {
        let host = match (self.url.host_str(), self.url.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (host, _) => host.unwrap_or_default().to_owned(),
        };
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_str(&host)?);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(FORM));
        let date = AmzDate::new(clock::now());
        let scope = Scope::new(&date, &self.access.region, SIGNING_NAME);
        let key = SigningKey::derive(&self.access.secret_access_key, scope);
        let signer = SignAs {
            access_key_id: &self.access.access_key_id,
            key: &key,
            dialect: Dialect::Query,
        };
        let target = (self.url.path(), self.url.query().unwrap_or_default());
        let payload = Payload::of(form.as_bytes());
        sign_headers(signer, "POST", target, &mut headers, payload, &date);
        Ok(headers)
    }
}

/// The body as text, as long as it is no longer than any answer.
async fn read(mut answer: reqwest::Response) -> anyhow::Result<String> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            bail!("it is longer than {ANSWER_BYTES_MAX} bytes");
        }
        body.extend_from_slice(&chunk);
    }
    String::from_utf8(body).context("it is not UTF-8 text")
}

#[derive(Serialize)]
pub(crate) struct JobStatus { pub(crate) job_id: String, pub(crate) job_type: String, pub(crate) location_code: String, pub(crate) location_message: String, pub(crate) progress_code: String, pub(crate) progress_message: String, pub(crate) carrier: Option<String>, pub(crate) tracking_number: Option<String>, pub(crate) log_bucket: Option<String>, pub(crate) log_key: Option<String>, pub(crate) error_count: u64, pub(crate) signature: String, pub(crate) signature_file_contents: String, pub(crate) current_manifest: String, pub(crate) creation_date: String }
#[derive(Serialize)]
pub(crate) struct JobSummary { pub(crate) job_id: String, pub(crate) job_type: String, pub(crate) creation_date: String, pub(crate) is_canceled: bool }
pub(crate) struct JobsPage { pub(crate) jobs: Vec<JobSummary>, pub(crate) is_truncated: bool }
pub(crate) struct CreatedJob { pub(crate) job_id: String, pub(crate) job_type: String, pub(crate) signature: String, pub(crate) signature_file_contents: String, pub(crate) warning_message: Option<String> }
pub(crate) struct UpdatedJob { pub(crate) success: bool, pub(crate) warning_message: Option<String> }
impl Api {
    pub(crate) async fn get_status(&self, id: &str) -> anyhow::Result<JobStatus> { todo!() }
    pub(crate) async fn cancel_job(&self, id: &str) -> anyhow::Result<bool> { todo!() }
    pub(crate) async fn list_jobs(&self, max: u32, marker: Option<&str>) -> anyhow::Result<JobsPage> { todo!() }
    pub(crate) async fn create_job(&self, t: JobType, m: &str, v: bool) -> anyhow::Result<CreatedJob> { todo!() }
    pub(crate) async fn update_job(&self, i: &str, t: JobType, m: &str, v: bool) -> anyhow::Result<UpdatedJob> { todo!() }
}
