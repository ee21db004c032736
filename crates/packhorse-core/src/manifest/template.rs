//! An annotated manifest to start from, made of the table of options.

use super::options::{Need, Place, Row, Section, Shape};
use super::words::{JobKind, Word as _};

/// A line of a comment has at most this many characters.
const WIDTH: usize = 96;

/// An annotated manifest of this kind: what it must have as options, the others as comments.
pub fn template(kind: JobKind) -> String {
    let mut text = String::new();
    let what = match kind {
        JobKind::S3Import => "the files on a device become objects in a bucket",
        JobKind::S3Export => "objects of your buckets become files on a device",
        JobKind::EbsImport => "the whole device becomes a snapshot of a volume",
        JobKind::GlacierImport => "the whole device becomes one archive in a vault",
    };
    comment(
        &mut text,
        "",
        &format!("Manifest of an {kind}: {what}.").replace("an G", "a G"),
    );
    let hint = "Lines that begin with `#` are comments. Remove the `#` to use an option.";
    comment(&mut text, "", hint);
    let rows = || Place::Document.rows().iter().filter(|row| row.is_of(kind));
    text.push('\n');
    for row in rows().filter(|row| row.is_required(kind)) {
        write(&mut text, row, kind, "");
    }
    for (section, heading) in Section::ALL {
        let optional = rows().filter(|row| row.section == section && !row.is_required(kind));
        let optional: Vec<&Row> = optional.collect();
        if !optional.is_empty() {
            text.push_str(&format!("\n# ---- {heading} ----\n"));
        }
        for row in optional {
            write(&mut text, row, kind, "# ");
        }
    }
    text
}

/// An option with what it means; `mark` stands in front of each line.
fn write(text: &mut String, row: &Row, kind: JobKind, mark: &str) {
    describe(text, row, mark);
    match row.shape {
        Shape::Version => {
            let version = kind.versions().last().map_or("", |version| version.code());
            text.push_str(&format!("{mark}{}: {version}\n", row.name));
        }
        Shape::Members(place) => {
            text.push_str(&format!("{mark}{}:\n", row.name));
            members(text, place, kind, mark, ["  ", "  "]);
        }
        Shape::Entries { of, .. } => {
            text.push_str(&format!("{mark}{}:\n", row.name));
            members(text, of, kind, mark, ["  - ", "    "]);
        }
        Shape::Texts { .. } | Shape::Patterns => {
            text.push_str(&format!("{mark}{}:\n", row.name));
            for line in row.example.lines() {
                text.push_str(&format!("{mark}  {line}\n"));
            }
        }
        _ => text.push_str(&format!("{mark}{}: {}\n", row.name, example(row, kind))),
    }
}

/// The members of a mapping. Those that may be left out are comments in a template's options, too;
/// the first line begins with `indents[0]`.
fn members(text: &mut String, place: Place, kind: JobKind, mark: &str, indents: [&str; 2]) {
    let [mut first, rest] = indents;
    for row in place.rows().iter().filter(|row| row.is_of(kind)) {
        let optional = matches!(row.need, Need::Optional | Need::Default(_));
        let inner = match (mark, optional) {
            ("", true) => format!("{rest}# "),
            _ => format!("{mark}{rest}"),
        };
        // Above an entry of a list a comment stands in the column of its dash.
        match first == rest {
            true => describe(text, row, &inner),
            false => describe(text, row, &format!("{mark}  ")),
        }
        let start = match (mark, optional) {
            ("", true) => inner,
            _ => format!("{mark}{first}"),
        };
        first = rest;
        text.push_str(&format!("{start}{}: {}\n", row.name, example(row, kind)));
    }
}

fn example(row: &Row, kind: JobKind) -> &'static str {
    match (row.name, kind) {
        ("destination", JobKind::EbsImport) => "ebs",
        _ => row.example,
    }
}

/// What the option means, and what it may be.
fn describe(text: &mut String, row: &Row, mark: &str) {
    let mut said = row.doc.to_owned();
    if let Shape::Word(codes) = row.shape
        && codes().len() > 1
    {
        said.push_str(&format!(" One of: {}.", codes().join(", ")));
    }
    if let Need::When(when) = row.need {
        said.push_str(&format!(" It is {when}."));
    }
    let mark = mark.trim_end_matches("# ");
    comment(text, mark, &said);
}

/// A comment, broken into lines.
fn comment(text: &mut String, indent: &str, said: &str) {
    let mut line = format!("{indent}#");
    for word in said.split(' ') {
        if line.chars().count() + word.chars().count() >= WIDTH {
            text.push_str(&line);
            text.push('\n');
            line = format!("{indent}#");
        }
        line.push(' ');
        line.push_str(word);
    }
    text.push_str(&line);
    text.push('\n');
}
