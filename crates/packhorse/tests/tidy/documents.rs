//! The documents say what the code does: tables and examples are held against it.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use packhorse_core::job::JobType;
use packhorse_core::ledger::Verdict;
use packhorse_core::manifest::{self, Options};
use packhorse_core::mapping::{self, Target};
use packhorse_wire::actions::EXCEPTIONS;
use packhorse_wire::fault::FaultCode;

use crate::{files, read, root};

/// The part of a document under a heading, up to the next heading of any level.
fn section<'a>(document: &'a str, heading: &str) -> &'a str {
    let (_, rest) = document
        .split_once(&format!("\n{heading}\n"))
        .unwrap_or_else(|| panic!("no heading {heading}"));
    rest.find("\n#").map_or(rest, |end| &rest[..end])
}

/// The rows of the first table, cells without blanks and code marks.
fn rows(section: &str) -> Vec<Vec<String>> {
    let lines = section.lines().skip_while(|line| !line.starts_with('|'));
    let table = lines.take_while(|line| line.starts_with('|')).skip(2);
    let cell = |cell: &str| {
        let cell = cell.trim();
        cell.strip_prefix('`')
            .and_then(|c| c.strip_suffix('`'))
            .unwrap_or(cell)
            .to_owned()
    };
    table
        .map(|line| line.trim_matches('|').split('|').map(cell).collect())
        .collect()
}

