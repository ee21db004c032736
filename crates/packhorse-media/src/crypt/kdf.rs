//! Keys from passwords: PBKDF2 and Argon2, within limits, and the digests that go with them.

use argon2::{Algorithm, Argon2, Params, Version};
use blake2::Blake2s256;
use digest::{Digest, FixedOutput};
use hmac::SimpleHmac;
use pbkdf2::{pbkdf2, pbkdf2_hmac};
use ripemd::Ripemd160;
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512};
use streebog::Streebog512;
use whirlpool::Whirlpool;
use zeroize::Zeroizing;

/// A key, erased from memory when it is no longer needed.
pub(super) type Key = Zeroizing<Vec<u8>>;

/// cryptsetup asks for as many rounds as take two seconds: some millions. This many take half a
/// minute; more is an attack or a damaged header.
pub(super) const PBKDF2_ROUNDS_MAX: u32 = 50_000_000;
/// Passes times memory of Argon2, in KiB: half a minute. cryptsetup asks for 4 passes over 1 GiB at
/// most.
const ARGON2_WORK_KIB_MAX: u64 = 32 * 1024 * 1024;
/// cryptsetup uses 4 at most.
const ARGON2_LANES_MAX: u32 = 64;

/// A digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
    Ripemd160,
    Whirlpool,
    Streebog512,
    Blake2s,
}

impl Hash {
    /// Reads a name as LUKS has it; `None` when this reader has none such.
    pub(super) fn parse(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "sha1" => Some(Self::Sha1),
            "sha224" => Some(Self::Sha224),
            "sha256" => Some(Self::Sha256),
            "sha384" => Some(Self::Sha384),
            "sha512" => Some(Self::Sha512),
            "ripemd160" | "rmd160" => Some(Self::Ripemd160),
            "whirlpool" => Some(Self::Whirlpool),
            "stribog512" => Some(Self::Streebog512),
            "blake2s-256" => Some(Self::Blake2s),
            _ => None,
        }
    }

    /// The digest of the parts one after the other.
    pub(super) fn digest(self, parts: &[&[u8]]) -> Key {
        fn of<D: Digest + FixedOutput>(parts: &[&[u8]]) -> Key {
            let mut digest = D::new();
            for part in parts {
                Digest::update(&mut digest, part);
            }
            Zeroizing::new(digest.finalize_fixed().to_vec())
        }
        match self {
            Self::Sha1 => of::<Sha1>(parts),
            Self::Sha224 => of::<Sha224>(parts),
            Self::Sha256 => of::<Sha256>(parts),
            Self::Sha384 => of::<Sha384>(parts),
            Self::Sha512 => of::<Sha512>(parts),
            Self::Ripemd160 => of::<Ripemd160>(parts),
            Self::Whirlpool => of::<Whirlpool>(parts),
            Self::Streebog512 => of::<Streebog512>(parts),
            Self::Blake2s => of::<Blake2s256>(parts),
        }
    }

    /// PBKDF2 with this digest's HMAC. The caller has held `rounds` against [`PBKDF2_ROUNDS_MAX`].
    pub(super) fn pbkdf2(self, password: &[u8], salt: &[u8], rounds: u32, key_bytes: usize) -> Key {
        let mut key = Zeroizing::new(vec![0; key_bytes]);
        match self {
            Self::Sha1 => pbkdf2_hmac::<Sha1>(password, salt, rounds, &mut key),
            Self::Sha224 => pbkdf2_hmac::<Sha224>(password, salt, rounds, &mut key),
            Self::Sha256 => pbkdf2_hmac::<Sha256>(password, salt, rounds, &mut key),
            Self::Sha384 => pbkdf2_hmac::<Sha384>(password, salt, rounds, &mut key),
            Self::Sha512 => pbkdf2_hmac::<Sha512>(password, salt, rounds, &mut key),
            Self::Ripemd160 => pbkdf2_hmac::<Ripemd160>(password, salt, rounds, &mut key),
            Self::Whirlpool => pbkdf2_hmac::<Whirlpool>(password, salt, rounds, &mut key),
            Self::Streebog512 => pbkdf2_hmac::<Streebog512>(password, salt, rounds, &mut key),
            Self::Blake2s => {
                let made = pbkdf2::<SimpleHmac<Blake2s256>>(password, salt, rounds, &mut key);
                made.expect("HMAC takes keys of every length");
            }
        }
        key
    }
}

