//! `ArtifactList` as it is printed.

use packhorse_wire::actions::Artifact;
use serde::Serialize;

use crate::output;

/// A document to fetch.
#[derive(Serialize)]
pub(super) struct Printed {
    description: String,
    url: String,
}

impl From<Artifact> for Printed {
    fn from(artifact: Artifact) -> Self {
        Self {
            description: artifact.description,
            url: artifact.url,
        }
    }
}

/// The list for programs.
pub(super) fn printed(artifacts: Vec<Artifact>) -> Vec<Printed> {
    artifacts.into_iter().map(Printed::from).collect()
}

/// The list for people: what it is, and below it where.
pub(super) fn lines(artifacts: &[Printed]) -> Vec<String> {
    let lines = |artifact: &Printed| {
        let description = output::visible(&artifact.description);
        [description, format!("  {}", output::visible(&artifact.url))]
    };
    artifacts.iter().flat_map(lines).collect()
}
