//! The other direction, for devices that an export fills: the payload of a LUKS2 volume whose header
//! `cryptsetup luksFormat` has written.

use aes::Aes256;

use super::xts::Xts;

/// Encrypts a payload: `aes-xts-plain64` with 512 bits of key, in sectors of 512 bytes.
pub struct PayloadCipher(Xts<Aes256>);

impl PayloadCipher {
    /// Bytes of the volume's key: half for the data, half for the tweak.
    pub const KEY_BYTES: usize = 64;
    /// Bytes of a sector.
    pub const SECTOR_BYTES: usize = 512;

    /// With the volume's key. `None` if it has another length.
    pub fn new(key: &[u8]) -> Option<Self> {
        let (data, tweak) = key.split_at_checked(Self::KEY_BYTES / 2)?;
        Xts::new(data, tweak).map(Self)
    }

    /// Encrypts whole sectors in place; the first of them is `first` of the payload, counted from 0.
    pub fn encrypt(&self, first: u64, bytes: &mut [u8]) {
        for (number, sector) in (first..).zip(bytes.chunks_exact_mut(Self::SECTOR_BYTES)) {
            self.0.encrypt(number, sector);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypt::xts::Sectors as _;

    #[test]
    fn what_is_encrypted_can_be_read_again_and_only_in_its_place() {
        let key: Vec<u8> = (0..64).collect();
        let cipher = PayloadCipher::new(&key).unwrap();
        let plain: Vec<u8> = (0..1536_u32).map(|n| n.to_le_bytes()[0]).collect();
        let mut sealed = plain.clone();
        cipher.encrypt(7, &mut sealed);
        let mut opened = sealed.clone();
        for (number, sector) in (7..).zip(opened.chunks_exact_mut(512)) {
            cipher.0.decrypt(number, sector);
        }
        assert_eq!(opened, plain);
        let mut elsewhere = plain.clone();
        cipher.encrypt(8, &mut elsewhere);
        assert_ne!(elsewhere, sealed);
        assert!(PayloadCipher::new(&key[1..]).is_none());
    }
}
