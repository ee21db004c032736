//! `admin doctor`: room on the disk of the data folder.

use std::path::Path;

use super::doctor::Finding;
use crate::output::bytes;

/// Below this SQLite cannot be sure of its next commit.
const FREE_BYTES_MIN: u64 = 100 * 1000 * 1000;
/// Below this somebody should look.
const FREE_BYTES_GOOD: u64 = 2 * 1000 * 1000 * 1000;

const CHECK: &str = "disk space";
const ADVICE: &str = "free some, or move the data folder to a larger disk";

pub(super) fn check(path: &Path) -> Finding {
    match rustix::fs::statvfs(path) {
        Ok(found) => judge(path, found.f_bavail.saturating_mul(found.f_frsize)),
        Err(error) => Finding::fail(CHECK, format!("{}: {error}", path.display()), ADVICE),
    }
}

fn judge(path: &Path, free: u64) -> Finding {
    let found = format!("{} free in {}", bytes(free), path.display());
    match free {
        FREE_BYTES_GOOD.. => Finding::ok(CHECK, found),
        FREE_BYTES_MIN.. => Finding::warn(CHECK, found, ADVICE),
        _ => Finding::fail(CHECK, found, ADVICE),
    }
}

#[cfg(test)]
mod tests {
    use super::super::doctor::Level;
    use super::*;

    #[test]
    fn little_room_is_a_warning_and_none_a_failure() {
        for (free, level) in [
            (FREE_BYTES_GOOD, Level::Ok),
            (FREE_BYTES_GOOD - 1, Level::Warn),
            (FREE_BYTES_MIN, Level::Warn),
            (FREE_BYTES_MIN - 1, Level::Fail),
        ] {
            assert_eq!(judge(Path::new("/x"), free).level, level, "{free}");
        }
    }
}
