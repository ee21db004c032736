//! The manifest of the next device, when one was not enough.

use crate::job::JobType;
use crate::manifest::{self, ExportOperation, Kind, S3Export};

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
        let begins_option = !line.starts_with([' ', '\t', '-', '#', '\n', '\r', '}', ']']);
        if begins_option {
            inside = line
                .strip_prefix("operations")
                .is_some_and(|rest| rest.trim_start().starts_with(':'));
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
