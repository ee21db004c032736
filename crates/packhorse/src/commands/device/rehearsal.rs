//! What a check found, as it is printed.

use std::fmt::Write as _;

use packhorse_core::ledger::printable_path;
use packhorse_core::manifest::Problem;
use packhorse_core::signature_file::SignatureFile;
use packhorse_station::Identified;
use packhorse_transfer::{Checked, Sample};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::output::{self, ProblemPrinted};

use super::rate::Rate;

/// The result of a check.
#[derive(Serialize)]
pub(super) struct Rehearsal<'a> {
    /// `complete` or `file_errors`.
    outcome: &'static str,
    device: Device,
    signature: Signature,
    manifest_problems: Vec<ProblemPrinted<'a>>,
    listed: u64,
    listed_bytes: u64,
    to_store: u64,
    to_store_bytes: u64,
    ignored: u64,
    failed: u64,
    ignored_by: Vec<Ignored<'a>>,
    failures: Vec<Failure<'a>>,
    sample: Vec<Shown>,
    estimates: Vec<Estimate<'a>>,
}

#[derive(Serialize)]
struct Device {
    kind: &'static str,
    size: Option<u64>,
    volumes: Vec<String>,
    unreadable_volumes: usize,
}

/// Whether the device could be told from any other.
#[derive(Serialize)]
struct Signature {
    /// `present`, `missing` or `invalid`.
    state: &'static str,
    job_id: Option<String>,
    reason: Option<String>,
}

#[derive(Serialize)]
struct Ignored<'a> {
    by: &'static str,
    pattern: Option<&'a str>,
    files: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct Failure<'a> {
    status: u16,
    code: &'a str,
    files: u64,
    bytes: u64,
    examples: Vec<Example>,
}

#[derive(Serialize)]
struct Example {
    file: String,
    /// The file that has the key.
    rival: Option<String>,
}

#[derive(Serialize)]
struct Shown {
    file: String,
    key: String,
    bytes: u64,
    headers: Map<String, Value>,
    /// Why the headers cannot be sent.
    error: Option<String>,
}

#[derive(Serialize)]
struct Estimate<'a> {
    rate: &'a str,
    seconds: f64,
}

impl<'a> Rehearsal<'a> {
    pub(super) fn new(
        bucket: &str,
        device: &Identified,
        checked: &'a Checked,
        warnings: &'a [Problem],
        rates: &'a [Rate],
    ) -> Self {
        let counts = &checked.counts;
        let estimate = |rate: &'a Rate| Estimate {
            rate: rate.text(),
            seconds: rate
                .time_for(counts.stored, counts.stored_bytes)
                .as_secs_f64(),
        };
        Self {
            outcome: if counts.failed == 0 {
                "complete"
            } else {
                "file_errors"
            },
            device: Device::of(device),
            signature: Signature::of(device),
            manifest_problems: ProblemPrinted::all(warnings),
            listed: counts.listed,
            listed_bytes: counts.listed_bytes,
            to_store: counts.stored,
            to_store_bytes: counts.stored_bytes,
            ignored: counts.ignored,
            failed: counts.failed,
            ignored_by: ignored_by(checked),
            failures: failures(checked),
            sample: checked.sample.iter().map(|s| shown(bucket, s)).collect(),
            estimates: rates.iter().map(estimate).collect(),
        }
    }

    /// The result for people.
    pub(super) fn to_text(&self) -> String {
        let mut text = format!(
            "device     {}\nSIGNATURE  {}\nlisted     {} entries, {}\nto store   {} files, {}\n",
            self.device.to_text(),
            self.signature.to_text(),
            self.listed,
            output::bytes(self.listed_bytes),
            self.to_store,
            output::bytes(self.to_store_bytes),
        );
        // Writing to a String cannot fail.
        let _ = self.write_details(&mut text);
        text.push_str(match self.failed {
            0 if self.to_store == 0 => "a load would store nothing: no file is there to be stored",
            0 => "a load would store everything that is not ignored",
            1 => "a load would end with errors: one file would not be stored",
            _ => "a load would end with errors: the files counted above would not be stored",
        });
        text
    }

    fn write_details(&self, text: &mut String) -> std::fmt::Result {
        writeln!(text, "ignored    {}", self.ignored)?;
        for Ignored {
            by,
            pattern,
            files,
            bytes,
        } in &self.ignored_by
        {
            let (bytes, pattern) = (output::bytes(*bytes), pattern.unwrap_or_default());
            let pattern = output::visible(pattern);
            writeln!(text, "  {files:>9}  {bytes:>9}  {by} {pattern}")?;
        }
        writeln!(text, "would fail {}", self.failed)?;
        for failure in &self.failures {
            failure.write(text)?;
        }
        for sample in &self.sample {
            sample.write(text)?;
        }
        for Estimate { rate, seconds } in &self.estimates {
            let time = output::duration(std::time::Duration::from_secs_f64(*seconds));
            writeln!(text, "at {rate:<10} {time}")?;
        }
        Ok(())
    }
}

