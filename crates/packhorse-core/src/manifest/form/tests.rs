//! A manifest as a form, and back: nothing is lost between the two, or it is named.

use proptest::prelude::*;

use super::*;
use crate::job::JobType;
use crate::manifest::words::Word as _;
use crate::manifest::{read, template};

fn asked(kind: JobKind) -> Vec<String> {
    let groups = groups(kind).into_iter();
    let paths = groups.flat_map(|group| {
        let of = match (group.of, group.repeats) {
            ("", _) => String::new(),
            (of, false) => format!("{of}."),
            (of, true) => format!("{of}[0]."),
        };
        let names = group.questions.into_iter();
        names.map(move |question| format!("{of}{}", question.name))
    });
    paths.collect()
}

#[test]
fn every_option_of_every_kind_is_asked_for_once() {
    for (_, kind) in JobKind::WORDS {
        let asked = asked(*kind);
        for (place, row) in crate::manifest::options::all() {
            let holder = Place::Document.row(place.name());
            let is_of = row.is_of(*kind) && holder.is_none_or(|holder| holder.is_of(*kind));
            let is_group = matches!(row.shape, Shape::Members(_) | Shape::Entries { .. });
            let path = match place {
                Place::Document => row.name.to_owned(),
                Place::Operation => format!("operations[0].{}", row.name),
                other => format!("{}.{}", other.name(), row.name),
            };
            let times = asked.iter().filter(|asked| **asked == path).count();
            let expected = is_of && !is_group && !matches!(row.name, "manifestVersion" | "split");
            assert_eq!(times, usize::from(expected), "{kind}: {path}");
        }
    }
}

#[test]
fn a_form_of_examples_makes_a_valid_manifest_and_reads_back() {
    let mut answers = Answers::new();
    for path in asked(JobKind::S3Import) {
        let name = path.rsplit('.').next().unwrap();
        let rows = crate::manifest::options::all();
        let row = rows
            .map(|(_, row)| row)
            .find(|row| row.name == name)
            .unwrap();
        let example = match row.shape {
            Shape::Texts { .. } => "log = text/plain\na b = c: d # e",
            Shape::Patterns => "\\.tmp$\n^lost\\+found/",
            _ => row.example,
        };
        let example = example.trim_matches('\'');
        if name != "restoreExport" && name != "accessKeyId" {
            answers.insert(path, example.to_owned());
        }
    }
    answers.insert(
        "staticMetadata".to_owned(),
        "project = an archive".to_owned(),
    );
    let text = write(JobKind::S3Import, &answers);
    let reading = read(&text, JobType::Import);
    assert!(reading.is_ok(), "{text}\n{reading:?}");
    let filled = super::answers(&text).unwrap();
    answers.insert("manifestVersion".to_owned(), "2.0".to_owned());
    assert_eq!(filled.answers, answers);
    assert_eq!(filled.unshown, Vec::<String>::new());
}

#[test]
fn an_export_has_as_many_entries_as_were_answered() {
    let set = |path: &str, value: &str| (path.to_owned(), value.to_owned());
    let answers = Answers::from([
        set("operations[0].exportBucket", "one"),
        set("operations[0].prefix", "a/"),
        set("operations[1].exportBucket", ""),
        set("operations[10].exportBucket", "two"),
    ]);
    let text = write(JobKind::S3Export, &answers);
    let expected = "operations:\n  - exportBucket: one\n    prefix: a/\n  - exportBucket: two\n";
    assert!(text.ends_with(expected), "{text}");
}

#[test]
fn what_a_form_cannot_show_is_named() {
    let text = "bucket: b\ncolour: red\nsubstitutions:\n  \"a = b\": c\nignore:\n  - [x]\n\
                returnAddress: [1]\nprefix: |\n  two\n  lines\npackhorse:\n  colour: blue\n";
    let filled = answers(text).unwrap();
    let expected = [
        "colour",
        "substitutions",
        "ignore",
        "returnAddress",
        "prefix",
        "packhorse.colour",
    ];
    assert_eq!(filled.unshown, expected);
    assert_eq!(
        filled.answers,
        Answers::from([("bucket".into(), "b".into())])
    );
    for text in ["", "- a", "a", "a: [", "\0"] {
        assert_eq!(answers(text), None, "{text:?}");
    }
}

#[test]
fn the_templates_fill_the_form() {
    for (_, kind) in JobKind::WORDS {
        let filled = answers(&template(*kind)).unwrap();
        assert_eq!(filled.unshown, Vec::<String>::new(), "{kind}");
        assert!(filled.answers.len() > 5, "{kind}");
    }
}

proptest! {
    /// Whatever is typed, the text means that and nothing else.
    #[test]
    fn any_answer_reads_back(bucket in "\\PC{1,40}", city in "[ -~]{1,40}", line in "\\PC{1,20}") {
        let mut typed = Answers::new();
        let mut put = |path: &str, text: &str| typed.insert(path.to_owned(), text.to_owned());
        put("bucket", &bucket);
        put("returnAddress.city", &city);
        put("trueCryptPassword", &line);
        let is_blank = line.trim().is_empty();
        if !is_blank {
            put("ignore", &format!("{line}\n{city}x"));
            if !line.contains(" =") {
                put("substitutions", &format!("{line} = {city}"));
            }
        }
        let text = write(JobKind::S3Import, &typed);
        let filled = answers(&text);
        prop_assert!(filled.is_some(), "{text}");
        let mut read = filled.unwrap_or_default();
        read.answers.remove("manifestVersion");
        prop_assert_eq!(read.answers, typed, "{}", text);
    }
}
