//! The report: the ledger, printed.

use std::fs::File;
use std::io::{BufWriter, Write as _};

use packhorse_core::bucket::BucketName;
use packhorse_core::id::JobId;
use packhorse_core::ledger::{REPORT_HEADER, ReportRow};
use packhorse_core::manifest::{Manifest, S3Import};

use crate::Error;
use crate::ledger::{JobFolder, Ledger};

/// The report's key (guide page "Examples").
pub(crate) fn log_key(manifest: &Manifest<S3Import>, job_id: &JobId) -> String {
    format!("{}import-log-{job_id}", manifest.common.log_prefix)
}

/// Prints every row into the job folder.
pub(crate) fn write(ledger: &Ledger, folder: &JobFolder, bucket: &BucketName) -> Result<(), Error> {
    print(folder, |each| ledger.report_rows(bucket, each))
}

/// Takes a row of a report.
pub(crate) type Row<'a> = &'a mut dyn FnMut(ReportRow) -> std::io::Result<()>;

/// Prints the rows that `rows` gives into the job folder: temporary name, sync, rename.
pub(crate) fn print(
    folder: &JobFolder,
    rows: impl FnOnce(Row<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let path = folder.report();
    let unfinished = path.with_extension("csv.part");
    let state = |error| Error::state(&unfinished, error);
    let mut out = BufWriter::new(File::create(&unfinished).map_err(state)?);
    out.write_all(REPORT_HEADER.as_bytes()).map_err(state)?;
    rows(&mut |row| out.write_all(row.to_csv().as_bytes()))?;
    let file = out
        .into_inner()
        .map_err(|error| state(error.into_error()))?;
    file.sync_all().map_err(state)?;
    std::fs::rename(&unfinished, &path).map_err(state)
}
