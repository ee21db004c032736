//! Importing a disk that an export has filled: each file gets back the key, headers and metadata that
//! the sidecar says it had (`packhorse: {restoreExport: yes}`).
//!
//! The sidecar comes from the disk, so it is believed no more than a path is: its keys stay below the
//! bucket and prefix of the job, and what cannot be a header is left out.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use packhorse_core::export::{OBJECTS_FILE, ObjectRecord, SIDECAR};
use packhorse_core::ledger::EntryKind;
use packhorse_media::{Entry, Volume};
use packhorse_objects::client::ObjectMeta;
use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::export::Lines;
use crate::import::SourceVolume;
use crate::ledger::Ledger;

/// User metadata that S3 takes with an object, names and values together.
const METADATA_BYTES_MAX: usize = 2048;
/// The longest value of any other header here.
const HEADER_BYTES_MAX: usize = 1024;
/// Tags of an object, as S3 limits them.
const TAGS_MAX: usize = 10;
/// Of a tag's name.
const TAG_NAME_CHARS_MAX: usize = 128;
/// Of a tag's value.
const TAG_VALUE_CHARS_MAX: usize = 256;

/// Whether a path is the sidecar's own.
pub(crate) fn is_sidecar(path: &[u8]) -> bool {
    path.strip_prefix(SIDECAR.as_bytes())
        .is_some_and(|rest| rest.starts_with(b"/"))
}

/// Reads the sidecars of all volumes into the ledger. A line that is none is left out: its file is
/// imported under its path.
pub(crate) fn read(
    ledger: &Ledger,
    volumes: &[SourceVolume],
    stop: &CancellationToken,
) -> Result<(), Error> {
    ledger.forget_restored()?;
    for source in volumes {
        let Ok(volume) = &source.content else {
            continue;
        };
        let Some(entry) = find(volume.as_ref())? else {
            continue;
        };
        let mut lines = Lines::open(volume.as_ref(), &entry)?;
        ledger.restore(|| {
            while let Some(line) = lines.next_line()? {
                if stop.is_cancelled() {
                    return Err(Error::Stopped);
                }
                let text = String::from_utf8(line).ok();
                let known = text.and_then(|text| record(&text).map(|record| (record, text)));
                match known {
                    Some((record, text)) if !record.key.is_empty() => {
                        let path = format!("{}{}", source.folder, record.path).into_bytes();
                        return Ok(Some((path, record.key, text)));
                    }
                    _ => {
                        tracing::warn!(line = lines.number, "a line of {OBJECTS_FILE} is no record")
                    }
                }
            }
            Ok(None)
        })?;
    }
    Ok(())
}

/// The sidecar's list; the walk ends where it is found.
fn find(volume: &dyn Volume) -> Result<Option<Entry>, Error> {
    let mut found = None;
    volume.walk(&mut |entry| {
        if entry.path == OBJECTS_FILE.as_bytes() && entry.kind == EntryKind::File {
            found = Some(entry);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

/// A line as a record.
pub(crate) fn record(line: &str) -> Option<ObjectRecord> {
    serde_json::from_str(line).ok()
}

/// The headers of the object that a file was; what the record does not say stays as it is in `meta`.
pub(crate) fn meta(record: &ObjectRecord, meta: ObjectMeta) -> ObjectMeta {
    let header = |name: &str| {
        let value = record.headers.iter().find(|(known, _)| known == name);
        value
            .map(|(_, value)| value.clone())
            .filter(|value| is_header(value))
    };
    let own = !record.metadata.is_empty() && fits(&record.metadata);
    ObjectMeta {
        content_type: header("content-type").or(meta.content_type),
        content_encoding: header("content-encoding"),
        cache_control: header("cache-control").or(meta.cache_control),
        content_disposition: header("content-disposition").or(meta.content_disposition),
        content_language: header("content-language").or(meta.content_language),
        expires: header("expires").or(meta.expires),
        metadata: if own {
            record.metadata.clone()
        } else {
            meta.metadata
        },
        tags: match are_tags(&record.tags) {
            true => record.tags.clone(),
            false => meta.tags,
        },
        acl: meta.acl,
        storage_class: meta.storage_class,
        server_side_encryption: meta.server_side_encryption,
    }
}

/// Whether a store takes them: not too many, none twice, none too long.
fn are_tags(tags: &[(String, String)]) -> bool {
    let names: BTreeSet<&str> = tags.iter().map(|(name, _)| name.as_str()).collect();
    let fit = |(name, value): &(String, String)| {
        let (name, value) = (name.chars().count(), value.chars().count());
        (1..=TAG_NAME_CHARS_MAX).contains(&name) && value <= TAG_VALUE_CHARS_MAX
    };
    tags.len() <= TAGS_MAX && names.len() == tags.len() && tags.iter().all(fit)
}

fn is_header(value: &str) -> bool {
    let printable = value.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    printable && value.trim() == value && (1..=HEADER_BYTES_MAX).contains(&value.len())
}

/// Whether a store takes it all: names that can be headers, none twice, and not too much.
fn fits(metadata: &[(String, String)]) -> bool {
    let token = |name: &str| {
        let letter = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        !name.is_empty() && name.bytes().all(letter)
    };
    let mut names: Vec<String> = metadata
        .iter()
        .map(|(name, _)| name.to_ascii_lowercase())
        .collect();
    names.sort();
    let before = names.len();
    names.dedup();
    let bytes: usize = metadata
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    names.len() == before && names.iter().all(|name| token(name)) && bytes <= METADATA_BYTES_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
        let text = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        of.iter().map(text).collect()
    }

    #[test]
    fn a_record_gives_back_what_it_knows_and_nothing_that_is_no_header() {
        let of_job = ObjectMeta {
            content_type: Some("guessed".to_owned()),
            acl: Some("public-read".to_owned()),
            metadata: pairs(&[("job", "1")]),
            ..ObjectMeta::default()
        };
        let record = |headers, metadata| ObjectRecord {
            headers: pairs(headers),
            metadata: pairs(metadata),
            tags: pairs(&[("team", "a & b")]),
            ..ObjectRecord::default()
        };
        let known = record(
            &[("content-type", "a/b"), ("expires", "x\r\ny: z")],
            &[("n", "Zoë")],
        );
        let meta_of = |record: &ObjectRecord| meta(record, of_job.clone());
        let restored = meta_of(&known);
        assert_eq!(restored.content_type.as_deref(), Some("a/b"));
        assert_eq!(restored.expires, None);
        assert_eq!(restored.metadata, pairs(&[("n", "Zoë")]));
        assert_eq!(restored.acl.as_deref(), Some("public-read"));
        assert_eq!(restored.tags, known.tags);
        let twice = ObjectRecord {
            tags: pairs(&[("a", "1"), ("a", "2")]),
            ..known.clone()
        };
        assert_eq!(meta_of(&twice).tags, []);
        let long = "x".repeat(3000);
        for bad in [
            [("a b", "1")].as_slice(),
            &[("a", "1"), ("A", "2")],
            &[("a", &long)],
            &[("", "")],
        ] {
            assert_eq!(
                meta_of(&record(&[], bad)).metadata,
                pairs(&[("job", "1")]),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn only_what_is_in_the_folder_is_the_sidecar() {
        assert!(is_sidecar(b"PACKHORSE/objects.jsonl"));
        assert!(!is_sidecar(b"PACKHORSES/x") && !is_sidecar(b"a/PACKHORSE/x"));
    }
}
