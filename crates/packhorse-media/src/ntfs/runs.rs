//! Runs of clusters, as the packed pairs in an attribute say.

use crate::ntfs::boot::Boot;
use crate::ntfs::damaged;
use crate::volume::ReadError;

/// Clusters of an attribute that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// The first, as the attribute counts.
    pub(super) start: u64,
    /// How many, at least one.
    pub(super) length: u64,
    /// The first on the volume; `None` for a hole.
    pub(super) cluster: Option<u64>,
}

/// Unpacks the runs of an attribute, the first of which is the attribute's cluster `start`.
pub(super) fn decode(boot: &Boot, start: u64, pairs: &[u8]) -> Result<Vec<Run>, ReadError> {
    let mut runs = Vec::new();
    let (mut at, mut start) = (0, start);
    let mut cluster = 0i64;
    let broken = || damaged("the list of a file's clusters");
    while let Some(header) = pairs.get(at).copied().filter(|header| *header != 0) {
        let (length_bytes, offset_bytes) = (usize::from(header & 15), usize::from(header >> 4));
        let length = signed(pairs, at + 1, length_bytes).ok_or_else(broken)?;
        let length = u64::try_from(length).ok().filter(|length| *length > 0);
        let length = length.ok_or_else(broken)?;
        let place = match offset_bytes {
            0 => None,
            _ => {
                let offset = signed(pairs, at + 1 + length_bytes, offset_bytes);
                let next = offset.and_then(|offset| cluster.checked_add(offset));
                cluster = next.ok_or_else(broken)?;
                let first = u64::try_from(cluster).map_err(|_| broken())?;
                let end = first.checked_add(length).ok_or_else(broken)?;
                if end > boot.clusters {
                    return Err(damaged(format!("cluster {} of {}", end - 1, boot.clusters)));
                }
                Some(first)
            }
        };
        runs.push(Run {
            start,
            length,
            cluster: place,
        });
        start = start.checked_add(length).ok_or_else(broken)?;
        at += 1 + length_bytes + offset_bytes;
    }
    Ok(runs)
}

/// A little-endian number of up to eight bytes with its sign.
fn signed(bytes: &[u8], at: usize, length: usize) -> Option<i64> {
    if !(1..=8).contains(&length) {
        return None;
    }
    let field = bytes.get(at..at + length)?;
    let is_negative = field.last()? & 0x80 != 0;
    let start = if is_negative { -1 } else { 0 };
    Some(
        field
            .iter()
            .rev()
            .fold(start, |number, byte| number << 8 | i64::from(*byte)),
    )
}

/// The run that holds an attribute's cluster.
pub(super) fn find(runs: &[Run], cluster: u64) -> Option<&Run> {
    let behind = runs.partition_point(|run| run.start <= cluster);
    let run = runs.get(behind.checked_sub(1)?)?;
    (cluster - run.start < run.length).then_some(run)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_go_forth_and_back_and_may_be_holes() {
        let boot = Boot {
            cluster_bytes: 4096,
            clusters: 1000,
            record_bytes: 1024,
            mft_at: 0,
            mirror_at: 0,
            serial: 0,
        };
        let pairs = [0x21, 4, 0x90, 0x01, 0x01, 8, 0x11, 2, 0xf0, 0];
        let runs = decode(&boot, 10, &pairs).unwrap();
        let run = |start, length, cluster| Run {
            start,
            length,
            cluster,
        };
        let expected = [
            run(10, 4, Some(400)),
            run(14, 8, None),
            run(22, 2, Some(384)),
        ];
        assert_eq!(runs, expected);
        assert_eq!(find(&runs, 23), Some(&expected[2]));
        assert_eq!(find(&runs, 24), None);
        assert_eq!(find(&runs, 9), None);
        for bad in [
            &[0x11, 0, 1][..],
            &[0x11, 0xff, 1],
            &[0x21, 1, 0xff],
            &[0x11, 1, 0xff],
            &[0x21, 1, 0xe8, 0x03],
            &[0xff; 20],
            &[0x08, 255, 255, 255, 255, 255, 255, 255, 127, 0x01, 127],
        ] {
            decode(&boot, u64::MAX / 2, bad).unwrap_err();
        }
    }
}
