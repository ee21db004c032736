//! The AWS API from the client's side: one signed request, one answer.

use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use http::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderValue};
use packhorse_wire::actions::{Action, GetStatus, GetStatusAnswer, read_answer};
use packhorse_wire::fault::{ErrorAnswer, FaultCode};
use packhorse_wire::sigv4::{AmzDate, Dialect, Payload, Scope, SignAs, SigningKey, sign_headers};
use packhorse_wire::xml::DOCUMENT_BYTES_MAX;
use reqwest::Url;

use crate::aws::Access;
use crate::clock;
use crate::output::Hint;

/// The name in the credential scope, as the public endpoint table has it.
const SIGNING_NAME: &str = "IngestionService";
/// As every AWS client sends it.
const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";
/// The server answers in milliseconds; a proxy in between may think longer.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A page or label has some 40 KiB; more than this is no such thing.
const DOWNLOAD_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Speaks to one API endpoint with one key.
pub(crate) struct Api {
    http: reqwest::Client,
    url: Url,
    access: Access,
}

impl Api {
    /// A client; nothing is sent yet.
    pub(crate) fn new(access: Access) -> anyhow::Result<Self> {
        let url = read_url(&access.endpoint)?;
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .context("set up HTTP")?;
        Ok(Self { http, url, access })
    }

    /// Asks for one action. A refusal is an [`ErrorAnswer`] in the error's chain.
    pub(crate) async fn call<A: Action>(&self, action: &A) -> anyhow::Result<A::Answer> {
        let (status, text) = self.post(action.form()).await?;
        if status == 200 {
            return read_answer(&text).with_context(|| format!("read the answer to {}", A::NAME));
        }
        Err(match ErrorAnswer::parse(&text) {
            Ok(refusal) => match hint_for(&refusal.code) {
                Some(hint) => anyhow::Error::from(refusal).context(Hint(hint.to_owned())),
                None => refusal.into(),
            },
            Err(_) => anyhow!("{} answered {status}, not as this API does", self.url).context(
                Hint("--endpoint must be the Packhorse API, not the object store".into()),
            ),
        })
    }

    /// Asks where a job stands, as several commands do.
    pub(crate) async fn get_status(&self, job_id: &str) -> anyhow::Result<GetStatusAnswer> {
        self.call(&GetStatus {
            job_id: job_id.to_owned(),
            manifest_secrets: false,
            api_version: None,
        })
        .await
    }

    /// Fetches what a link of an answer leads to. Nothing of the key is sent: the link is enough.
    pub(crate) async fn download(&self, url: &str) -> anyhow::Result<Vec<u8>> {
        let get = async {
            let answer = self.http.get(url).send().await?;
            let status = answer.status();
            if !status.is_success() {
                bail!("the answer is {status}");
            }
            read(answer, DOWNLOAD_BYTES_MAX).await
        };
        get.await.with_context(|| format!("fetch {url}"))
    }

    /// Sends the form and gives the answer's status and text.
    async fn post(&self, form: String) -> anyhow::Result<(u16, String)> {
        let headers = self.signed(&form)?;
        let request = self.http.post(self.url.clone()).headers(headers).body(form);
        let answer = request.send().await.map_err(|error| {
            // reqwest's own text says only "error sending request for url (…)".
            anyhow::Error::from(error)
                .context(format!("reach the API at {}", self.url))
                .context(Hint(
                    "is `packhorse serve` running there? see --endpoint".into(),
                ))
        })?;
        let status = answer.status().as_u16();
        let text = read(answer, DOCUMENT_BYTES_MAX)
            .await
            .and_then(|body| String::from_utf8(body).context("it is not UTF-8 text"));
        Ok((status, text.context("read the answer")?))
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

/// The endpoint as a URL that can be asked.
pub(crate) fn read_url(endpoint: &str) -> anyhow::Result<Url> {
    Url::parse(endpoint)
        .ok()
        .filter(|url| ["http", "https"].contains(&url.scheme()) && url.has_host())
        .ok_or_else(|| anyhow!("{endpoint} is not an http or https address"))
}

/// What the person at the terminal can do about a refusal.
fn hint_for(code: &str) -> Option<&'static str> {
    match FaultCode::parse(code)? {
        FaultCode::InvalidClientTokenId | FaultCode::SignatureDoesNotMatch => {
            Some("check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the --profile")
        }
        FaultCode::RequestExpired => Some("check this machine's clock"),
        FaultCode::MalformedManifest
        | FaultCode::MissingManifestField
        | FaultCode::InvalidManifestField => {
            Some("`packhorse manifest check FILE` shows every problem with its line")
        }
        _ => None,
    }
}

/// The body, as long as it is no longer than that.
async fn read(mut answer: reqwest::Response, bytes_max: usize) -> anyhow::Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > bytes_max {
            bail!("it is longer than {bytes_max} bytes");
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
