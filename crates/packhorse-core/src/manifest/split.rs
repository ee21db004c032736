//! `split`: an export over several devices.

use super::Facility;
use super::fields::Fields;
use super::options::limits::SPLIT_DEVICES_MAX;
use super::problem::{Problems, shown};
use super::types::Split;
use crate::size;

/// Reads `N x SIZE`. A facility takes single jobs: the customer's side makes them.
pub(super) fn read(
    members: &Fields<'_>,
    facility: Option<&Facility>,
    problems: &mut Problems,
) -> Option<Split> {
    let field = members.get("split")?;
    let text = field.word(problems)?;
    let split = parse(text);
    if split.is_none() {
        problems.add(field.wrong(format!(
            "{} must be a number of devices from 1 to {SPLIT_DEVICES_MAX} and the size of each, such \
             as `3 x 4TB`",
            shown(text)
        )));
    } else if facility.is_some() {
        problems.add(field.wrong(
            "is for `packhorse job create`, which makes a job for each device; a job by itself has \
             one device: take this line out",
        ));
    }
    split
}

fn parse(text: &str) -> Option<Split> {
    let (devices, bytes) = text.split_once(['x', 'X', '×'])?;
    let devices = devices.trim().parse().ok()?;
    let bytes = size::parse(bytes)?;
    (1..=SPLIT_DEVICES_MAX)
        .contains(&devices)
        .then_some(Split { devices, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_split_is_a_number_and_a_size() {
        let of = |devices, bytes| Some(Split { devices, bytes });
        assert_eq!(parse("3 x 4TB"), of(3, 4_000_000_000_000));
        assert_eq!(parse("12X64GiB"), of(12, 64 << 30));
        assert_eq!(parse("2 × 500 GB"), of(2, 500_000_000_000));
        for text in [
            "",
            "x",
            "3",
            "3 x",
            "x 4TB",
            "0 x 4TB",
            "1001 x 4TB",
            "3 * 4TB",
            "-1 x 4TB",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
