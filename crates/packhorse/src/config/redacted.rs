//! Values that may be read from a configuration but never printed.

use packhorse_core::secret::Secret;
use serde::{Deserialize, Serialize, Serializer};

/// What stands in for a secret.
const HIDDEN: &str = "(hidden)";

/// A secret that prints as `(hidden)`, also when the configuration is written out.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Password(Secret);

impl Password {
    /// The secret, for the place that uses it.
    pub(crate) fn secret(&self) -> &Secret {
        &self.0
    }
}

impl From<&str> for Password {
    fn from(text: &str) -> Self {
        Self(Secret::new(text))
    }
}

impl Serialize for Password {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(HIDDEN)
    }
}

/// A URL that may carry a password: printed without its user part, and without its query when a
/// password is there.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct HiddenUrl(String);

impl HiddenUrl {
    /// The URL, for the place that connects to it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    fn printable(&self) -> String {
        let Some((scheme, rest)) = self.0.split_once("://") else {
            return self.0.clone();
        };
        let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(authority_end);
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let (mark, query) = match query {
            "" => ("", ""),
            query if query.contains("pass") => ("?", HIDDEN),
            query => ("?", query),
        };
        let (user, host) = match authority.rsplit_once('@') {
            Some((_, host)) => (format!("{HIDDEN}@"), host),
            None => (String::new(), authority),
        };
        format!("{scheme}://{user}{host}{path}{mark}{query}")
    }
}

impl From<String> for HiddenUrl {
    fn from(url: String) -> Self {
        Self(url)
    }
}

impl std::fmt::Debug for HiddenUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.printable())
    }
}

impl Serialize for HiddenUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.printable())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_part_of_a_url_is_not_printed() {
        for (url, printed) in [
            ("postgres://me:pass@db/x", "postgres://(hidden)@db/x"),
            ("postgres://me:p@ss@db/x", "postgres://(hidden)@db/x"),
            ("sqlite:///var/lib/a@b.db", "sqlite:///var/lib/a@b.db"),
            ("postgres:///x?host=/run", "postgres:///x?host=/run"),
            ("postgres:///x?password=y", "postgres:///x?(hidden)"),
            ("smtp://mail.example:25", "smtp://mail.example:25"),
        ] {
            assert_eq!(format!("{:?}", HiddenUrl::from(url.to_owned())), printed);
        }
    }
}
