//! TrueCrypt and VeraCrypt volumes: a header without any mark, encrypted like all the rest. A
//! password opens it when, under some digest and some cipher, it decrypts to sense.

use std::io::Result as IoResult;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crc_fast::{CrcAlgorithm, checksum};
use zeroize::Zeroizing;

use super::cipher::Cipher;
use super::kdf::{Hash, Key};
use super::source::{Area, Decrypted, UNIT_BYTES};
use super::unlock::Trial;
use super::xts::{Cascade, Sectors};
use super::{Unlocked, locked};
use crate::block::BlockSource;
use crate::bytes::{be16, be32, be64};
use crate::volume::MediaError;

const HEADER_BYTES: usize = 512;
const SALT_BYTES: usize = 64;
/// The space of all headers at either end of a volume.
const HEADERS_BYTES: u64 = 128 * 1024;
/// Where the header of a hidden volume stands within it.
const HIDDEN_AT: u64 = 64 * 1024;
/// One key of a cipher; every cipher here has keys of this length.
const CIPHER_KEY_BYTES: usize = 32;
/// The first format with XTS that says where its data begin; TrueCrypt 6.
const VERSION_WITH_PLACE: u16 = 4;
/// TrueCrypt 5: XTS, and data right behind the header.
const VERSION_WITH_XTS: u16 = 3;
/// Keys derived side by side.
const THREADS_MAX: usize = 4;

/// What the four letters of a header, decrypted, tell.
struct Family {
    name: &'static str,
    mark: &'static [u8; 4],
    /// The digests of its passwords with their rounds, the likelier and the quicker first.
    digests: &'static [(Hash, u32)],
}

const FAMILIES: [Family; 2] = [
    Family {
        name: "TrueCrypt",
        mark: b"TRUE",
        digests: &[
            (Hash::Sha512, 1000),
            (Hash::Ripemd160, 2000),
            (Hash::Whirlpool, 1000),
            (Hash::Sha1, 2000),
        ],
    },
    Family {
        name: "VeraCrypt",
        mark: b"VERA",
        digests: &[
            (Hash::Sha512, 500_000),
            (Hash::Sha256, 500_000),
            (Hash::Whirlpool, 500_000),
            (Hash::Blake2s, 500_000),
            (Hash::Ripemd160, 655_331),
            (Hash::Streebog512, 500_000),
        ],
    },
];

/// Ciphers over each other, in the order in which they encrypt.
const CASCADES: [&[Cipher]; 14] = [
    &[Cipher::Aes],
    &[Cipher::Serpent],
    &[Cipher::Twofish],
    &[Cipher::Camellia],
    &[Cipher::Kuznyechik],
    &[Cipher::Twofish, Cipher::Aes],
    &[Cipher::Serpent, Cipher::Twofish],
    &[Cipher::Aes, Cipher::Serpent],
    &[Cipher::Kuznyechik, Cipher::Camellia],
    &[Cipher::Serpent, Cipher::Camellia],
    &[Cipher::Aes, Cipher::Kuznyechik],
    &[Cipher::Serpent, Cipher::Twofish, Cipher::Aes],
    &[Cipher::Aes, Cipher::Twofish, Cipher::Serpent],
    &[Cipher::Camellia, Cipher::Serpent, Cipher::Kuznyechik],
];
/// Ciphers in the longest cascade.
const CASCADE_MAX: usize = 3;

/// Opens a volume of random bytes. `None` when its bytes are not random: then it is none of these.
pub(super) fn open(
    source: &Arc<dyn BlockSource>,
    trial: &Trial<'_>,
) -> Result<Option<Unlocked>, MediaError> {
    let headers = headers(&**source)?;
    let Some(first) = headers.first().filter(|header| header.offset == 0) else {
        return Ok(None);
    };
    if !looks_random(&first.bytes) || !trial.is_expected() {
        return Ok(None);
    }
    for password in trial.passwords() {
        if let Some(found) = search(&headers, password, trial) {
            return found.open(source).map(Some);
        }
    }
    // Whether it was one of these nobody can say.
    let name = "TrueCrypt or VeraCrypt, or not a volume at all";
    Err(locked(name, trial.why()))
}

