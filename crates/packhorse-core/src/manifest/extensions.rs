//! `packhorse:`: what this service can do beyond the original.

use super::availability;
use super::fields::Fields;
use super::options::Place;
use super::problem::Problems;
use super::types::Extensions;
use super::words::{JobKind, Word};

/// Reads the members.
pub(super) fn read(document: &Fields<'_>, kind: JobKind, problems: &mut Problems) -> Extensions {
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
    }
}

fn word<W: Word>(members: &Fields<'_>, name: &str, problems: &mut Problems) -> Option<W> {
    members.get(name)?.one_of(problems)
}
