//! `ArtifactList`: documents that belong to a job.

use crate::xml::{Element, Error, Members};

/// A document to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// What it is.
    pub description: String,
    /// Where it is.
    pub url: String,
}

/// Writes the list; an empty one is left out, as the original did.
pub(super) fn write_artifacts(out: &mut Members, artifacts: &[Artifact]) {
    if artifacts.is_empty() {
        return;
    }
    out.group("ArtifactList", |list| {
        for artifact in artifacts {
            list.group("member", |member| {
                member.text("Description", &artifact.description);
                member.text("URL", &artifact.url);
            });
        }
    });
}

/// Reads the list.
pub(super) fn read_artifacts(element: &Element) -> Result<Vec<Artifact>, Error> {
    let read = |member: &Element| {
        Ok(Artifact {
            description: member.required("Description")?.to_owned(),
            url: member.required("URL")?.to_owned(),
        })
    };
    element.list("ArtifactList").map(read).collect()
}
