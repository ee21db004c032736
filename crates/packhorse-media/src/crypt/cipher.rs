//! Which cipher in which mode, as headers name it, and the one made of it and a key.

use aes::{Aes128, Aes192, Aes256};
use camellia::{Camellia128, Camellia192, Camellia256};
use kuznyechik::Kuznyechik;
use serpent::Serpent;
use twofish::Twofish;

use super::kdf::Hash;
use super::xts::{BlockCipher, Cbc, Essiv, Narrow, Sectors, Xts};

/// A block cipher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cipher {
    Aes,
    Serpent,
    Twofish,
    Camellia,
    Kuznyechik,
}

impl Cipher {
    fn parse(name: &str) -> Option<Self> {
        match name {
            "aes" => Some(Self::Aes),
            "serpent" => Some(Self::Serpent),
            "twofish" => Some(Self::Twofish),
            "camellia" => Some(Self::Camellia),
            _ => None,
        }
    }

    /// XTS; `None` when the cipher has no keys of this length.
    pub(super) fn xts(self, data: &[u8], tweak: &[u8]) -> Option<Box<dyn Sectors>> {
        match (self, data.len()) {
            (Self::Aes, 16) => boxed(Xts::<Aes128>::new(data, tweak)),
            (Self::Aes, 24) => boxed(Xts::<Aes192>::new(data, tweak)),
            (Self::Aes, 32) => boxed(Xts::<Aes256>::new(data, tweak)),
            (Self::Serpent, 16 | 24 | 32) => boxed(Xts::<Serpent>::new(data, tweak)),
            (Self::Twofish, 16 | 24 | 32) => boxed(Xts::<Twofish>::new(data, tweak)),
            (Self::Camellia, 16) => boxed(Xts::<Camellia128>::new(data, tweak)),
            (Self::Camellia, 24) => boxed(Xts::<Camellia192>::new(data, tweak)),
            (Self::Camellia, 32) => boxed(Xts::<Camellia256>::new(data, tweak)),
            (Self::Kuznyechik, 32) => boxed(Xts::<Kuznyechik>::new(data, tweak)),
            _ => None,
        }
    }

    fn cbc(self, key: &[u8], essiv: Option<Hash>) -> Option<Box<dyn Sectors>> {
        match (self, key.len()) {
            (Self::Aes, 16) => self.cbc_of::<Aes128>(key, essiv),
            (Self::Aes, 24) => self.cbc_of::<Aes192>(key, essiv),
            (Self::Aes, 32) => self.cbc_of::<Aes256>(key, essiv),
            (Self::Serpent, 16 | 24 | 32) => self.cbc_of::<Serpent>(key, essiv),
            (Self::Twofish, 16 | 24 | 32) => self.cbc_of::<Twofish>(key, essiv),
            _ => None,
        }
    }

    fn cbc_of<C: BlockCipher + 'static>(
        self,
        key: &[u8],
        essiv: Option<Hash>,
    ) -> Option<Box<dyn Sectors>> {
        let Some(hash) = essiv else {
            return boxed(Cbc::<C>::new(key));
        };
        let digest = hash.digest(&[key]);
        match (self, digest.len()) {
            (Self::Aes, 32) => boxed(Essiv::<C, Aes256>::new(key, &digest)),
            (Self::Serpent, 32) => boxed(Essiv::<C, Serpent>::new(key, &digest)),
            (Self::Twofish, 32) => boxed(Essiv::<C, Twofish>::new(key, &digest)),
            _ => None,
        }
    }
}

fn boxed(sectors: Option<impl Sectors + 'static>) -> Option<Box<dyn Sectors>> {
    sectors.map(|sectors| Box::new(sectors) as Box<dyn Sectors>)
}

/// How a mode of LUKS makes something of a sector's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Xts,
    Cbc { essiv: Option<Hash> },
}

/// A cipher with its mode: `aes-xts-plain64`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CipherSpec {
    cipher: Cipher,
    mode: Mode,
    is_narrow: bool,
    /// As the header has it.
    name: String,
}

impl CipherSpec {
    /// Reads `cipher-mode-vector`; `None` when this reader has none such.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let (cipher, mode) = name.split_once('-')?;
        let (mode, vector) = mode.split_once('-')?;
        let (vector, option) = match vector.split_once(':') {
            Some((vector, option)) => (vector, Some(option)),
            None => (vector, None),
        };
        let (mode, is_narrow) = match (mode, vector, option) {
            ("xts", "plain64", None) => (Mode::Xts, false),
            ("xts", "plain", None) => (Mode::Xts, true),
            ("cbc", "plain64", None) => (Mode::Cbc { essiv: None }, false),
            ("cbc", "plain", None) => (Mode::Cbc { essiv: None }, true),
            ("cbc", "essiv", Some(hash)) => {
                let essiv = Some(Hash::parse(hash)?);
                (Mode::Cbc { essiv }, false)
            }
            _ => return None,
        };
        Some(Self {
            cipher: Cipher::parse(cipher)?,
            mode,
            is_narrow,
            name: name.to_owned(),
        })
    }

    /// The cipher under this key; `None` when it has no keys of this length.
    pub(super) fn with_key(&self, key: &[u8]) -> Option<Box<dyn Sectors>> {
        let sectors = match self.mode {
            Mode::Xts if key.len().is_multiple_of(2) => {
                let (data, tweak) = key.split_at(key.len() / 2);
                self.cipher.xts(data, tweak)
            }
            Mode::Xts => None,
            Mode::Cbc { essiv } => self.cipher.cbc(key, essiv),
        }?;
        Some(match self.is_narrow {
            true => Box::new(Narrow(sectors)),
            false => sectors,
        })
    }

    /// As the header has it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_ciphers_are_read_and_others_refused() {
        for (name, key_bytes) in [
            ("aes-xts-plain64", 64),
            ("aes-xts-plain", 32),
            ("serpent-xts-plain64", 64),
            ("twofish-cbc-essiv:sha256", 32),
            ("aes-cbc-essiv:sha256", 16),
            ("aes-cbc-plain64", 32),
        ] {
            let spec = CipherSpec::parse(name).unwrap();
            assert!(spec.with_key(&vec![1; key_bytes]).is_some(), "{name}");
            assert!(spec.with_key(&[1; 7]).is_none(), "{name}");
        }
        for name in [
            "",
            "aes",
            "aes-ecb",
            "aes-xts",
            "aes-lrw-benbi",
            "blowfish-cbc-plain64",
            "aes-cbc-essiv",
            "aes-cbc-essiv:md5",
            "xchacha20,aes-adiantum-plain64",
        ] {
            assert_eq!(CipherSpec::parse(name), None, "{name}");
        }
    }
}
