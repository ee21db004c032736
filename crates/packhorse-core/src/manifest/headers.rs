//! The options that become headers of every stored object.

use std::collections::HashSet;

use super::common::too_many;
use super::fields::{Field, Fields};
use super::options::limits::{HEADER_BYTES_MAX, HEADER_NAME_BYTES_MAX, MEMBERS_MAX};
use super::options::{Place, Row};
use super::problem::{ProblemKind, Problems, shown};
use super::types::ObjectHeaders;

/// All user metadata of an object, names and values; S3 refuses more.
const METADATA_BYTES_MAX: usize = 2048;

/// Reads them all.
pub(super) fn read(document: &Fields<'_>, problems: &mut Problems) -> ObjectHeaders {
    let value = |name, problems: &mut Problems| {
        let field = document.get(name)?;
        header_value(&field, problems)
    };
    let static_metadata = static_metadata(document, problems);
    ObjectHeaders {
        acl: document
            .get("acl")
            .and_then(|field| field.one_of(problems))
            .unwrap_or_default(),
        cache_control: value("cacheControl", problems),
        content_disposition: value("contentDisposition", problems),
        content_language: value("contentLanguage", problems),
        expires: expires(document, problems),
        content_types: content_types(document, problems),
        default_content_type: default_content_type(document, problems),
        set_content_encoding_for_gz_files: document
            .get("setContentEncodingForGzFiles")
            .and_then(|field| field.boolean(problems))
            .unwrap_or_default(),
        disk_timestamp_metadata_key: timestamp_key(document, &static_metadata, problems),
        static_metadata,
        storage_class: document
            .get("storageClass")
            .and_then(|field| field.one_of(problems))
            .unwrap_or_default(),
    }
}

/// A value as the original passed it on: unchecked, but for what cannot travel in a header.
fn header_value(field: &Field<'_>, problems: &mut Problems) -> Option<String> {
    let text = field.text(HEADER_BYTES_MAX, problems)?;
    if let Some(outside) = text.chars().find(|c| !c.is_ascii()) {
        problems.add(field.wrong(format!(
            "contains {}, but a header can only carry ASCII",
            shown(&outside.to_string())
        )));
        return None;
    }
    Some(text.trim().to_owned())
}

/// The original's own sample has `expires: tomorrow`, so what is no date is sent all the same.
fn expires(document: &Fields<'_>, problems: &mut Problems) -> Option<String> {
    let field = document.get("expires")?;
    let value = header_value(&field, problems)?;
    if jiff::fmt::rfc2822::parse(&value).is_err() {
        let message = format!(
            "{} is not a date as HTTP writes it and is sent as it stands: caches will take the \
             objects for expired; write a date such as `Mon, 01 Dec 2031 16:00:00 GMT`, its day of \
             the week too",
            shown(&value)
        );
        field.tolerate(problems, message);
    }
    Some(value)
}

fn default_content_type(document: &Fields<'_>, problems: &mut Problems) -> Option<String> {
    let field = document.get("defaultContentType")?;
    let value = header_value(&field, problems)?;
    check_type(&field, &value, problems);
    Some(value)
}

/// Warns of what is no content type: it is sent as it stands.
fn check_type(field: &Field<'_>, value: &str, problems: &mut Problems) {
    let essence = value.split(';').next().unwrap_or_default().trim();
    let is_type = |(kind, subtype)| is_token(kind) && is_token(subtype);
    if !essence.split_once('/').is_some_and(is_type) {
        let message = format!(
            "{} is not of the form `type/subtype`, such as `text/plain`; it is sent as it stands",
            shown(value)
        );
        field.tolerate(problems, message);
    }
}

fn content_types(document: &Fields<'_>, problems: &mut Problems) -> Vec<(String, String)> {
    let mut types = Vec::new();
    for field in members(document, "contentTypes", problems) {
        if field.name.starts_with('.') {
            let bare = field.name.trim_start_matches('.');
            let message = format!(
                "matches no file: write the extension without a dot, {}",
                shown(bare)
            );
            let kind = ProblemKind::InvalidField;
            problems.tolerate(kind, field.at, &field.path, message);
        }
        let Some(value) = header_value(&field, problems) else {
            continue;
        };
        check_type(&field, &value, problems);
        types.push((field.name.to_owned(), value));
    }
    types
}

fn static_metadata(document: &Fields<'_>, problems: &mut Problems) -> Vec<(String, String)> {
    let mut metadata = Vec::new();
    let mut seen = HashSet::new();
    for field in members(document, "staticMetadata", problems) {
        if !is_token(field.name) {
            problems.add(field.wrong_name(NOT_A_TOKEN));
            continue;
        }
        if !seen.insert(field.name.to_ascii_lowercase()) {
            let message = "stands twice: names of metadata do not differ by case";
            problems.add(field.wrong_name(message));
            continue;
        }
        if Place::Document.row(field.name).is_some_and(Row::is_secret) {
            let message = "is stored with every object, for all who may read it; the option of \
                           this name belongs to the manifest itself, without indentation";
            let kind = ProblemKind::InvalidField;
            problems.tolerate(kind, field.at, &field.path, message);
        }
        if let Some(value) = header_value(&field, problems) {
            metadata.push((field.name.to_owned(), value));
        }
    }
    let bytes: usize = metadata
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    if bytes > METADATA_BYTES_MAX
        && let Some(field) = document.get("staticMetadata")
    {
        let message = format!(
            "has {bytes} bytes together; most stores refuse objects with more than \
             {METADATA_BYTES_MAX}"
        );
        field.warn(problems, message);
    }
    metadata
}

fn timestamp_key(
    document: &Fields<'_>,
    metadata: &[(String, String)],
    problems: &mut Problems,
) -> Option<String> {
    let field = document.get("diskTimestampMetadataKey")?;
    let name = field.text(HEADER_BYTES_MAX, problems)?;
    if !is_token(name) {
        problems.add(field.wrong(NOT_A_TOKEN));
        return None;
    }
    if metadata
        .iter()
        .any(|(other, _)| other.eq_ignore_ascii_case(name))
    {
        problems.add(field.wrong(format!("staticMetadata has {} too", shown(name))));
        return None;
    }
    Some(name.to_owned())
}

/// The members of a mapping whose names the customer chose.
fn members<'a>(document: &Fields<'a>, name: &str, problems: &mut Problems) -> Vec<Field<'a>> {
    let Some(field) = document.get(name) else {
        return Vec::new();
    };
    let Some(members) = field.free_members(problems) else {
        return Vec::new();
    };
    let members: Vec<Field<'a>> = members.all().collect();
    if members.len() > MEMBERS_MAX {
        problems.add(too_many(&field, members.len(), MEMBERS_MAX, "members"));
        return Vec::new();
    }
    members
}

const NOT_A_TOKEN: &str = "cannot be a name of metadata: it becomes a part of a header's name, so \
     it is letters, digits and any of !#$%&'*+-.^_|~";

/// A name a header can have (RFC 9110, 5.6.2), short enough to be sent.
fn is_token(name: &str) -> bool {
    let mark = |byte: u8| b"!#$%&'*+-.^_`|~".contains(&byte);
    let inside = name.bytes().all(|b| b.is_ascii_alphanumeric() || mark(b));
    !name.is_empty() && name.len() <= HEADER_NAME_BYTES_MAX && inside
}
