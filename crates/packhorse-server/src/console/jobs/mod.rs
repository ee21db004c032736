//! A customer's pages.

pub(super) mod change;
mod draft;
pub(super) mod edit;
mod editor;
pub(super) mod job;
pub(super) mod list;
pub(super) mod new;
mod papers;
pub(super) mod report;
mod rows;
pub(super) mod standing;
