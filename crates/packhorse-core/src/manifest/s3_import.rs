//! The options of an S3 import.

use crate::mapping::{IgnorePatterns, KEY_BYTES_MAX, PATTERNS_MAX, Substitutions};

use super::common::{self, Partial, Version};
use super::extensions;
use super::fields::Fields;
use super::headers;
use super::names;
use super::problem::Problems;
use super::types::{Kind, Manifest, ManifestVersion, S3Import};

/// The words the original put into WarningMessage when the device will be erased.
pub const ERASE_WARNING: &str = "**** Device will be erased before being returned. ****";
/// Pairs in `substitutions`: each is applied to every key.
const SUBSTITUTIONS_MAX: usize = 1000;
/// One pattern of `ignore`; the guide's longest has twenty characters.
const PATTERN_TEXT_BYTES_MAX: usize = 4096;

/// Reads a manifest of JobType Import. `None` if there was a problem.
pub(super) fn read(document: &Fields<'_>, problems: &mut Problems) -> Option<Manifest> {
    let common = common::read(document, problems);
    if common.version == Some(Version::V3_0) {
        refuse_images(document, problems);
        return None;
    }
    let kind = options(document, &common, problems);
    let extensions = extensions::read(document, problems);
    warn_of_unknown(document, problems);
    let kind = kind?;
    Some(Manifest {
        common: common.complete(Some(&kind.bucket))?,
        kind: Kind::S3Import(kind),
        extensions,
    })
}

/// Version 3.0: the device becomes a snapshot or an archive.
fn refuse_images(document: &Fields<'_>, problems: &mut Problems) {
    let what = "EBS and Glacier imports (manifestVersion 3.0)";
    common::unsupported(document, "manifestVersion", what, problems);
}

fn options(document: &Fields<'_>, common: &Partial, problems: &mut Problems) -> Option<S3Import> {
    let bucket = document
        .required("bucket", "the name of the bucket the files go to", problems)
        .and_then(|field| common::bucket(&field, problems));
    let erase_device = document
        .required(
            "eraseDevice",
            "`yes` or `no`: whether the device is erased before it is returned",
            problems,
        )
        .and_then(|field| field.boolean(problems));
    if erase_device == Some(true) {
        problems.warn(None, "", ERASE_WARNING);
    }
    let substitutions = substitutions(document, common, problems);
    let import = S3Import {
        prefix: prefix(document, &substitutions, problems).unwrap_or_default(),
        ignore: ignore(document, problems),
        headers: headers::read(document, problems),
        substitutions,
        bucket: bucket?,
        erase_device: erase_device?,
    };
    Some(import)
}

fn prefix(
    document: &Fields<'_>,
    substitutions: &Substitutions,
    problems: &mut Problems,
) -> Option<String> {
    let field = document.optional("prefix")?;
    let text = field.text(2 * KEY_BYTES_MAX, problems)?;
    if text.len() >= KEY_BYTES_MAX && substitutions.0.is_empty() {
        problems.add(field.wrong(format!(
            "has {} bytes; a key has at most {KEY_BYTES_MAX}, so no file could be stored",
            text.len()
        )));
        return None;
    }
    Some(text.to_owned())
}

fn substitutions(
    document: &Fields<'_>,
    common: &Partial,
    problems: &mut Problems,
) -> Substitutions {
    let Some(field) = document.optional("substitutions") else {
        return Substitutions::default();
    };
    if matches!(common.version, Some(Version::Known(version)) if version < ManifestVersion::V2_0) {
        let mut problem = field.wrong("is only available with `manifestVersion: 2.0`");
        problem.position = Some(field.at);
        problems.add(problem);
    }
    let Some(members) = field.mapping(problems) else {
        return Substitutions::default();
    };
    let mut pairs = Vec::new();
    for to in members.all() {
        if pairs.len() == SUBSTITUTIONS_MAX {
            problems.add(field.wrong(format!("has more than {SUBSTITUTIONS_MAX} pairs")));
            break;
        }
        if to.name.is_empty() {
            let mut problem = to.wrong("the text to be replaced must not be empty");
            problem.position = Some(to.at);
            problems.add(problem);
        } else if to.name.len() > KEY_BYTES_MAX {
            let mut problem = to.wrong(format!(
                "the text to be replaced has more than {KEY_BYTES_MAX} bytes, more than any key"
            ));
            problem.position = Some(to.at);
            problems.add(problem);
        } else if let Some(text) = to.text(KEY_BYTES_MAX, problems) {
            pairs.push((to.name.to_owned(), text.to_owned()));
        }
    }
    Substitutions(pairs)
}

fn ignore(document: &Fields<'_>, problems: &mut Problems) -> IgnorePatterns {
    let Some(field) = document.optional("ignore") else {
        return IgnorePatterns::default();
    };
    let items = field.items();
    if items.len() > PATTERNS_MAX {
        problems.add(field.wrong(format!(
            "has {} patterns, at most {PATTERNS_MAX} are allowed",
            items.len()
        )));
        return IgnorePatterns::default();
    }
    let mut patterns = Vec::with_capacity(items.len());
    for item in items {
        match item.text(PATTERN_TEXT_BYTES_MAX, problems) {
            Some("") => problems.add(item.wrong("an empty pattern would ignore every file")),
            Some(text) => patterns.push((item, text)),
            None => {}
        }
    }
    let texts: Vec<&str> = patterns.iter().map(|(_, text)| *text).collect();
    IgnorePatterns::compile(&texts).unwrap_or_else(|refused| {
        for refused in refused {
            if let Some((item, _)) = patterns.get(refused.index) {
                problems.add(item.wrong_at(refused.character, &refused.reason));
            }
        }
        IgnorePatterns::default()
    })
}

/// Options nobody reads: of another kind of job, or of none.
fn warn_of_unknown(document: &Fields<'_>, problems: &mut Problems) {
    let known: Vec<&str> = [names::COMMON, names::S3_IMPORT].concat();
    for field in document.unknown(&known, problems) {
        let name = field.name;
        let message = if names::OTHER_KINDS.contains(&name) {
            "belongs to other kinds of job and is ignored in an S3 import".to_owned()
        } else if names::EXTENSIONS.contains(&name) {
            format!("is ignored here; it belongs under `packhorse:`, as `  {name}: …`")
        } else if names::ADDRESS.contains(&name) {
            format!("is ignored here; indent it below `returnAddress:`, as `  {name}: …`")
        } else if names::CUSTOMS.contains(&name) {
            format!("is ignored here; indent it below `customs:`, as `  {name}: …`")
        } else {
            format!("is not known and is ignored{}", names::hint(name, &known))
        };
        problems.warn(field.at, &field.path, message);
    }
}
