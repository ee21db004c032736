//! An operator's pages: large, and worked by keyboard or scanner alone.

pub(super) mod board;
pub(super) mod change;
pub(super) mod job;
pub(super) mod scan;
