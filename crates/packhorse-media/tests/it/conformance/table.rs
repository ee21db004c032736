//! The table of docs/MEDIA.md.
