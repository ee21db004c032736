//! How much of anything this store takes.

use std::time::Duration;

/// Bytes of a key, as in AWS.
pub(crate) const KEY_BYTES_MAX: usize = 1024;
/// Bytes of an object, as in AWS. (AWS allows 5 GiB in one PUT; this store needs no such limit.)
pub(crate) const OBJECT_BYTES_MAX: u64 = 5 << 40;
/// Bytes of every part but the last, as in AWS.
pub(crate) const PART_BYTES_MIN: u64 = 5 << 20;
/// Parts of an upload, as in AWS.
pub(crate) const PARTS_MAX: u32 = 10_000;
/// Entries of one page of a listing, as in AWS.
pub(crate) const PAGE_MAX: u32 = 1000;
/// Keys of one DeleteObjects, as in AWS.
pub(crate) const DELETE_KEYS_MAX: usize = 1000;
/// A document of a request: 10,000 parts with a checksum each take about 2 MiB, 1,000 keys of
/// DeleteObjects up to 6 MiB when every character is a reference.
pub(crate) const DOCUMENT_BYTES_MAX: usize = 8 << 20;
/// Bodies up to this size go into the index: one sync of the disk for many of them.
pub(crate) const SMALL_BODY_BYTES_MAX: usize = 64 * 1024;
/// Bytes of a body that are gathered before a thread hashes and writes them.
pub(crate) const GATHER_BYTES: usize = 256 * 1024;
/// Bytes of a file that are read at once.
pub(crate) const READ_BYTES: usize = 128 * 1024;
/// What hyper buffers for one connection, and so also the longest request head.
pub(crate) const CONNECTION_BUFFER_BYTES: usize = 256 * 1024;
/// Connections served at once; more wait in the listener's queue. Each may have a body open, and
/// both together stay below the usual limit of 1,024 open files.
pub(crate) const CONNECTIONS_MAX: usize = 448;
/// Time for the head of a request, and so also how long an idle connection keeps its place.
pub(crate) const HEAD_TIMEOUT: Duration = Duration::from_secs(20);
/// Silence in the middle of a body, either way.
pub(crate) const BODY_STALL_TIMEOUT: Duration = Duration::from_secs(60);
/// How much of a refused body is read so that the connection can be kept.
pub(crate) const DRAIN_BYTES_MAX: usize = 16 << 20;
/// How long that may take.
pub(crate) const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
/// Requests that are under way may end within this after a stop.
pub(crate) const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(20);
