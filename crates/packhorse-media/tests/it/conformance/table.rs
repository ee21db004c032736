//! The table of docs/MEDIA.md: what was compared on which file system. It is made from the list of
//! systems that the tests go through, and the document must hold it.

use std::fs;

use super::{NONE, Property, System, systems};

const HEADINGS: [(Property, &str); 13] = [
    (Property::Scripts, "names in many scripts"),
    (Property::Supplementary, "names beyond 16-bit letters"),
    (Property::NormalForms, "both normal forms beside each other"),
    (Property::PosixNames, "any POSIX name"),
    (Property::Sizes, "sizes around sectors and clusters"),
    (Property::EmptyFolders, "empty folders"),
    (Property::DeepPaths, "60 folders deep"),
    (Property::Crowd, "files in one folder"),
    (Property::Sparse, "a sparse file of 5 GiB"),
    (Property::HardLinks, "hard links"),
    (Property::SymbolicLinks, "symbolic links"),
    (Property::Times, "times"),
    (Property::Modes, "modes"),
];

fn cell(system: &System, property: Property) -> String {
    let lacked = system.lacks.iter().find(|(lacked, _)| *lacked == property);
    match (lacked, property) {
        (Some((_, reason)), _) if *reason == NONE => "-".to_owned(),
        (Some((_, reason)), _) => (*reason).to_owned(),
        (None, Property::Crowd) => system.crowd.to_string(),
        (None, Property::Times) if system.time_step > 1 => {
            format!("in steps of {} s", system.time_step)
        }
        (None, _) => "yes".to_owned(),
    }
}

fn table() -> String {
    let systems = systems();
    let names: Vec<_> = systems.iter().map(|system| system.name).collect();
    let mut text = format!(
        "| | {} |\n|---{}|\n",
        names.join(" | "),
        "|---".repeat(names.len())
    );
    for (property, heading) in HEADINGS {
        let cells: Vec<_> = systems
            .iter()
            .map(|system| cell(system, property))
            .collect();
        text.push_str(&format!("| {heading} | {} |\n", cells.join(" | ")));
    }
    text
}

#[test]
fn the_document_holds_the_table_of_what_is_compared() {
    assert_eq!(HEADINGS.map(|(property, _)| property), Property::ALL);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/MEDIA.md");
    let document = fs::read_to_string(path).unwrap();
    let table = table();
    assert!(
        document.contains(&table),
        "docs/MEDIA.md must hold:\n\n{table}"
    );
}
