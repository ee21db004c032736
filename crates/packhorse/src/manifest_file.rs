//! Reads a manifest from a file or standard input.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context as _, bail};
use packhorse_core::job::JobType;
use packhorse_core::manifest::{self, MANIFEST_BYTES_MAX};

/// The name that means standard input.
pub(crate) const STDIN: &str = "-";

/// What messages call the file.
pub(crate) fn name(path: &Path) -> String {
    match path.as_os_str() == STDIN {
        true => "<stdin>".to_owned(),
        false => path.display().to_string(),
    }
}

/// Reads the text, to be sent.
pub(crate) fn read(path: &Path) -> anyhow::Result<String> {
    let text = String::from_utf8(read_bytes(path)?);
    text.with_context(|| format!("manifest {} is not UTF-8 text", path.display()))
}

/// Reads the bytes, to be judged; what is too long for any server is refused here.
pub(crate) fn read_bytes(path: &Path) -> anyhow::Result<Vec<u8>> {
    let name = path.display();
    let bytes = match path.as_os_str() == STDIN {
        true => read_bounded(std::io::stdin().lock()),
        false => File::open(path).and_then(read_bounded),
    }
    .with_context(|| format!("read manifest {name}"))?;
    if bytes.len() > MANIFEST_BYTES_MAX {
        bail!("manifest {name} has more than {MANIFEST_BYTES_MAX} bytes, the most there may be");
    }
    Ok(bytes)
}

/// At most one byte more than a manifest may have.
fn read_bounded(source: impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source
        .take(MANIFEST_BYTES_MAX as u64 + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The type of job for which the text is a valid manifest, though not for `job_type`.
pub(crate) fn other_type(text: &[u8], job_type: JobType) -> Option<JobType> {
    let other = match job_type {
        JobType::Import => JobType::Export,
        JobType::Export => JobType::Import,
    };
    let read = |job_type| manifest::read(text, job_type).is_ok();
    (!read(job_type) && read(other)).then_some(other)
}

/// A manifest with only what it must have, for a bucket.
pub(crate) fn minimal(bucket: &str, device_id: &str) -> String {
    // JSON strings are YAML strings: nothing in a path can break out of its line.
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    format!(
        "manifestVersion: 2.0\n\
         generator: packhorse quickstart\n\
         bucket: {}\n\
         deviceId: {}\n\
         eraseDevice: no\n\
         returnAddress:\n  \
           name: Packhorse Quickstart\n  \
           street1: 1 Loopback Lane\n  \
           city: Localhost\n  \
           stateOrProvince: WA\n  \
           postalCode: 98101\n  \
           phoneNumber: 555-0100\n  \
           country: USA\n",
        quoted(bucket),
        quoted(device_id),
    )
}
