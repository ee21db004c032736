//! What may open the encrypted volumes of a device, and how much may be spent on trying.

use std::time::{Duration, Instant};

use packhorse_core::secret::Secret;

/// Memory that a header may ask for: what cryptsetup's own defaults stay within.
pub const UNLOCK_MEMORY_BYTES: u64 = 1024 * 1024 * 1024;
/// Time for all passwords on all volumes of a device. A VeraCrypt volume takes a minute or two of
/// trying until it is certain that a password is wrong.
pub const UNLOCK_TIME: Duration = Duration::from_secs(300);

/// Passwords, and the limits of trying them.
#[derive(Clone, Debug)]
pub struct Unlock {
    /// Tried in this order. Without any, encrypted volumes stay locked.
    pub passwords: Vec<Secret>,
    /// Whether the device is said to be encrypted: random bytes are then a locked volume, also when
    /// there is no password to try.
    pub is_expected: bool,
    /// Names of files in the root of a volume that may be encrypted containers: `JOBID.tc`. Looked
    /// for only when there is a password.
    pub containers: Vec<String>,
    /// Bytes that one derivation of a key may use; a header that asks for more is refused.
    pub memory_bytes: u64,
    /// After this time no further key is derived.
    pub time: Duration,
}

impl Default for Unlock {
    /// No password, the usual limits.
    fn default() -> Self {
        Self {
            passwords: Vec::new(),
            is_expected: false,
            containers: Vec::new(),
            memory_bytes: UNLOCK_MEMORY_BYTES,
            time: UNLOCK_TIME,
        }
    }
}

/// The trying, once begun.
pub(crate) struct Trial<'a> {
    unlock: &'a Unlock,
    passwords: Vec<&'a [u8]>,
    until: Option<Instant>,
}

impl<'a> Trial<'a> {
    pub(crate) fn begin(unlock: &'a Unlock) -> Self {
        let passwords = unlock.passwords.iter();
        Self {
            unlock,
            passwords: passwords.map(|secret| secret.expose().as_bytes()).collect(),
            until: Instant::now().checked_add(unlock.time),
        }
    }

    pub(crate) fn passwords(&self) -> &[&'a [u8]] {
        &self.passwords
    }

    pub(crate) fn containers(&self) -> &'a [String] {
        match self.passwords.is_empty() {
            true => &[],
            false => &self.unlock.containers,
        }
    }

    /// Whether random bytes may be an encrypted volume.
    pub(super) fn is_expected(&self) -> bool {
        self.unlock.is_expected || !self.passwords.is_empty()
    }

    pub(super) fn memory_bytes(&self) -> u64 {
        self.unlock.memory_bytes
    }

    /// Whether the time is over.
    pub(super) fn is_over(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() >= until)
    }

    /// Why a volume stays locked.
    pub(super) fn why(&self) -> String {
        if self.passwords.is_empty() {
            return "no password was given".to_owned();
        }
        if self.is_over() {
            let seconds = self.unlock.time.as_secs();
            return format!("the password given did not open it within {seconds} seconds");
        }
        "the password given does not open it".to_owned()
    }
}