#[test]
fn the_states_are_those_of_the_code() {
    let semantics = read("docs/SEMANTICS.md");
    let states = section(&semantics, "### Every transition");
    let (_, block) = states.split_once("```text\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    assert_eq!(block, read("crates/packhorse-core/src/job_states.txt"));
}

#[test]
fn the_report_codes_are_those_of_the_code() {
    let semantics = read("docs/SEMANTICS.md");
    let documented: BTreeSet<_> = rows(section(&semantics, "### Codes"))
        .into_iter()
        .map(|row| (row[0].clone(), row[1].clone()))
        .collect();
    let known: BTreeSet<_> = Verdict::own()
        .into_iter()
        .map(|v| (v.status.to_string(), v.code))
        .collect();
    assert_eq!(documented, known);
}

#[test]
fn the_faults_of_the_api_are_those_of_the_code() {
    let api = read("docs/API.md");
    let documented: Vec<_> = rows(section(&api, "## Exceptions and faults"))
        .into_iter()
        .map(|row| (row[0].clone(), row[1].clone()))
        .collect();
    let known: Vec<_> = FaultCode::ALL
        .iter()
        .map(|code| (code.wire().to_owned(), code.status().to_string()))
        .collect();
    assert_eq!(documented, known);
}

#[test]
fn the_exceptions_of_each_action_are_those_of_the_code() {
    let api = read("docs/API.md");
    for of in &EXCEPTIONS {
        let text = section(&api, &format!("## {}", of.action));
        let (_, named) = text.split_once("\nExceptions: ").unwrap();
        let (named, _) = named.split_once("\n\n").unwrap();
        let known = FaultCode::ALL.iter().filter(|code| {
            let name = code.wire().strip_suffix("Exception");
            name.is_some_and(|name| {
                named
                    .split(|c: char| !c.is_alphanumeric())
                    .any(|w| w == name)
            })
        });
        let documented: BTreeSet<_> = known.map(|code| code.wire()).collect();
        let raised = of.model.iter().chain(of.beyond).map(|code| code.wire());
        assert_eq!(documented, raised.collect(), "{}", of.action);
    }
}

#[test]
fn the_limits_of_a_request_are_those_of_the_code() {
    let limit = packhorse_wire::query::BODY_BYTES_MAX;
    let limit = format!(
        "{},{:03},{:03} bytes",
        limit / 1_000_000,
        limit / 1000 % 1000,
        limit % 1000
    );
    for document in ["docs/API.md", "docs/SEMANTICS.md"] {
        assert!(
            read(document).contains(&limit),
            "{document} does not say {limit}"
        );
    }
}

#[test]
fn the_key_examples_are_true() {
    let semantics = read("docs/SEMANTICS.md");
    let examples = rows(section(&semantics, "### Examples"));
    assert!(examples.len() >= 10, "{}", examples.len());
    for row in examples {
        let [options, path, expected] = row.as_slice() else {
            panic!("{row:?}")
        };
        let manifest = read_manifest(options);
        let manifest = manifest.into_s3_import().unwrap();
        let got = match mapping::target(&manifest.kind, &manifest.extensions, "", path.as_bytes()) {
            Target::Key(key) => key,
            Target::Ignored(_) => "103 Ignored".to_owned(),
            Target::Failed(verdict) => format!("{} {}", verdict.status, verdict.code),
        };
        assert_eq!(&got, expected, "{options} with {path}");
    }
}

/// A manifest with what it must have.
const MINIMAL: &str = "manifestVersion: 2.0\nbucket: my-bucket\ndeviceId: 1\neraseDevice: no\n\
                       returnAddress:\n  name: N\n  street1: S\n  city: C\n  \
                       stateOrProvince: WA\n  postalCode: 98101\n  phoneNumber: 1\n  \
                       country: USA\n";

/// That with the options of an example, `; ` between them.
fn read_manifest(options: &str) -> manifest::Manifest {
    let text = format!("{MINIMAL}{}\n", options.replace("; ", "\n"));
    let reading = manifest::read(&text, JobType::Import);
    reading
        .unwrap_or_else(|problems| panic!("{text}: {problems:?}"))
        .manifest
}

/// The table of options in docs/MANIFEST.md is the reader's. To write it anew, copy the file that
/// the failure names over the part between the marks.
#[test]
fn the_options_of_the_manifest_are_those_of_the_reader() {
    let document = read("docs/MANIFEST.md");
    let (_, rest) = document.split_once("<!-- options -->\n").unwrap();
    let (documented, _) = rest.split_once("<!-- end of options -->").unwrap();
    let reference = manifest::reference();
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("options.md");
    std::fs::write(&file, &reference).unwrap();
    assert!(
        documented.trim() == reference.trim(),
        "see {}",
        file.display()
    );
}

#[test]
fn the_examples_of_manifests_are_valid() {
    let document = read("docs/MANIFEST.md");
    let examples: Vec<&str> = document
        .split("\n```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split("\n```").next())
        .collect();
    assert!(examples.len() >= 5, "{}", examples.len());
    let mut kinds = BTreeSet::new();
    for example in examples {
        let text = match example.starts_with("manifestVersion") {
            true => example.to_owned(),
            false => format!("{MINIMAL}{example}"),
        };
        let is_export = text.contains("\nfileSystem:");
        let job_type = if is_export {
            JobType::Export
        } else {
            JobType::Import
        };
        let options = Options {
            strict: true,
            facility: None,
        };
        let reading = manifest::read_with(&text, job_type, &options);
        let reading = reading.unwrap_or_else(|problems| panic!("{text}: {problems:?}"));
        assert_eq!(reading.warnings, [], "{text}");
        kinds.insert(reading.manifest.kind.name());
    }
    assert!(kinds.len() >= 3, "{kinds:?}");
}

#[test]
fn the_configuration_table_lists_every_key_with_its_default() {
    let operating = read("docs/OPERATING.md");
    let documented: BTreeSet<_> = rows(section(&operating, "## Configuration"))
        .into_iter()
        .map(|row| row[0].clone())
        .collect();
    let source = read("crates/packhorse/src/config.rs");
    let known: BTreeSet<_> = source
        .lines()
        .filter_map(|line| line.split("`PACKHORSE_").nth(1)?.split('`').next())
        .filter_map(|name| name.split_once("__"))
        .filter(|(section, _)| *section != "SECTION")
        .map(|(section, key)| format!("{section}.{key}").to_lowercase())
        .collect();
    assert!(known.len() > 25, "{known:?}");
    assert_eq!(documented, known);
}

#[test]
fn the_commands_of_the_readme_exist() {
    let readme = read("README.md");
    let help = Command::new(env!("CARGO_BIN_EXE_packhorse"))
        .arg("--help")
        .output()
        .unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let listed: BTreeSet<_> = rows(section(&readme, "## Commands"))
        .into_iter()
        .filter_map(|row| row[0].split_whitespace().nth(1).map(str::to_owned))
        .collect();
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let known: BTreeSet<_> = commands
        .lines()
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next())
        .filter(|name| *name != "help" && !name.is_empty())
        .map(str::to_owned)
        .collect();
    assert_eq!(listed, known);
}

#[test]
fn links_between_documents_lead_somewhere() {
    for path in files(".", &[".md"]) {
        let text = std::fs::read_to_string(&path).unwrap();
        let folder = path.parent().unwrap();
        for target in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let outside = target.contains("://") || target.starts_with('#');
            let file = target.split('#').next().unwrap_or(target);
            let there = outside || folder.join(file).exists();
            assert!(there, "{} links to {target}", relative(&path));
        }
    }
}

#[test]
fn the_architecture_fits_on_a_few_screens() {
    assert!(read("docs/ARCHITECTURE.md").lines().count() <= 150);
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().display().to_string()
}