/// Whether bytes are as random as encrypted ones: text, code and the records of file systems are far
/// from it, and so are zeros.
pub(crate) fn looks_random(bytes: &[u8]) -> bool {
    /// Chi-square of 256 values lies around 255, and within this but once in a million.
    const CHI_SQUARE_MAX: f64 = 375.0;
    let mut counts = [0u32; 256];
    for byte in bytes {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    let expected = bytes.len() as f64 / 256.0;
    let square = |count: &u32| (f64::from(*count) - expected).powi(2) / expected;
    !bytes.is_empty() && counts.iter().map(square).sum::<f64>() < CHI_SQUARE_MAX
}

/// A header as it stands on the volume.
struct Header {
    /// Where: in bytes from the start of the volume.
    offset: u64,
    bytes: Vec<u8>,
}

/// The places where a header may be: the volume's, that of a hidden one, and the copies of both.
fn headers(source: &dyn BlockSource) -> IoResult<Vec<Header>> {
    let end = source.size().checked_sub(HEADERS_BYTES);
    let copies = end.filter(|end| *end >= HEADERS_BYTES);
    let places = [
        Some(0),
        Some(HIDDEN_AT),
        copies,
        copies.map(|at| at + HIDDEN_AT),
    ];
    let mut headers = Vec::new();
    for offset in places.into_iter().flatten() {
        let mut bytes = vec![0; HEADER_BYTES];
        if offset + HEADER_BYTES as u64 <= source.size() {
            match source.read_exact_at(offset, &mut bytes) {
                Ok(()) => headers.push(Header { offset, bytes }),
                Err(error) if offset == 0 => return Err(error),
                Err(_) => {} // A copy that cannot be read is one place less.
            }
        }
    }
    Ok(headers)
}

/// One derivation of a key, and all ciphers tried with it.
struct Attempt<'a> {
    header: &'a Header,
    family: &'static Family,
    hash: Hash,
    rounds: u32,
    /// Ciphers in a cascade; more take a longer key.
    lengths: std::ops::RangeInclusive<usize>,
}

/// What can be tried, in the order of cost and likelihood.
fn attempts(headers: &[Header]) -> Vec<Attempt<'_>> {
    let mut attempts = Vec::new();
    for family in &FAMILIES {
        // The volume itself and the hidden one, single ciphers first; then the copies of both.
        for pair in headers.chunks(2) {
            for lengths in [1..=1, 2..=CASCADE_MAX] {
                for (header, (hash, rounds)) in pairs(pair, family.digests) {
                    attempts.push(Attempt {
                        header,
                        family,
                        hash,
                        rounds,
                        lengths: lengths.clone(),
                    });
                }
            }
        }
    }
    attempts
}

fn pairs<'a>(
    headers: &'a [Header],
    digests: &'static [(Hash, u32)],
) -> impl Iterator<Item = (&'a Header, (Hash, u32))> {
    headers
        .iter()
        .flat_map(move |header| digests.iter().map(move |digest| (header, *digest)))
}

/// Tries one password everywhere, on as many threads as there are processors.
fn search(headers: &[Header], password: &[u8], trial: &Trial<'_>) -> Option<Found> {
    let attempts = attempts(headers);
    let next = AtomicUsize::new(0);
    let is_found = AtomicBool::new(false);
    let found = Mutex::new(None);
    let work = || {
        while !is_found.load(Ordering::Relaxed) && !trial.is_over() {
            let Some(attempt) = attempts.get(next.fetch_add(1, Ordering::Relaxed)) else {
                return;
            };
            if let Some(result) = attempt.run(password) {
                is_found.store(true, Ordering::Relaxed);
                let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                found.get_or_insert(result);
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 1..threads.min(THREADS_MAX) {
            scope.spawn(work);
        }
        work();
    });
    found.into_inner().unwrap_or_else(PoisonError::into_inner)
}

impl Attempt<'_> {
    fn run(&self, password: &[u8]) -> Option<Found> {
        let (salt, hidden) = self.header.bytes.split_at_checked(SALT_BYTES)?;
        let longest = *self.lengths.end() * 2 * CIPHER_KEY_BYTES;
        let key = self.hash.pbkdf2(password, salt, self.rounds, longest);
        let fitting = CASCADES
            .iter()
            .filter(|cascade| self.lengths.contains(&cascade.len()));
        fitting
            .filter_map(|cascade| self.decrypt(cascade, &key, hidden))
            .next()
    }

    fn decrypt(&self, cascade: &'static [Cipher], key: &[u8], hidden: &[u8]) -> Option<Found> {
        let mut plain: Key = Zeroizing::new(hidden.to_vec());
        sectors(cascade, key)?.decrypt(0, &mut plain);
        let keys = plain.get(HEADER_BYTES / 2 - SALT_BYTES..)?;
        // Offsets as the format's own documents count them, from the start of the header.
        let at = |offset: usize| offset - SALT_BYTES;
        let sum = |bytes: &[u8]| checksum(CrcAlgorithm::Crc32IsoHdlc, bytes) as u32;
        let is_sense = plain.starts_with(self.family.mark)
            && be32(&plain, at(72)) == sum(keys)
            && (be16(&plain, at(68)) < VERSION_WITH_PLACE
                || be32(&plain, at(252)) == sum(plain.get(..at(252))?));
        is_sense.then(|| Found {
            name: self.family.name,
            cascade,
            keys: Zeroizing::new(keys.to_vec()),
            version: be16(&plain, at(68)),
            hidden_bytes: be64(&plain, at(92)),
            start: be64(&plain, at(108)),
            bytes: be64(&plain, at(116)),
        })
    }
}

