//! `operations`, of all kinds that have it.

use crate::mapping::KEY_BYTES_MAX;

use super::common::{self, too_many};
use super::fields::{Field, Fields};
use super::options::Place;
use super::options::limits::{
    ARCHIVE_COMMENT_CHARS_MAX, OPERATIONS_MAX, REGION_BYTES_MAX, VAULT_NAME_BYTES_MAX,
};
use super::problem::{Problems, shown};
use super::types::ExportOperation;
use super::words::{Destination, ImageSource, JobKind};
use super::{availability, directory};

/// The sets of objects of an export, in source order. `None` if one has a problem.
pub(super) fn exports(
    document: &Fields<'_>,
    problems: &mut Problems,
) -> Option<Vec<ExportOperation>> {
    let entries = entries(document, JobKind::S3Export, OPERATIONS_MAX, problems)?;
    let read = entries.iter().map(|entry| export(entry, problems));
    let read: Vec<Option<ExportOperation>> = read.collect();
    read.into_iter().collect()
}

fn export(entry: &Fields<'_>, problems: &mut Problems) -> Option<ExportOperation> {
    let key = |name, problems: &mut Problems| {
        let field = entry.get(name)?;
        field.text(KEY_BYTES_MAX, problems).map(str::to_owned)
    };
    let bucket = entry
        .get("exportBucket")
        .and_then(|field| common::bucket(&field, problems));
    let prefix = key("prefix", problems).unwrap_or_default();
    let (begin_marker, end_marker) = (key("beginMarker", problems), key("endMarker", problems));
    let target_directory = entry
        .get("targetDirectory")
        .and_then(|field| directory::read(&field, problems));
    // Legal, as the guide says, but hardly meant.
    if let (Some(begin), Some(end)) = (&begin_marker, &end_marker)
        && begin >= end
        && let Some(field) = entry.get("endMarker")
    {
        field.warn(
            problems,
            "is not after beginMarker, so this entry exports nothing",
        );
    }
    let past = |begin: &String| begin > &prefix && !begin.starts_with(&prefix);
    if let Some(field) = entry.get("beginMarker")
        && begin_marker.as_ref().is_some_and(past)
    {
        let message = "comes after every key that begins with prefix, so this entry exports nothing; \
                       a marker is a whole key, prefix included";
        field.warn(problems, message);
    }
    if let Some(field) = entry.get("endMarker")
        && end_marker.as_ref().is_some_and(|end| *end < prefix)
    {
        let message = "comes before every key that begins with prefix, so this entry exports \
                       nothing; a marker is a whole key, prefix included";
        field.warn(problems, message);
    }
    Some(ExportOperation {
        export_bucket: bucket?,
        prefix,
        begin_marker,
        end_marker,
        target_directory,
    })
}

/// What becomes of the image of a device.
pub(super) struct Image {
    pub(super) region: String,
    /// Of a Glacier import.
    pub(super) vault_name: Option<String>,
    /// Of a Glacier import.
    pub(super) archive_comment: Option<String>,
}

/// The one entry of an EBS or Glacier import.
pub(super) fn image(
    document: &Fields<'_>,
    kind: JobKind,
    problems: &mut Problems,
) -> Option<Image> {
    let entries = entries(document, kind, 1, problems)?;
    let entry = entries.first()?;
    let destination: Option<Destination> = entry
        .get("destination")
        .and_then(|field| field.one_of(problems));
    let source: Option<ImageSource> = entry.get("source").and_then(|field| field.one_of(problems));
    let name = |name, bytes_max, problems: &mut Problems| {
        let field = entry.get(name)?;
        let text = field.text(bytes_max, problems)?;
        let mark = |byte: u8| matches!(byte, b'-' | b'_' | b'.');
        let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || mark(b));
        if !plain {
            let text = shown(text);
            problems.add(field.wrong(format!("{text} is not made of letters, digits, -, _ and .")));
        }
        plain.then(|| text.to_owned())
    };
    let region = name("region", REGION_BYTES_MAX, problems);
    let (mut vault_name, mut archive_comment) = (None, None);
    if kind == JobKind::GlacierImport {
        vault_name = name("vaultName", VAULT_NAME_BYTES_MAX, problems);
        archive_comment = entry
            .get("archiveComment")
            .and_then(|field| comment(&field, problems));
    }
    let _both = (destination?, source?);
    Some(Image {
        region: region?,
        vault_name,
        archive_comment,
    })
}

fn comment(field: &Field<'_>, problems: &mut Problems) -> Option<String> {
    let text = field.any_text(problems)?;
    let count = text.chars().count();
    if count > ARCHIVE_COMMENT_CHARS_MAX {
        problems.add(too_many(
            field,
            count,
            ARCHIVE_COMMENT_CHARS_MAX,
            "characters",
        ));
        return None;
    }
    Some(text.to_owned())
}

/// The entries as mappings, each compared with the table.
fn entries<'a>(
    document: &Fields<'a>,
    kind: JobKind,
    count_max: usize,
    problems: &mut Problems,
) -> Option<Vec<Fields<'a>>> {
    let field = document.get(Place::Operation.name())?;
    let items = field.items(problems);
    if items.is_empty() {
        problems.add(field.wrong("must have at least one entry, in lines that begin with `- `"));
        return None;
    }
    if items.len() > count_max {
        problems.add(too_many(&field, items.len(), count_max, "entries"));
        return None;
    }
    let mut entries = Vec::with_capacity(items.len());
    for item in items {
        let members = item.members(Place::Operation, problems)?;
        availability::check(&members, kind, None, problems);
        entries.push(members);
    }
    Some(entries)
}
