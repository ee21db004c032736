//! Writes the folder `PACKHORSE` of the device from the ledger.

use std::io::Write;

use packhorse_core::export::{EXPORT_FILE, MD5_FILE, NEXT_FILE, OBJECTS_FILE, md5_line};
use packhorse_core::manifest::Word as _;
use serde::Serialize;

use super::ledger::ExportLedger;
use super::target::Target;
use super::{Export, earlier};
use crate::Error;

/// What `export.json` says.
#[derive(Serialize)]
struct Summary<'a> {
    job_id: &'a str,
    format: u32,
    file_system: String,
    files: u64,
    bytes: u64,
    failed: u64,
    /// Whether a further device is needed.
    is_full: bool,
}

/// Writes every file of it; those of an earlier run are replaced.
pub(super) fn write(
    export: &Export,
    ledger: &ExportLedger,
    target: &Target,
    next_manifest: Option<&str>,
) -> Result<(), Error> {
    let failed = |path: &str, error| Error::target(&target.path().join(path), error);
    let line = |path: &str, out: &mut dyn Write, text: &str| {
        out.write_all(text.as_bytes())
            .map_err(|error| failed(path, error))
    };
    target.write_own(OBJECTS_FILE, |out| {
        let mut each =
            |record: &str, _: &str, _: &str| line(OBJECTS_FILE, out, &format!("{record}\n"));
        ledger.records(&mut each)?;
        earlier::kept(ledger, target, each)
    })?;
    target.write_own(MD5_FILE, |out| {
        let mut each = |_: &str, md5: &str, path: &str| line(MD5_FILE, out, &md5_line(md5, path));
        ledger.records(&mut each)?;
        earlier::kept(ledger, target, each)
    })?;
    let counts = ledger.counts()?;
    let summary = Summary {
        job_id: export.job_id.as_str(),
        format: 1,
        file_system: export.manifest.kind.file_system.code().to_owned(),
        files: counts.stored,
        bytes: counts.stored_bytes,
        failed: counts.failed,
        is_full: next_manifest.is_some(),
    };
    let summary =
        serde_json::to_string_pretty(&summary).map_err(|error| Error::Defect(error.to_string()))?;
    target.write_own(EXPORT_FILE, |out| {
        line(EXPORT_FILE, out, &format!("{summary}\n"))
    })?;
    match next_manifest {
        Some(text) => target.write_own(NEXT_FILE, |out| line(NEXT_FILE, out, text)),
        None => target.remove(NEXT_FILE),
    }
}
