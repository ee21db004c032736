//! Which keys an operation takes.

use crate::manifest::ExportOperation;

/// What one operation asks a listing for. Keys are compared by their UTF-8 bytes, the order in which
/// stores list them.
#[derive(Clone, Copy, Debug)]
pub struct Selection<'a> {
    operation: &'a ExportOperation,
}

impl<'a> Selection<'a> {
    /// That of this operation.
    pub fn of(operation: &'a ExportOperation) -> Self {
        Self { operation }
    }

    /// A listing may start after this key: everything before is not wanted.
    pub fn start_after(&self) -> Option<&'a str> {
        self.operation.begin_marker.as_deref()
    }

    /// Whether the key is of the set: it begins with the prefix, comes after beginMarker, and is no
    /// later than endMarker.
    pub fn takes(&self, key: &str) -> bool {
        let operation = self.operation;
        let begin = operation.begin_marker.as_deref();
        key.starts_with(&operation.prefix)
            && begin.is_none_or(|begin| key > begin)
            && !self.is_past(key)
    }

    /// Whether no key after this one, itself included, can be of the set.
    pub fn is_past(&self, key: &str) -> bool {
        let end = self.operation.end_marker.as_deref();
        end.is_some_and(|end| key > end)
    }
}
