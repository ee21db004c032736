//! The table of options as a document: the middle of docs/MANIFEST.md.

use super::options::limits::{
    DOLLARS_DIGITS_MAX, EMAILS_MAX, HEADER_BYTES_MAX, HEADER_NAME_BYTES_MAX, PATTERN_BYTES_MAX,
    SECRET_BYTES_MAX, SPLIT_DEVICES_MAX, VOLUMES_MAX,
};
use super::options::{Need, Place, Row, Shape};
use super::words::{JobKind, ManifestVersion, Word as _};
use crate::mapping::{KEY_BYTES_MAX, PATTERNS_MAX};

/// Every option in Markdown: one table for the manifest itself and one for each of its mappings.
pub fn reference() -> String {
    let mut text = String::new();
    for place in Place::ALL {
        let heading = match place {
            Place::Document => "### The manifest itself".to_owned(),
            Place::Operation => "### Entries of operations".to_owned(),
            other => format!("### Inside {}", other.name()),
        };
        text.push_str(&format!(
            "{heading}\n\n| Option | Kinds | Required | Value | Meaning |\n|---|---|---|---|---|\n"
        ));
        for row in place.rows() {
            text.push_str(&line(row));
        }
        text.push('\n');
    }
    text
}

fn line(row: &Row) -> String {
    let cells = [
        format!("`{}`", row.name),
        kinds(row.kinds),
        need(row),
        value(&row.shape),
        meaning(row),
    ];
    format!("| {} |\n", cells.join(" | "))
}

fn kinds(kinds: &[JobKind]) -> String {
    if kinds.len() == 4 {
        return "all".to_owned();
    }
    let names: Vec<String> = kinds.iter().map(ToString::to_string).collect();
    names.join(", ")
}

fn need(row: &Row) -> String {
    match row.need {
        Need::Optional => "no".to_owned(),
        Need::Default(default) => format!("no; {default}"),
        Need::Required => "yes".to_owned(),
        Need::RequiredIn(kinds) => format!("in {}", self::kinds(kinds)),
        Need::When(when) => when.replacen("required ", "", 1),
    }
}

fn value(shape: &Shape) -> String {
    match shape {
        Shape::Version => "a version".to_owned(),
        Shape::Text { bytes_max } => format!("text, {bytes_max} bytes"),
        Shape::Characters { max } => format!("text, {max} characters"),
        Shape::Header => format!("ASCII text, {HEADER_BYTES_MAX} bytes"),
        Shape::HeaderName => format!(
            "letters, digits and the marks a header's name can have, {HEADER_NAME_BYTES_MAX} bytes"
        ),
        Shape::Bucket => "a bucket name".to_owned(),
        Shape::Boolean => "yes or no".to_owned(),
        Shape::Word(codes) => {
            let codes: Vec<String> = codes().iter().map(|code| format!("`{code}`")).collect();
            codes.join(", ")
        }
        Shape::Emails => format!("1 to {EMAILS_MAX} mail addresses, `;` between them"),
        Shape::Secret => format!("text, {SECRET_BYTES_MAX} bytes; never shown again"),
        Shape::Volume => format!("a number from 1 to {VOLUMES_MAX}"),
        Shape::Split => format!("`N x SIZE`, N from 1 to {SPLIT_DEVICES_MAX}"),
        Shape::Dollars => format!("up to {DOLLARS_DIGITS_MAX} digits, perhaps with cents"),
        Shape::Directory => format!(
            "a path below the device's root, {KEY_BYTES_MAX} bytes; no `..`, no `\\`, no slash in \
             front"
        ),
        Shape::Patterns => format!(
            "a list of up to {PATTERNS_MAX} regular expressions, {PATTERN_BYTES_MAX} bytes each"
        ),
        Shape::Texts {
            name,
            name_bytes_max,
            value,
            value_bytes_max,
            count_max,
        } => format!(
            "a mapping of up to {count_max} lines `{name}: {value}`, {name_bytes_max} and \
             {value_bytes_max} bytes"
        ),
        Shape::Members(_) => "a mapping, see below".to_owned(),
        Shape::Entries { count_max, .. } => {
            format!("a list of mappings, see below; 1 to {count_max}, in image imports 1")
        }
    }
}

fn meaning(row: &Row) -> String {
    let mut said = row.doc.to_owned();
    if row.since > ManifestVersion::V1_0 {
        let since = row.since.code();
        said.push_str(&format!(" Only with manifestVersion {since}."));
    }
    said
}
