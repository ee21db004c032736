//! An encrypted device: `cryptsetup` writes a LUKS2 header for the customer's password, and the file
//! system, which was made in a file beside, is encrypted behind it. Neither needs root, the device
//! mapper or a mount. `cryptsetup open`, or any desktop, opens it.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::Stdio;

use packhorse_core::secret::Secret;
use packhorse_media::PayloadCipher;
use rustix::fs::{MemfdFlags, memfd_create};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use super::image::{command, ended};
use crate::Error;

/// Where the payload begins: what luksFormat leaves for its header by default.
pub(super) const PAYLOAD_OFFSET: u64 = 16 * 1024 * 1024;
/// Memory for deriving the key, in KiB: a quarter of what readers commonly grant.
const PBKDF_KIB: &str = "262144";
/// Bytes encrypted at once.
const PIECE_BYTES: usize = 4 * 1024 * 1024;

/// Bytes of the file system on an encrypted device of this size, whole sectors.
pub(super) fn payload_bytes(device_bytes: u64) -> u64 {
    let payload = device_bytes.saturating_sub(PAYLOAD_OFFSET);
    payload - payload % PayloadCipher::SECTOR_BYTES as u64
}

/// Makes the device a LUKS2 volume; what encrypts its payload comes back.
pub(super) fn format(device: &Path, password: &Secret) -> Result<PayloadCipher, Error> {
    let mut key = Zeroizing::new([0; PayloadCipher::KEY_BYTES]);
    getrandom::fill(&mut *key).map_err(|error| Error::Format(format!("random bytes: {error}")))?;
    let lent = lend(&*key).map_err(|error| Error::Format(format!("lend the key: {error}")))?;
    luks_format(device, password, &lent)?;
    PayloadCipher::new(&*key).ok_or_else(|| Error::Defect("the key's length".to_owned()))
}

/// The key as a file in memory: cryptsetup takes it from nowhere else, and a disk would remember it.
fn lend(key: &[u8]) -> std::io::Result<File> {
    let mut file = File::from(memfd_create("volume-key", MemfdFlags::CLOEXEC)?);
    file.write_all(key)?;
    Ok(file)
}

fn luks_format(device: &Path, password: &Secret, key: &File) -> Result<(), Error> {
    let key_file = format!("/proc/{}/fd/{}", std::process::id(), key.as_raw_fd());
    let mut format = command("cryptsetup");
    let sectors = PAYLOAD_OFFSET / PayloadCipher::SECTOR_BYTES as u64;
    format.args(["-q", "--disable-locks", "luksFormat", "--type", "luks2"]);
    format.args(["--cipher", "aes-xts-plain64", "--key-size", "512"]);
    format.args(["--sector-size", "512", "--offset", &sectors.to_string()]);
    format.args(["--pbkdf", "argon2id", "--pbkdf-memory", PBKDF_KIB]);
    format.arg("--volume-key-file").arg(key_file);
    format.args(["--key-file", "-"]).arg(device);
    format
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let failed = |error: std::io::Error| Error::Format(format!("cryptsetup: {error}"));
    let mut running = format.spawn().map_err(failed)?;
    // The whole input is the password; it ends when the pipe is dropped.
    if let Some(mut stdin) = running.stdin.take() {
        stdin
            .write_all(password.expose().as_bytes())
            .map_err(failed)?;
    }
    ended(
        "cryptsetup",
        &running.wait_with_output().map_err(failed)?,
        &[0],
    )
}

/// Encrypts the whole of `plain` onto the device.
pub(super) fn fill(
    device: &Path,
    plain: &Path,
    cipher: &PayloadCipher,
    stop: &CancellationToken,
) -> Result<(), Error> {
    let from = File::open(plain).map_err(|error| Error::state(plain, error))?;
    let bytes = from
        .metadata()
        .map_err(|error| Error::state(plain, error))?
        .len();
    let onto = File::options().write(true).open(device);
    let onto = onto.map_err(|error| Error::target(device, error))?;
    let (mut buffer, mut offset) = (vec![0; PIECE_BYTES], 0);
    while offset < bytes {
        if stop.is_cancelled() {
            return Err(Error::Stopped);
        }
        let length = usize::try_from(bytes - offset).unwrap_or(usize::MAX);
        let piece = buffer
            .get_mut(..length.min(PIECE_BYTES))
            .unwrap_or_default();
        from.read_exact_at(piece, offset)
            .map_err(|error| Error::state(plain, error))?;
        cipher.encrypt(offset / PayloadCipher::SECTOR_BYTES as u64, piece);
        onto.write_all_at(piece, PAYLOAD_OFFSET + offset)
            .map_err(|error| Error::target(device, error))?;
        offset += piece.len() as u64;
    }
    Ok(())
}
