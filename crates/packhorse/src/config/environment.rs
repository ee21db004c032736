//! The process environment, read once.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::bail;

/// Prefix of our own variables.
const PREFIX: &str = "PACKHORSE_";
/// Stands between section and key.
const SEPARATOR: &str = "__";

/// The variables that a command may look at, as they were when the process started.
#[derive(Debug, Default)]
pub(crate) struct Environment(BTreeMap<String, String>);

impl Environment {
    /// Reads the environment of this process: `PACKHORSE_*`, `AWS_*`, and where folders are. A
    /// variable of ours that is not UTF-8 is an error.
    pub(crate) fn read() -> anyhow::Result<Self> {
        let mut variables = BTreeMap::new();
        for (name, value) in std::env::vars_os() {
            let Some(name) = name.to_str() else { continue };
            let wanted = name.starts_with(PREFIX)
                || name.starts_with("AWS_")
                || ["HOME", "TMPDIR", "XDG_STATE_HOME"].contains(&name);
            match value.into_string() {
                Ok(value) if wanted => variables.insert(name.to_owned(), value),
                Err(_) if wanted => bail!("environment variable {name} is not UTF-8 text"),
                Ok(_) | Err(_) => None,
            };
        }
        Ok(Self(variables))
    }

    /// A variable that is set and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|text| !text.is_empty())
    }

    /// Every `PACKHORSE_SECTION__KEY`: its name, section, key and text.
    pub(super) fn settings(&self) -> impl Iterator<Item = (&str, String, String, String)> {
        self.0.iter().filter_map(|(name, text)| {
            let (section, key) = name.strip_prefix(PREFIX)?.split_once(SEPARATOR)?;
            Some((
                name.as_str(),
                section.to_lowercase(),
                key.to_lowercase(),
                text.clone(),
            ))
        })
    }

    /// The user's home folder.
    pub(crate) fn home(&self) -> Option<PathBuf> {
        self.get("HOME").map(PathBuf::from)
    }

    /// Where programs keep state between runs (XDG base directories).
    pub(crate) fn state_home(&self) -> Option<PathBuf> {
        let configured = self.get("XDG_STATE_HOME").map(PathBuf::from);
        configured
            .filter(|path| path.is_absolute())
            .or_else(|| Some(self.home()?.join(".local/state")))
    }
}

#[cfg(test)]
impl From<&[(&str, &str)]> for Environment {
    fn from(variables: &[(&str, &str)]) -> Self {
        Self(
            variables
                .iter()
                .map(|(name, text)| ((*name).into(), (*text).into()))
                .collect(),
        )
    }
}
