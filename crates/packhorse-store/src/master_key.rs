//! The master key: the one secret that the database does not hold.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::seal::Seal;

/// 64 digits and a newline; a file much longer than that is something else.
const FILE_BYTES_MAX: u64 = 128;

/// 32 random bytes from which every key of the server is derived. Whoever has them and the database
/// has all secrets; whoever loses them loses the secrets, and devices that were already prepared
/// are refused.
#[derive(Clone)]
pub struct MasterKey(Zeroizing<[u8; 32]>);

/// Why there is no master key.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// Not 64 hex digits.
    #[error("a master key is 64 hex digits")]
    NotAKey,
    /// Others may read the file.
    #[error("the master key file can be read by others: run chmod 600 on it")]
    Exposed,
    /// The file cannot be used.
    #[error("the master key file cannot be used")]
    File(#[from] std::io::Error),
    /// The operating system gave no random bytes.
    #[error("no random bytes are to be had")]
    Random,
}

impl MasterKey {
    /// Reads the key from 64 hex digits.
    pub fn from_hex(text: &str) -> Result<Self, MasterKeyError> {
        let mut key = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.trim(), key.as_mut()).map_err(|_| MasterKeyError::NotAKey)?;
        Ok(Self(key))
    }

    /// Reads the key file, or makes a new key and writes it with mode 0600. When several processes
    /// do so at once, all get the same key. Blocks.
    pub fn load_or_create(path: &Path) -> Result<Self, MasterKeyError> {
        match Self::load(path) {
            Err(MasterKeyError::File(e)) if e.kind() == std::io::ErrorKind::NotFound => {
                Self::create(path)?;
                Self::load(path)
            }
            other => other,
        }
    }

    fn load(path: &Path) -> Result<Self, MasterKeyError> {
        let file = File::open(path)?;
        if file.metadata()?.permissions().mode() & 0o077 != 0 {
            return Err(MasterKeyError::Exposed);
        }
        let mut text = Zeroizing::new(String::new());
        match file.take(FILE_BYTES_MAX).read_to_string(&mut text) {
            Err(e) if e.kind() == std::io::ErrorKind::InvalidData => Err(MasterKeyError::NotAKey),
            Err(e) => Err(e.into()),
            Ok(_) => Self::from_hex(&text),
        }
    }

    /// Writes a new key beside `path` and gives it that name only when whole and on disk. Loses
    /// against another process that did the same a moment earlier.
    fn create(path: &Path) -> Result<(), MasterKeyError> {
        let mut key = Zeroizing::new([0; 32]);
        getrandom::fill(key.as_mut()).map_err(|_| MasterKeyError::Random)?;
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        // A named temporary file has mode 0600 from its first moment.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        let mut text = Zeroizing::new(hex::encode(key.as_ref()));
        text.push('\n');
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        match file.persist_noclobber(path) {
            Ok(_) => {}
            Err(e) if e.error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(e.error.into()),
        }
        File::open(folder)?.sync_all()?;
        Ok(())
    }

    /// The key that signs SIGNATURE files.
    pub fn signature_key(&self) -> [u8; 32] {
        self.derive("packhorse signature v1")
    }

    /// The key that signs links to artifacts.
    pub fn artifact_key(&self) -> [u8; 32] {
        self.derive("packhorse artifact v1")
    }

    /// What seals the sessions of the console.
    pub fn console_seal(&self) -> Seal {
        Seal::new(&self.derive("packhorse console v1"))
    }

    /// What seals texts in the database.
    pub(crate) fn seal(&self) -> Seal {
        Seal::new(&self.derive("packhorse seal v1"))
    }

    /// A key for one purpose. The master key is uniform, so one HMAC is the whole derivation (the
    /// expand step of RFC 5869 for one block).
    fn derive(&self, purpose: &str) -> [u8; 32] {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(self.0.as_ref())
            .expect("HMAC takes keys of any length");
        mac.update(purpose.as_bytes());
        mac.update(&[1]);
        mac.finalize().into_bytes().into()
    }
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_made_once_and_then_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let made = MasterKey::load_or_create(&path).unwrap();
        let read = MasterKey::load_or_create(&path).unwrap();
        assert_eq!(made.0.as_ref(), read.0.as_ref());
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn everybody_who_creates_at_once_gets_the_same_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let keys: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| MasterKey::load_or_create(&path).unwrap()))
                .collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| key.0.as_ref() == keys[0].0.as_ref()));
    }

    #[test]
    fn a_file_that_others_can_read_or_that_is_no_key_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let write = |text: &[u8], mode| {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            MasterKey::load_or_create(&path)
        };
        let digits = "ab".repeat(32);
        assert!(write(digits.as_bytes(), 0o600).is_ok());
        let exposed = write(digits.as_bytes(), 0o644);
        assert!(matches!(exposed, Err(MasterKeyError::Exposed)));
        for text in [&b""[..], b"short", b"\xff\xfe", &[b'a'; 500]] {
            assert!(matches!(write(text, 0o600), Err(MasterKeyError::NotAKey)));
        }
    }

    #[test]
    fn each_purpose_has_its_own_key_and_debug_hides() {
        let key = MasterKey::from_hex(&"07".repeat(32)).unwrap();
        assert_ne!(key.signature_key(), key.derive("packhorse seal v1"));
        assert_ne!(key.signature_key(), key.artifact_key());
        assert_ne!(&key.signature_key(), key.0.as_ref());
        assert_eq!(format!("{key:?}"), "MasterKey(hidden)");
    }
}
