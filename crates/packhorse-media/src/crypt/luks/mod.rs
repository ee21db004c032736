//! LUKS, the encryption of Linux: key slots, any of which leads to the key of the volume.

mod v1;
mod v2;

use std::sync::Arc;

use zeroize::Zeroizing;

use super::cipher::CipherSpec;
use super::kdf::{Hash, Kdf, Key, PBKDF2_ROUNDS_MAX};
use super::source::{Area, Decrypted, UNIT_BYTES};
use super::unlock::Trial;
use super::{Unlocked, cut_off, locked};
use crate::block::BlockSource;
use crate::volume::MediaError;

/// Keys of XTS with the longest ciphers.
const KEY_BYTES_MAX: usize = 64;
/// Every tool writes 4000.
const STRIPES_MAX: u32 = 8192;
/// Where a second header of LUKS2 may stand, when the first is damaged.
const SECOND_PLACES: [u64; 9] = [
    0x4000, 0x8000, 0x1_0000, 0x2_0000, 0x4_0000, 0x8_0000, 0x10_0000, 0x20_0000, 0x40_0000,
];
const FIRST_MARK: &[u8; 6] = b"LUKS\xba\xbe";
const SECOND_MARK: &[u8; 6] = b"SKUL\xba\xbe";

/// A slot: a copy of the volume's key, spread over an area and encrypted under a password.
struct Slot {
    number: u32,
    kdf: Kdf,
    salt: Vec<u8>,
    /// Bytes of the volume's key.
    key_bytes: usize,
    /// Bytes of the key that encrypts the area.
    area_key_bytes: usize,
    cipher: CipherSpec,
    offset: u64,
    stripes: u32,
    /// The digest that spreads the key.
    spread: Hash,
}

/// What a key is recognised by.
struct Digest {
    hash: Hash,
    rounds: u32,
    salt: Vec<u8>,
    value: Vec<u8>,
    /// The slots whose keys it knows; all when there are none.
    slots: Vec<u32>,
}

/// What a header says.
struct Header {
    name: &'static str,
    cipher: CipherSpec,
    area: Area,
    /// In the order in which they are tried; those that cannot be used with the reason.
    slots: Vec<Result<Slot, MediaError>>,
    digests: Vec<Digest>,
}

/// Opens a volume that has the mark of LUKS in front. `None` when it has not.
pub(super) fn open(
    source: &Arc<dyn BlockSource>,
    trial: &Trial<'_>,
) -> Result<Option<Unlocked>, MediaError> {
    let Some(start) = mark(&**source, 0)? else {
        return Ok(None);
    };
    if &start[..6] != FIRST_MARK {
        return Ok(None);
    }
    let header = match u16::from_be_bytes([start[6], start[7]]) {
        1 => v1::read(&**source)?,
        2 => v2::read(&**source)?,
        other => {
            let what = format!("a volume encrypted with LUKS, version {other}");
            return Err(MediaError::Unsupported(what));
        }
    };
    header.unlock(source, trial).map(Some)
}

/// Opens a volume of LUKS2 of which only the second header is left. `None` when there is none.
pub(super) fn open_by_second(
    source: &Arc<dyn BlockSource>,
    trial: &Trial<'_>,
) -> Result<Option<Unlocked>, MediaError> {
    for place in SECOND_PLACES {
        let found = mark(&**source, place)?;
        if found.is_some_and(|mark| &mark[..6] == SECOND_MARK) {
            return v2::read(&**source)?.unlock(source, trial).map(Some);
        }
    }
    Ok(None)
}

/// Mark and version; `None` beyond the end.
fn mark(source: &dyn BlockSource, offset: u64) -> Result<Option<[u8; 8]>, MediaError> {
    let mut start = [0; 8];
    if source.size() < offset + start.len() as u64 {
        return Ok(None);
    }
    source.read_exact_at(offset, &mut start)?;
    Ok(Some(start))
}

fn damaged(what: impl Into<String>) -> MediaError {
    MediaError::Damaged(what.into())
}

impl Header {
    fn unlock(
        self,
        source: &Arc<dyn BlockSource>,
        trial: &Trial<'_>,
    ) -> Result<Unlocked, MediaError> {
        let name = self.name;
        let Some(key) = self
            .find_key(&**source, trial)
            .map_err(|e| within(name, e))?
        else {
            return Err(locked(name, trial.why()));
        };
        let cipher = self.cipher.with_key(&key);
        let cipher = cipher.ok_or_else(|| {
            let (cipher, bits) = (self.cipher.name(), key.len() * 8);
            MediaError::Unsupported(format!("{name}: {cipher} with a key of {bits} bits"))
        })?;
        Ok(Unlocked {
            source: Arc::new(Decrypted::new(Arc::clone(source), cipher, self.area)),
            name,
            data_offset: self.area.offset,
        })
    }

    /// The volume's key; `None` when no password leads to it. A slot that cannot be used is an error
    /// only when no other slot was there to be tried.
    fn find_key(
        &self,
        source: &dyn BlockSource,
        trial: &Trial<'_>,
    ) -> Result<Option<Key>, MediaError> {
        if self.slots.is_empty() {
            return Err(damaged("it has no key slot"));
        }
        if trial.passwords().is_empty() {
            return Ok(None);
        }
        let mut problem = None;
        let mut was_tried = false;
        for slot in &self.slots {
            let slot = match slot {
                Ok(slot) => slot,
                Err(error) => {
                    problem.get_or_insert_with(|| again(error));
                    continue;
                }
            };
            for password in trial.passwords() {
                if trial.is_over() {
                    return Ok(None);
                }
                match self.try_slot(slot, password, source, trial) {
                    Ok(Some(key)) => return Ok(Some(key)),
                    Ok(None) => was_tried = true,
                    Err(error) => {
                        problem.get_or_insert(error);
                        break; // It is the slot's fault, not the password's.
                    }
                }
            }
        }
        match problem {
            // A slot that asks for too much may be the one that the password is for.
            Some(problem @ MediaError::Locked(_)) => Err(problem),
            Some(problem) if !was_tried => Err(problem),
            _ => Ok(None),
        }
    }

