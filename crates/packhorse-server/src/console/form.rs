//! What a browser sends: the fields of a form or of a query.

use form_urlencoded::{Serializer, parse};

/// So many fields are looked at; the largest form, an export of a thousand sets, has some 5,000.
const FIELDS_MAX: usize = 20_000;

/// Fields by name, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads `name=value&…`. Line ends are browsers' CR LF in forms, and LF here.
    pub(super) fn read(encoded: &[u8]) -> Self {
        let pairs = parse(encoded).take(FIELDS_MAX);
        let unix = |text: &str| text.replace("\r\n", "\n");
        Self(
            pairs
                .map(|(name, value)| (name.into_owned(), unix(&value)))
                .collect(),
        )
    }

    /// The first value of this name; nothing when there is none.
    pub(super) fn get(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self.0.iter();
        pairs.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The same without one, and written as a query is.
    pub(super) fn without(&self, name: &str) -> String {
        let kept = self.iter().filter(|(known, _)| *known != name);
        Serializer::new(String::new()).extend_pairs(kept).finish()
    }
}

/// A query of these pairs, without those that are empty.
pub(super) fn query(pairs: &[(&str, &str)]) -> String {
    let said = pairs.iter().filter(|(_, value)| !value.is_empty());
    Serializer::new(String::new()).extend_pairs(said).finish()
}
