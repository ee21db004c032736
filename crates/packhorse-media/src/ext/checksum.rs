//! CRC32C as ext4 uses it: started with a seed, and without the final inversion.

use crc_fast::{CrcAlgorithm, Digest};

/// Continues `seed` over `parts`, one after the other.
pub(super) fn crc32c(seed: u32, parts: &[&[u8]]) -> u32 {
    let mut digest = Digest::new_with_init_state(CrcAlgorithm::Crc32Iscsi, u64::from(seed));
    for part in parts {
        digest.update(part);
    }
    let inverted = u32::try_from(digest.finalize()).expect("a CRC of 32 bits fits in 32 bits");
    !inverted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_published_check_value() {
        assert_eq!(!crc32c(!0, &[b"1234", b"56789"]), 0xe306_9283);
        assert_eq!(crc32c(crc32c(!0, &[b"1234"]), &[b"56789"]), !0xe306_9283);
    }
}
