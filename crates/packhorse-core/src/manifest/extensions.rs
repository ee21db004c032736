//! `packhorse:`: what this service can do beyond the original.

use super::fields::Fields;
use super::names;
use super::problem::Problems;
use super::types::{ConflictPolicy, Extensions, Verification};

/// The values of `x-amz-server-side-encryption`.
const ENCRYPTIONS: [(&str, &str); 2] = [("AES256", "AES256"), ("aws:kms", "aws:kms")];

/// Reads the members. A misspelt one is an error: nobody wrote these by accident, and leaving one
/// out silently could cost data.
pub(super) fn read(document: &Fields<'_>, problems: &mut Problems) -> Extensions {
    let Some(field) = document.optional("packhorse") else {
        return Extensions::default();
    };
    let Some(members) = field.mapping(problems) else {
        return Extensions::default();
    };
    for unknown in members.unknown(names::EXTENSIONS, problems) {
        let mut problem = unknown.wrong(format!(
            "is not known; known: {}{}",
            names::EXTENSIONS.join(", "),
            names::hint(unknown.name, names::EXTENSIONS)
        ));
        problem.position = Some(unknown.at);
        problems.add(problem);
    }
    let boolean = |name, problems: &mut Problems| {
        let field = members.optional(name)?;
        field.boolean(problems)
    };
    let verify = [
        ("checksum", Verification::Checksum),
        ("reread", Verification::Reread),
    ];
    let conflict = [
        ("overwrite", ConflictPolicy::Overwrite),
        ("keep", ConflictPolicy::Keep),
        ("fail", ConflictPolicy::Fail),
    ];
    Extensions {
        skip_junk: boolean("skipJunk", problems).unwrap_or_default(),
        preserve_metadata: boolean("preserveMetadata", problems).unwrap_or_default(),
        server_side_encryption: members
            .optional("serverSideEncryption")
            .and_then(|field| field.one_of(&ENCRYPTIONS, problems))
            .map(str::to_owned),
        verify: members
            .optional("verify")
            .and_then(|field| field.one_of(&verify, problems))
            .unwrap_or_default(),
        on_conflict: members
            .optional("onConflict")
            .and_then(|field| field.one_of(&conflict, problems))
            .unwrap_or_default(),
    }
}