/// How a password becomes a key.
#[derive(Clone, Debug)]
pub(super) enum Kdf {
    Pbkdf2 {
        hash: Hash,
        rounds: u32,
    },
    Argon2 {
        is_id: bool,
        passes: u32,
        memory_kib: u32,
        lanes: u32,
    },
}

impl Kdf {
    /// Fails, with words for a person, when more is asked for than may be spent.
    pub(super) fn check(&self, memory_bytes_max: u64) -> Result<(), String> {
        match *self {
            Self::Pbkdf2 { rounds: 0, .. } => Err("no rounds of PBKDF2".to_owned()),
            Self::Pbkdf2 { rounds, .. } if rounds > PBKDF2_ROUNDS_MAX => Err(format!(
                "{rounds} rounds of PBKDF2, more than the {PBKDF2_ROUNDS_MAX} that are tried"
            )),
            Self::Pbkdf2 { .. } => Ok(()),
            Self::Argon2 {
                passes,
                memory_kib,
                lanes,
                ..
            } => {
                let memory = u64::from(memory_kib) * 1024;
                if memory > memory_bytes_max {
                    return Err(format!(
                        "{memory} bytes of memory for Argon2, more than the {memory_bytes_max} \
                         that station.unlock_memory_bytes allows"
                    ));
                }
                if u64::from(passes) * u64::from(memory_kib) > ARGON2_WORK_KIB_MAX {
                    return Err(format!(
                        "{passes} passes of Argon2 over {memory} bytes, more than are tried"
                    ));
                }
                if lanes > ARGON2_LANES_MAX || Params::new(memory_kib, passes, lanes, None).is_err()
                {
                    return Err(format!(
                        "Argon2 with {passes} passes, {memory_kib} KiB and {lanes} lanes, which \
                         cannot be"
                    ));
                }
                Ok(())
            }
        }
    }

    /// The key; [`Kdf::check`] comes first.
    pub(super) fn derive(
        &self,
        password: &[u8],
        salt: &[u8],
        key_bytes: usize,
    ) -> Result<Key, String> {
        match *self {
            Self::Pbkdf2 { hash, rounds } => Ok(hash.pbkdf2(password, salt, rounds, key_bytes)),
            Self::Argon2 {
                is_id,
                passes,
                memory_kib,
                lanes,
            } => {
                let algorithm = match is_id {
                    true => Algorithm::Argon2id,
                    false => Algorithm::Argon2i,
                };
                let failed = |error: argon2::Error| format!("Argon2 fails: {error}");
                let params =
                    Params::new(memory_kib, passes, lanes, Some(key_bytes)).map_err(failed)?;
                let mut key = Zeroizing::new(vec![0; key_bytes]);
                let argon2 = Argon2::new(algorithm, Version::V0x13, params);
                let made = argon2.hash_password_into(password, salt, &mut key);
                made.map_err(failed)?;
                Ok(key)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argon2(passes: u32, memory_kib: u32, lanes: u32) -> Kdf {
        Kdf::Argon2 {
            is_id: true,
            passes,
            memory_kib,
            lanes,
        }
    }

    #[test]
    fn work_beyond_the_limits_is_refused_before_it_begins() {
        const GIB: u64 = 1024 * 1024 * 1024;
        let refused = |kdf: Kdf, word: &str| {
            let error = kdf.check(GIB).unwrap_err();
            assert!(error.contains(word), "{error}");
        };
        let pbkdf2 = |rounds| Kdf::Pbkdf2 {
            hash: Hash::Sha256,
            rounds,
        };
        refused(pbkdf2(u32::MAX), "more than the 50000000");
        refused(pbkdf2(0), "no rounds");
        refused(argon2(4, u32::MAX, 4), "station.unlock_memory_bytes");
        refused(argon2(u32::MAX, 1024, 4), "passes");
        refused(argon2(4, 1024, 0), "cannot be");
        refused(argon2(0, 1024, 4), "cannot be");
        refused(argon2(4, 1024, 65), "cannot be");
        argon2(4, 1024 * 1024, 4).check(GIB).unwrap();
        pbkdf2(20_000_000).check(GIB).unwrap();
    }
}