    fn try_slot(
        &self,
        slot: &Slot,
        password: &[u8],
        source: &dyn BlockSource,
        trial: &Trial<'_>,
    ) -> Result<Option<Key>, MediaError> {
        let number = slot.number;
        let asks = |what: String| MediaError::Locked(format!("key slot {number} asks for {what}"));
        slot.kdf.check(trial.memory_bytes()).map_err(asks)?;
        let mut spread = slot.read(source)?;
        let area_key = slot.kdf.derive(password, &slot.salt, slot.area_key_bytes);
        let area_key = area_key.map_err(asks)?;
        let cipher = slot.cipher.with_key(&area_key).ok_or_else(|| {
            let bits = area_key.len() * 8;
            let cipher = slot.cipher.name();
            let what = format!("key slot {number}: {cipher} with a key of {bits} bits");
            MediaError::Unsupported(what)
        })?;
        for (unit, sector) in (0..).zip(spread.chunks_mut(UNIT_BYTES as usize)) {
            cipher.decrypt(unit, sector);
        }
        let key = merge(&spread, slot.key_bytes, slot.stripes, slot.spread);
        Ok(self.accepts(slot.number, &key).then_some(key))
    }

    fn accepts(&self, slot: u32, key: &[u8]) -> bool {
        let of_slot = |digest: &&Digest| digest.slots.is_empty() || digest.slots.contains(&slot);
        self.digests.iter().filter(of_slot).any(|digest| {
            let made = digest
                .hash
                .pbkdf2(key, &digest.salt, digest.rounds, digest.value.len());
            *made == digest.value
        })
    }
}

impl Slot {
    /// The spread key, still encrypted, filled up to whole units.
    fn read(&self, source: &dyn BlockSource) -> Result<Key, MediaError> {
        let number = self.number;
        if !(1..=STRIPES_MAX).contains(&self.stripes) {
            return Err(damaged(format!(
                "key slot {number} has {} stripes",
                self.stripes
            )));
        }
        let length = self.key_bytes * self.stripes as usize;
        let mut bytes = Zeroizing::new(vec![0; length.next_multiple_of(UNIT_BYTES as usize)]);
        let read = source.read_exact_at(self.offset, &mut bytes);
        read.map_err(|error| cut_off(error, &format!("key slot {number}")))?;
        Ok(bytes)
    }
}

impl Digest {
    fn check(self) -> Result<Self, MediaError> {
        let rounds = self.rounds;
        if !(1..=PBKDF2_ROUNDS_MAX).contains(&rounds) {
            return Err(damaged(format!("a digest of a key has {rounds} rounds")));
        }
        if self.value.is_empty() || self.value.len() > KEY_BYTES_MAX {
            return Err(damaged("a digest of a key has an impossible length"));
        }
        Ok(self)
    }
}

/// A volume's key has at least 128 bits, and whole blocks of a cipher's key.
fn key_bytes(bytes: u64) -> Result<usize, MediaError> {
    match usize::try_from(bytes) {
        Ok(bytes) if (16..=KEY_BYTES_MAX).contains(&bytes) && bytes % 8 == 0 => Ok(bytes),
        _ => Err(damaged(format!("a key of {bytes} bytes"))),
    }
}

/// Undoes the spreading: each stripe is mixed into the digest of those before it.
fn merge(spread: &[u8], key_bytes: usize, stripes: u32, hash: Hash) -> Key {
    let mut key = Zeroizing::new(vec![0; key_bytes]);
    let last = stripes as usize - 1;
    for (number, stripe) in spread.chunks_exact(key_bytes).enumerate().take(last + 1) {
        for (byte, mixed) in key.iter_mut().zip(stripe) {
            *byte ^= mixed;
        }
        if number < last {
            diffuse(&mut key, hash);
        }
    }
    key
}

fn diffuse(key: &mut [u8], hash: Hash) {
    let digest_bytes = hash.digest(&[]).len();
    for (number, piece) in (0u32..).zip(key.chunks_mut(digest_bytes)) {
        let digest = hash.digest(&[&number.to_be_bytes(), piece]);
        for (byte, new) in piece.iter_mut().zip(digest.iter()) {
            *byte = *new;
        }
    }
}

/// The same error once more: the slot keeps its own.
fn again(error: &MediaError) -> MediaError {
    match error {
        MediaError::Damaged(what) => MediaError::Damaged(what.clone()),
        MediaError::Locked(what) => MediaError::Locked(what.clone()),
        other => MediaError::Unsupported(other.to_string()),
    }
}

fn within(name: &str, error: MediaError) -> MediaError {
    let text = |what: String| format!("{name}: {what}");
    match error {
        MediaError::Damaged(what) => MediaError::Damaged(text(what)),
        MediaError::Locked(what) => MediaError::Locked(text(what)),
        MediaError::Unsupported(what) => MediaError::Unsupported(text(what)),
        other => other,
    }
}
