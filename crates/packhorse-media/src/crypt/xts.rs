//! The modes in which sectors are encrypted: XTS, and CBC with its ways to make a first vector.

use aes::cipher::array::Array;
use aes::cipher::consts::U16;
use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, BlockSizeUser, KeyInit};

/// Blocks of a cipher handled in one call: a sector of 512 bytes. Hardware instructions work on
/// eight at a time.
const GROUP_BLOCKS: usize = 32;
/// The polynomial of XTS's field.
const POLYNOMIAL: u128 = 0x87;

/// A block cipher with blocks of 16 bytes.
pub(super) trait BlockCipher:
    BlockCipherEncrypt + BlockCipherDecrypt + BlockSizeUser<BlockSize = U16> + KeyInit + Send + Sync
{
}

impl<C> BlockCipher for C where
    C: BlockCipherEncrypt
        + BlockCipherDecrypt
        + BlockSizeUser<BlockSize = U16>
        + KeyInit
        + Send
        + Sync
{
}

/// Decrypts sectors.
pub(super) trait Sectors: Send + Sync {
    /// Decrypts one sector in place; its length is a multiple of the block's.
    fn decrypt(&self, number: u64, sector: &mut [u8]);
}

/// XTS: two keys of one cipher.
pub(super) struct Xts<C> {
    data: C,
    tweak: C,
}

impl<C: BlockCipher> Xts<C> {
    /// `None` when the cipher has no keys of this length.
    pub(super) fn new(data: &[u8], tweak: &[u8]) -> Option<Self> {
        Some(Self {
            data: C::new_from_slice(data).ok()?,
            tweak: C::new_from_slice(tweak).ok()?,
        })
    }
}

impl<C: BlockCipher> Xts<C> {
    /// Encrypts one sector in place; its length is a multiple of the block's.
    pub(super) fn encrypt(&self, number: u64, sector: &mut [u8]) {
        self.turn(number, sector, |group| self.data.encrypt_blocks(group));
    }

    /// Gives the sector's blocks to the cipher, with the tweaks mixed in before and after.
    fn turn(&self, number: u64, sector: &mut [u8], cipher: impl Fn(&mut [Array<u8, U16>])) {
        let mut first = Array::from(u128::from(number).to_le_bytes());
        self.tweak.encrypt_block(&mut first);
        let mut tweak = u128::from_le_bytes(first.into());
        let (blocks, _) = Array::<u8, U16>::slice_as_chunks_mut(sector);
        for group in blocks.chunks_mut(GROUP_BLOCKS) {
            let mut tweaks = [0; GROUP_BLOCKS];
            for (block, used) in group.iter_mut().zip(&mut tweaks) {
                *used = tweak;
                mix(block, tweak);
                let carry = tweak >> 127;
                tweak = (tweak << 1) ^ (carry * POLYNOMIAL);
            }
            cipher(group);
            for (block, used) in group.iter_mut().zip(&tweaks) {
                mix(block, *used);
            }
        }
    }
}

impl<C: BlockCipher> Sectors for Xts<C> {
    fn decrypt(&self, number: u64, sector: &mut [u8]) {
        self.turn(number, sector, |group| self.data.decrypt_blocks(group));
    }
}

/// CBC, each sector for itself, beginning with the sector's number.
pub(super) struct Cbc<C>(C);

impl<C: BlockCipher> Cbc<C> {
    /// `None` when the cipher has no keys of this length.
    pub(super) fn new(key: &[u8]) -> Option<Self> {
        C::new_from_slice(key).ok().map(Self)
    }
}

impl<C: BlockCipher> Sectors for Cbc<C> {
    fn decrypt(&self, number: u64, sector: &mut [u8]) {
        self.decrypt_from(u128::from(number), sector);
    }
}

impl<C: BlockCipher> Cbc<C> {
    fn decrypt_from(&self, vector: u128, sector: &mut [u8]) {
        let mut before = vector;
        let (blocks, _) = Array::<u8, U16>::slice_as_chunks_mut(sector);
        for group in blocks.chunks_mut(GROUP_BLOCKS) {
            let mut vectors = [0; GROUP_BLOCKS];
            for (block, used) in group.iter().zip(&mut vectors) {
                *used = before;
                before = u128::from_le_bytes((*block).into());
            }
            self.0.decrypt_blocks(group);
            for (block, used) in group.iter_mut().zip(&vectors) {
                mix(block, *used);
            }
        }
    }
}

/// CBC that begins with the sector's number encrypted under a digest of the key. The cipher of the
/// vectors has the digest's key length, that of the data another.
pub(super) struct Essiv<C, V> {
    data: Cbc<C>,
    vector: V,
}

impl<C: BlockCipher, V: BlockCipher> Essiv<C, V> {
    /// `None` when a cipher has no keys of this length.
    pub(super) fn new(key: &[u8], digest: &[u8]) -> Option<Self> {
        Some(Self {
            data: Cbc::new(key)?,
            vector: V::new_from_slice(digest).ok()?,
        })
    }
}

impl<C: BlockCipher, V: BlockCipher> Sectors for Essiv<C, V> {
    fn decrypt(&self, number: u64, sector: &mut [u8]) {
        let mut vector = Array::from(u128::from(number).to_le_bytes());
        self.vector.encrypt_block(&mut vector);
        self.data
            .decrypt_from(u128::from_le_bytes(vector.into()), sector);
    }
}

/// Several ciphers over each other; the first was the last to encrypt.
pub(super) struct Cascade(pub(super) Vec<Box<dyn Sectors>>);

impl Sectors for Cascade {
    fn decrypt(&self, number: u64, sector: &mut [u8]) {
        for cipher in &self.0 {
            cipher.decrypt(number, sector);
        }
    }
}

/// A cipher whose sector numbers have 32 bits only.
pub(super) struct Narrow(pub(super) Box<dyn Sectors>);

impl Sectors for Narrow {
    fn decrypt(&self, number: u64, sector: &mut [u8]) {
        self.0.decrypt(number & u64::from(u32::MAX), sector);
    }
}

fn mix(block: &mut Array<u8, U16>, with: u128) {
    let mixed = u128::from_le_bytes((*block).into()) ^ with;
    *block = mixed.to_le_bytes().into();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
            .collect()
    }

    /// Vectors 2 and 3 of IEEE 1619.
    #[test]
    fn xts_is_that_of_the_standard() {
        for (data, tweak, number, hidden) in [
            (
                "11111111111111111111111111111111",
                "22222222222222222222222222222222",
                0x33_3333_3333,
                "c454185e6a16936e39334038acef838bfb186fff7480adc4289382ecd6d394f0",
            ),
            (
                "fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0",
                "22222222222222222222222222222222",
                0x33_3333_3333,
                "af85336b597afc1a900b2eb21ec949d292df4c047e0b21532186a5971a227a89",
            ),
        ] {
            let xts = Xts::<aes::Aes128>::new(&bytes(data), &bytes(tweak)).unwrap();
            let mut sector = bytes(hidden);
            xts.decrypt(number, &mut sector);
            assert_eq!(sector, [0x44; 32]);
        }
    }

    #[test]
    fn a_key_of_the_wrong_length_makes_no_cipher() {
        assert!(Xts::<aes::Aes256>::new(&[0; 16], &[0; 16]).is_none());
        assert!(Xts::<aes::Aes256>::new(&[0; 32], &[0; 32]).is_some());
    }
}