/// The cipher over sectors that a cascade with this key is. All first keys stand in front of all
/// second ones.
fn sectors(cascade: &[Cipher], key: &[u8]) -> Option<Cascade> {
    let one = |number: usize| {
        let from = number * CIPHER_KEY_BYTES;
        key.get(from..from + CIPHER_KEY_BYTES)
    };
    let ciphers = cascade.iter().enumerate().rev();
    let ciphers =
        ciphers.map(|(number, cipher)| cipher.xts(one(number)?, one(cascade.len() + number)?));
    ciphers.collect::<Option<_>>().map(Cascade)
}

/// A header that made sense.
struct Found {
    name: &'static str,
    cascade: &'static [Cipher],
    keys: Key,
    version: u16,
    hidden_bytes: u64,
    start: u64,
    bytes: u64,
}

impl Found {
    fn open(&self, source: &Arc<dyn BlockSource>) -> Result<Unlocked, MediaError> {
        let name = self.name;
        let wrong = |what: &str| MediaError::Damaged(format!("{name}: {what}"));
        let (offset, size) = match self.version {
            ..VERSION_WITH_XTS => {
                let what = format!("a {name} volume of the format's version {}", self.version);
                return Err(MediaError::Unsupported(what));
            }
            VERSION_WITH_XTS if self.hidden_bytes == 0 => (HEADER_BYTES as u64, u64::MAX),
            // Its end is where the header of a hidden volume was in that version.
            VERSION_WITH_XTS => {
                let what = format!("a hidden {name} volume of the format's version 3");
                return Err(MediaError::Unsupported(what));
            }
            _ => (self.start, self.bytes),
        };
        if offset % UNIT_BYTES != 0 || offset >= source.size() || size == 0 {
            return Err(wrong("its data begin at an impossible place"));
        }
        let cipher = sectors(self.cascade, &self.keys);
        let cipher = cipher.ok_or_else(|| wrong("its keys are not there"))?;
        let area = Area {
            offset,
            size,
            sector: UNIT_BYTES as u32,
            first: offset / UNIT_BYTES,
        };
        Ok(Unlocked {
            source: Arc::new(Decrypted::new(Arc::clone(source), Box::new(cipher), area)),
            name,
            data_offset: offset,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encrypted_bytes_look_random_and_others_do_not() {
        let random: Vec<u8> = Hash::Sha512.pbkdf2(b"a", b"b", 1, 512).to_vec();
        assert!(looks_random(&random));
        assert!(!looks_random(&[0; 512]));
        assert!(!looks_random(&[]));
        let text = b"The quick brown fox jumps over the lazy dog. ".repeat(12);
        assert!(!looks_random(&text[..512]));
        let mut half = random.clone();
        half[256..].fill(0);
        assert!(!looks_random(&half));
    }

    #[test]
    fn what_a_header_may_not_say_is_refused() {
        let source: Arc<dyn BlockSource> = Arc::new(vec![0; 300 * 1024]);
        let open = |version, hidden_bytes, start, bytes| {
            let found = Found {
                name: "VeraCrypt",
                cascade: CASCADES[0],
                keys: Zeroizing::new(vec![1; 256]),
                version,
                hidden_bytes,
                start,
                bytes,
            };
            found.open(&source)
        };
        for (start, bytes) in [
            (u64::MAX, 512),
            (u64::MAX - 511, u64::MAX),
            (300 * 1024, 512),
            (HEADERS_BYTES + 1, 512),
            (HEADERS_BYTES, 0),
        ] {
            let error = open(5, 0, start, bytes).err().unwrap();
            assert!(matches!(error, MediaError::Damaged(_)), "{start}: {error}");
        }
        for (version, hidden_bytes) in [(2, 0), (3, 1)] {
            let error = open(version, hidden_bytes, 0, 0).err().unwrap();
            assert!(matches!(error, MediaError::Unsupported(_)), "{error}");
        }
        // More than there is, is cut off where the volume ends.
        let opened = open(5, 0, HEADERS_BYTES, u64::MAX).ok().unwrap();
        assert_eq!(opened.source.size(), 300 * 1024 - HEADERS_BYTES);
        opened.source.read_exact_at(0, &mut [0; 700]).unwrap();
    }
}
