//! How many rows were seen, and what they add up to.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::tables::{Cell, Table};

/// Counts and digest of rows in any order: two databases hold the same when these are the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    rows: BTreeMap<&'static str, u64>,
    digest: [u8; 32],
}

impl Sum {
    /// How many rows each table has.
    pub fn rows(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.rows.iter().map(|(table, rows)| (*table, *rows))
    }

    /// The digest in hex. The rows' own digests are combined by XOR; no two rows of a table are
    /// alike, so none takes another away.
    pub fn digest(&self) -> String {
        hex::encode(self.digest)
    }

    pub(super) fn add(&mut self, table: &Table, row: &[Cell]) {
        *self.rows.entry(table.name).or_default() += 1;
        let digest = Sha256::digest(table.line(row));
        for (sum, byte) in self.digest.iter_mut().zip(digest) {
            *sum ^= byte;
        }
    }
}
