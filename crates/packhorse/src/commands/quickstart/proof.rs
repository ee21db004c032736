//! Proves the options of the sample's manifest: what a stranger without a key sees of the objects.

use anyhow::{Context as _, bail, ensure};
use serde::Serialize;

use super::sample::MODIFIED_MILLIS;
use crate::output;

/// What the sample's manifest asks of headers, beside what every manifest must have.
pub(super) const OPTIONS: &str = "\
acl: public-read
storageClass: REDUCED_REDUNDANCY
cacheControl: max-age=3600
contentDisposition: inline
contentLanguage: en
expires: Mon, 01 Dec 2031 16:00:00 GMT
contentTypes:
  csv: text/csv; charset=utf-8
defaultContentType: application/x-sample
setContentEncodingForGzFiles: yes
diskTimestampMetadataKey: disk-time
staticMetadata:
  department: archive
packhorse:
  preserveMetadata: yes
";

/// An option, an object of the sample, and the header it must have.
struct Claim {
    option: &'static str,
    key: &'static str,
    header: &'static str,
    value: &'static str,
}

const fn claim(
    option: &'static str,
    key: &'static str,
    header: &'static str,
    value: &'static str,
) -> Claim {
    Claim {
        option,
        key,
        header,
        value,
    }
}

const PAGE: &str = "site/index.html";
const CLAIMS: [Claim; 11] = [
    claim("cacheControl", PAGE, "cache-control", "max-age=3600"),
    claim("contentDisposition", PAGE, "content-disposition", "inline"),
    claim("contentLanguage", PAGE, "content-language", "en"),
    claim("expires", PAGE, "expires", "Mon, 01 Dec 2031 16:00:00 GMT"),
    claim(
        "contentTypes",
        "archive/2009/ledger.csv",
        "content-type",
        "text/csv; charset=utf-8",
    ),
    claim(
        "defaultContentType",
        "no-extension",
        "content-type",
        "application/x-sample",
    ),
    claim(
        "setContentEncodingForGzFiles",
        "archive/2009/notes.txt.gz",
        "content-encoding",
        "gzip",
    ),
    claim("staticMetadata", PAGE, "x-amz-meta-department", "archive"),
    claim(
        "diskTimestampMetadataKey",
        PAGE,
        "x-amz-meta-disk-time",
        MODIFIED_MILLIS,
    ),
    claim(
        "storageClass",
        PAGE,
        "x-amz-storage-class",
        "REDUCED_REDUNDANCY",
    ),
    claim("packhorse.preserveMetadata", PAGE, "x-amz-meta-mode", "644"),
];

/// One option, and the header in which it was seen.
#[derive(Debug, Serialize)]
pub(super) struct Proof {
    option: &'static str,
    key: &'static str,
    header: &'static str,
    value: String,
}

/// Asks for the objects without any key, which `acl: public-read` allows, and compares their headers
/// with the manifest. The report, which is not public, must stay closed. `bucket` is its address.
pub(super) async fn prove(bucket: &str, log_key: &str) -> anyhow::Result<Vec<Proof>> {
    let http = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .context("set up HTTP")?;
    let mut proofs = Vec::with_capacity(CLAIMS.len() + 1);
    for claim in &CLAIMS {
        let Claim {
            option,
            key,
            header,
            value,
        } = *claim;
        let answer = http.head(format!("{bucket}/{key}")).send().await;
        let answer = answer.with_context(|| format!("ask for {key}"))?;
        let status = answer.status();
        ensure!(
            status.is_success(),
            "acl: {key} should be readable by everybody, and the store answers {status}"
        );
        let seen = answer.headers().get(header).map(|value| value.to_str());
        let seen = match seen {
            Some(Ok(seen)) => seen,
            Some(Err(_)) => bail!("{option}: the header {header} of {key} is not ASCII"),
            None => bail!("{option}: {key} has no header {header}"),
        };
        ensure!(
            seen == value,
            "{option}: the header {header} of {key} is {seen:?}, not {value:?}"
        );
        proofs.push(Proof {
            option,
            key,
            header,
            value: seen.to_owned(),
        });
    }
    let closed = http.head(format!("{bucket}/{log_key}")).send().await;
    let closed = closed.context("ask for the report")?.status();
    ensure!(
        closed == reqwest::StatusCode::FORBIDDEN,
        "acl: the report should be closed to strangers, and the store answers {closed}"
    );
    proofs.push(Proof {
        option: "acl",
        key: PAGE,
        header: "read without a key",
        value: format!("yes (the report: {closed})"),
    });
    Ok(proofs)
}

/// The proofs for people.
pub(super) fn to_text(proofs: &[Proof]) -> String {
    let rows: Vec<_> = proofs
        .iter()
        .map(|proof| [proof.option, proof.key, proof.header, &proof.value].map(str::to_owned))
        .collect();
    let table = output::table(["OPTION", "OBJECT", "HEADER", "AS STORED"], &rows);
    format!("what the options of the manifest did, as the store tells a stranger:\n{table}\n")
}

#[cfg(test)]
mod tests {
    use packhorse_core::job::JobType;
    use packhorse_core::manifest;

    use super::*;
    use crate::manifest_file;

    #[test]
    fn the_samples_manifest_is_accepted_without_a_word() {
        let text = manifest_file::minimal("quickstart", "quickstart") + OPTIONS;
        let reading = manifest::read(text, JobType::Import).unwrap();
        assert_eq!(reading.warnings, []);
    }
}
