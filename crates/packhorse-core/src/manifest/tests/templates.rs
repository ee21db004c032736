//! The templates: usable as they are, and with every option in them.

use super::super::options::{self, Place};
use super::*;

/// The template with every option that is a comment written out.
fn written_out(template: &str) -> String {
    let line = |line: &str| {
        let bare = line.trim_start();
        let indent = &line[..line.len() - bare.len()];
        let Some(rest) = bare.strip_prefix("# ") else {
            return line.to_owned();
        };
        let name = rest.split(':').next().unwrap_or_default();
        let is_option = options::all().any(|(_, row)| row.name == name);
        match is_option || rest.starts_with("  ") {
            true => format!("{indent}{rest}"),
            false => line.to_owned(),
        }
    };
    template.lines().map(|l| line(l) + "\n").collect()
}

#[test]
fn each_template_is_valid_without_a_warning() {
    for (name, kind) in JobKind::WORDS {
        let (manifest, mut warnings) = accept_as(template(*kind), kind.job_type());
        if *kind == JobKind::S3Export {
            assert!(warnings.remove(0).contains("unencrypted"));
        }
        assert_eq!(warnings, [""; 0], "{name}");
        assert_eq!(manifest.kind.name(), *kind);
    }
}

#[test]
fn each_template_holds_every_option_of_its_kind() {
    for (name, kind) in JobKind::WORDS {
        let text = written_out(&template(*kind));
        let (_, warnings) = accept_as(&text, kind.job_type());
        let is_other = |warning: &&String| !warning.contains("encrypted devices cannot be");
        assert_eq!(warnings.iter().find(is_other), None, "{text}");
        for (place, row) in options::all().filter(|(_, row)| row.is_of(*kind)) {
            let holder = Place::Document.row(place.name());
            if holder.is_some_and(|holder| !holder.is_of(*kind)) {
                continue;
            }
            let is_it = |line: &str| {
                line.trim_start()
                    .trim_start_matches("- ")
                    .starts_with(row.name)
            };
            assert!(text.lines().any(is_it), "{name} lacks {}", row.name);
        }
    }
}
