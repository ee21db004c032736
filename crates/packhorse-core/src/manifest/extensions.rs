//! `packhorse:`: what this service can do beyond the original.

use super::fields::Fields;
use super::options::Place;
use super::options::limits::VOLUMES_MAX;
use super::problem::Problems;
use super::types::Extensions;
use super::words::{JobKind, Word};
use super::{Facility, availability, split};

/// Reads the members.
pub(super) fn read(
    document: &Fields<'_>,
    kind: JobKind,
    facility: Option<&Facility>,
    problems: &mut Problems,
) -> Extensions {
    let row = Place::Document.row(Place::Packhorse.name());
    if !row.is_some_and(|row| row.is_of(kind)) {
        return Extensions::default(); // That this kind has none was said with the document.
    }
    let members = document
        .get(Place::Packhorse.name())
        .and_then(|field| field.members(Place::Packhorse, problems));
    let Some(members) = members else {
        return Extensions::default();
    };
    availability::check(&members, kind, None, problems);
    let boolean = |name, problems: &mut Problems| {
        let read = members.get(name).and_then(|field| field.boolean(problems));
        read.unwrap_or_default()
    };
    Extensions {
        skip_junk: boolean("skipJunk", problems),
        preserve_metadata: boolean("preserveMetadata", problems),
        server_side_encryption: word(&members, "serverSideEncryption", problems),
        verify: word(&members, "verify", problems).unwrap_or_default(),
        on_conflict: word(&members, "onConflict", problems).unwrap_or_default(),
        unlock: word(&members, "unlock", problems).unwrap_or_default(),
        volume: volume(&members, problems),
        restore_export: boolean("restoreExport", problems),
        remove_deleted: boolean("removeDeleted", problems),
        split: split::read(&members, facility, problems),
    }
}

fn volume(members: &Fields<'_>, problems: &mut Problems) -> Option<u32> {
    let field = members.get("volume")?;
    let number = field.word(problems)?.parse().ok();
    let number = number.filter(|number| (1..=VOLUMES_MAX).contains(number));
    if number.is_none() {
        problems.add(field.wrong(format!("must be a number from 1 to {VOLUMES_MAX}")));
    }
    number
}

fn word<W: Word>(members: &Fields<'_>, name: &str, problems: &mut Problems) -> Option<W> {
    members.get(name)?.one_of(problems)
}