fn ignored_by(checked: &Checked) -> Vec<Ignored<'_>> {
    let ignored = checked.ignored.iter().map(|ignored| Ignored {
        by: ignored.by,
        pattern: ignored.pattern.as_deref(),
        files: ignored.tally.files,
        bytes: ignored.tally.bytes,
    });
    ignored.collect()
}

fn failures(checked: &Checked) -> Vec<Failure<'_>> {
    let failures = checked.problems.iter().map(|problem| Failure {
        status: problem.verdict.status,
        code: &problem.verdict.code,
        files: problem.tally.files,
        bytes: problem.tally.bytes,
        examples: problem
            .examples
            .iter()
            .map(|example| Example {
                file: printable_path(&example.file),
                rival: example.rival.as_deref().map(printable_path),
            })
            .collect(),
    });
    failures.collect()
}

fn shown(bucket: &str, sample: &Sample) -> Shown {
    let (headers, error) = match &sample.headers {
        Ok(headers) => (headers.as_slice(), None),
        Err(error) => ([].as_slice(), Some(error.clone())),
    };
    Shown {
        file: printable_path(&sample.file),
        key: format!("{bucket}/{}", sample.key),
        bytes: sample.bytes,
        headers: headers
            .iter()
            .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
            .collect(),
        error,
    }
}

impl Device {
    fn of(identified: &Identified) -> Self {
        let description = identified.device.description();
        let volumes = identified.device.volumes().iter();
        Self {
            kind: description.kind.as_str(),
            size: description.size,
            volumes: volumes.map(|volume| volume.format().to_owned()).collect(),
            unreadable_volumes: identified.device.unreadable().len(),
        }
    }

    fn to_text(&self) -> String {
        let mut text = self.kind.to_owned();
        if self.volumes.iter().any(|format| format != self.kind) {
            text.push_str(&format!(", {}", self.volumes.join(", ")));
        }
        if let Some(size) = self.size {
            text.push_str(&format!(", {}", output::bytes(size)));
        }
        if self.unreadable_volumes > 0 {
            text.push_str(&format!(
                ", {} volumes that cannot be read",
                self.unreadable_volumes
            ));
        }
        text
    }
}

impl Signature {
    fn of(identified: &Identified) -> Self {
        let (state, job_id, reason) = match &identified.signature {
            None => ("missing", None, None),
            Some(bytes) => match SignatureFile::parse(bytes) {
                Ok(signed) => ("present", Some(signed.job_id.to_string()), None),
                Err(error) => ("invalid", None, Some(error.to_string())),
            },
        };
        Self {
            state,
            job_id,
            reason,
        }
    }

    fn to_text(&self) -> String {
        match (&self.job_id, &self.reason) {
            (Some(job_id), _) => format!("of job {job_id}"),
            (None, Some(reason)) => {
                format!("cannot be one ({reason}); `packhorse device prepare` writes the right one")
            }
            (None, None) => "none yet; `packhorse device prepare` writes it".to_owned(),
        }
    }
}

impl Failure<'_> {
    fn write(&self, text: &mut String) -> std::fmt::Result {
        let (files, bytes) = (self.files, output::bytes(self.bytes));
        writeln!(
            text,
            "  {files:>9}  {bytes:>9}  {} {}",
            self.status, self.code
        )?;
        for Example { file, rival } in &self.examples {
            let file = output::visible(file);
            match rival {
                Some(rival) => {
                    let rival = output::visible(rival);
                    writeln!(text, "{:24}{file} ({rival} has its key)", "")?;
                }
                None => writeln!(text, "{:24}{file}", "")?,
            }
        }
        let shown = self.examples.len() as u64;
        match self.files.saturating_sub(shown) {
            _ if shown == 0 => Ok(()), // None were asked for.
            0 => Ok(()),
            more => writeln!(text, "{:24}and {more} more", ""),
        }
    }
}

impl Shown {
    fn write(&self, text: &mut String) -> std::fmt::Result {
        let (file, key) = (output::visible(&self.file), output::visible(&self.key));
        writeln!(text, "for example {file}\n  -> {key}")?;
        for (name, value) in &self.headers {
            let value = value.as_str().unwrap_or_default();
            writeln!(text, "     {name}: {}", output::visible(value))?;
        }
        match &self.error {
            Some(error) => writeln!(text, "     {error}"),
            None => Ok(()),
        }
    }
}
