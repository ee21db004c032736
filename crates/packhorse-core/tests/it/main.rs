//! The room as other rooms see it.

// Everything here is a test, so the allowances for tests hold for its shared code too.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod bounds;
mod verdicts;
