//! The manifest of the next device, when one was not enough.

use crate::job::JobType;
use crate::manifest::{self, ExportOperation, Extensions, Kind, S3Export};

/// What was not exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rest {
    /// The operation that goes on, counted from 0.
    pub operation: usize,
    /// The last key of it that needs no further export; `None` if none of it was reached.
    pub after: Option<String>,
}

impl Rest {
    /// The operations that are left, the first with its new beginMarker.
    pub fn operations(&self, export: &S3Export) -> Vec<ExportOperation> {
        let mut left: Vec<_> = export
            .operations
            .iter()
            .skip(self.operation)
            .cloned()
            .collect();
        if let (Some(first), Some(after)) = (left.first_mut(), &self.after) {
            first.begin_marker = Some(after.clone());
        }
        left
    }

    /// The operations that are not left: those of a device after which this is the rest.
    pub fn operations_before(&self, export: &S3Export) -> Vec<ExportOperation> {
        let mut before: Vec<_> = export
            .operations
            .iter()
            .take(self.operation)
            .cloned()
            .collect();
        let last = export.operations.get(self.operation);
        if let (Some(last), Some(after)) = (last, &self.after) {
            before.push(ExportOperation {
                end_marker: Some(after.clone()),
                ..last.clone()
            });
        }
        before
    }
}

/// The manifest of one of the jobs that an export is split into: the customer's text, secrets
/// included, with these operations and without `split`. `None` where their places in the text cannot
/// be told for sure.
pub fn part_manifest(text: &str, operations: &[ExportOperation]) -> Option<String> {
    let whole = manifest::read(text, JobType::Export).ok()?.manifest;
    let text = replaced(&without_split(text), &written(operations))?;
    let reading = manifest::read(&text, JobType::Export).ok()?.manifest;
    let extensions = Extensions {
        split: None,
        ..whole.extensions
    };
    let is_part = reading.extensions == extensions
        && matches!(&reading.kind, Kind::S3Export(export) if export.operations == operations);
    is_part.then_some(text)
}

/// The text without the line of `split`, and without the line above it if nothing else is there.
fn without_split(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut heading: Option<&str> = None;
    let mut inside = false;
    for line in text.split_inclusive('\n') {
        let words = line.trim_start();
        if begins_option(line) {
            inside = names(line, "packhorse");
            heading = inside.then_some(line);
            if inside {
                continue;
            }
        }
        if inside && names(words, "split") {
            continue;
        }
        let is_member = inside && !words.is_empty() && !words.starts_with('#');
        if let Some(heading) = heading.take_if(|_| is_member) {
            out.push_str(heading);
        }
        out.push_str(line);
    }
    out
}

/// Whether the line is that of the option `name`.
fn names(line: &str, name: &str) -> bool {
    let rest = line.strip_prefix(name);
    rest.is_some_and(|rest| rest.trim_start().starts_with(':'))
}

fn begins_option(line: &str) -> bool {
    !line.starts_with([' ', '\t', '-', '#', '\n', '\r', '}', ']'])
}

/// The text for the next job: the customer's own, secrets redacted, with the operations that are
/// left. Where their place in the text cannot be told for sure, only the operations are given, to be
/// put in by hand.
pub fn next_manifest(text: &str, export: &S3Export, rest: &Rest) -> String {
    let left = rest.operations(export);
    let operations = written(&left);
    // Judged with its secrets, since without them it is not a manifest.
    let whole = replaced(text, &operations).filter(|text| reads_as(text, &left));
    let whole = whole.map(|text| manifest::redact(&text));
    let note = "# The rest of an export, for the next device. Set deviceId to that of the next \
                device;\n# passwords and pins are left out and must be filled in.\n";
    match whole {
        Some(text) => format!("{note}{text}"),
        None => format!(
            "{note}# Put these lines into your manifest in place of its operations.\n{operations}"
        ),
    }
}

fn reads_as(text: &str, left: &[ExportOperation]) -> bool {
    let reading = manifest::read(text, JobType::Export);
    reading.is_ok_and(|reading| {
        matches!(reading.manifest.kind, Kind::S3Export(export) if export.operations == left)
    })
}

/// The text with its block of operations replaced: from the line of the option to the next line that
/// begins an option.
fn replaced(text: &str, operations: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len() + operations.len());
    let (mut inside, mut found) = (false, false);
    for line in text.split_inclusive('\n') {
        if begins_option(line) {
            inside = names(line, "operations");
            if inside {
                if std::mem::replace(&mut found, true) {
                    return None;
                }
                out.push_str(operations);
            }
        }
        if !inside {
            out.push_str(line);
            if !out.ends_with('\n') {
                out.push('\n');
            }
        }
    }
    found.then_some(out)
}

fn written(operations: &[ExportOperation]) -> String {
    let mut out = String::from("operations:\n");
    for operation in operations {
        out.push_str(&format!(
            "  - exportBucket: {}\n",
            quoted(operation.export_bucket.as_str())
        ));
        let prefix = (!operation.prefix.is_empty()).then_some(&operation.prefix);
        for (name, value) in [
            ("prefix", prefix),
            ("beginMarker", operation.begin_marker.as_ref()),
            ("endMarker", operation.end_marker.as_ref()),
            ("targetDirectory", operation.target_directory.as_ref()),
        ] {
            if let Some(value) = value {
                out.push_str(&format!("    {name}: {}\n", quoted(value)));
            }
        }
    }
    out
}

/// A text in double quotes, as YAML reads it whatever is in it.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            c if c.is_alphanumeric() => out.push(c),
            c => out.push_str(&format!("\\U{:08x}", u32::from(c))),
        }
    }
    out.push('"');
    out
}
