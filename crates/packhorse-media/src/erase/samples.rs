//! Where an erased device is read again.

/// Bytes of one sample.
pub(super) const BYTES: u64 = 64 * 1024;
/// Samples of a large device: what is left on a thousandth of it is found with a probability of 98 %.
const COUNT: u64 = 4096;

/// Starts of pieces of `length` bytes, in rising order: one after another, or, with a seed, one in each
/// of [`COUNT`] equal parts, and both ends. A device with fewer pieces than samples is read as a whole.
pub(super) fn samples(size: u64, length: u64, seed: Option<u64>) -> impl Iterator<Item = u64> {
    let pieces = size.div_ceil(length);
    let seed = seed.filter(|_| pieces > COUNT);
    let count = match seed {
        Some(_) => COUNT,
        None => pieces,
    };
    (0..count).map(move |number| {
        let piece = match seed {
            None => number,
            Some(_) if number == 0 => 0,
            Some(_) if number == COUNT - 1 => pieces - 1,
            Some(seed) => {
                let part =
                    |number: u64| (u128::from(number) * u128::from(pieces)) / u128::from(COUNT);
                let (first, behind) = (part(number), part(number + 1));
                let within = u128::from(mixed(seed.wrapping_add(number))) % (behind - first);
                (first + within) as u64
            }
        };
        piece * length
    })
}

/// SplitMix64: spreads seeds that lie close together over all numbers.
fn mixed(seed: u64) -> u64 {
    let mut z = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
