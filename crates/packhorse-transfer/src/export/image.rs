//! A device that we format: the tools of each file system write it from the staging folder, without
//! mounting it, and our own readers read it back.
//!
//! ext2/3/4: `mke2fs -d`, then `e2fsck -D` (both of e2fsprogs), which also orders large folders.
//! FAT32: `mkfs.fat` (dosfstools) and `mcopy` (mtools). NTFS: `mkntfs` (ntfs-3g) and `wimlib-imagex`
//! (wimtools), which writes straight to a volume.

use std::fs::File;
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use packhorse_core::export::Space;
use packhorse_core::manifest::{FileSystem, Word as _};
use packhorse_core::signature_file;
use packhorse_media::Unlock;

use super::ledger::ExportLedger;
use super::verify::VerifyExport;
use super::{Export, luks};
use crate::Error;
use crate::progress::Meter;

/// The volume's name.
const LABEL: &str = "PACKHORSE";
/// The list of files while they are read back, below the job's folder.
const READ_BACK: &str = "read-back";
/// The file system of an encrypted device before it is encrypted, below the job's folder.
const PLAIN: &str = "plain.img";
/// Where Debian keeps them, which is not always in a user's PATH.
const SYSTEM_FOLDERS: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];
/// Of what a tool says, the end is told.
const SAID_BYTES_MAX: usize = 500;
/// e2fsck has repaired something: here it means that folders were put in order.
const E2FSCK_CHANGED: i32 = 1;

/// Whether the device can be formatted so: it is not in use, and the tools are there.
pub(super) fn check(
    device: &Path,
    file_system: FileSystem,
    is_encrypted: bool,
) -> Result<(), Error> {
    let meta = std::fs::metadata(device).map_err(|error| Error::target(device, error))?;
    if meta.file_type().is_block_device() {
        // Refused by the kernel while it, or a part of it, is mounted.
        use rustix::fs::{CWD, Mode, OFlags};
        let flags = OFlags::RDWR | OFlags::EXCL | OFlags::CLOEXEC;
        rustix::fs::openat(CWD, device, flags, Mode::empty())
            .map_err(|errno| Error::target(device, errno.into()))?;
    } else {
        File::options()
            .write(true)
            .open(device)
            .map_err(|error| Error::target(device, error))?;
    }
    let tools: &[&str] = match file_system {
        FileSystem::Ext4 | FileSystem::Ext3 | FileSystem::Ext2 => &["mke2fs", "e2fsck"],
        FileSystem::Fat32 => &["mkfs.fat", "mcopy"],
        FileSystem::Ntfs => &["mkntfs", "wimlib-imagex"],
    };
    let needs = |tool: &str, what: &str| {
        let found = command(tool).arg("--version").stdin(Stdio::null()).output();
        let cannot = |error| format!("{tool}, which {what} needs, cannot be run: {error}");
        found
            .map(drop)
            .map_err(|error| Error::Format(cannot(error)))
    };
    tools
        .iter()
        .try_for_each(|tool| needs(tool, file_system.code()))?;
    match is_encrypted {
        true => needs("cryptsetup", "an encrypted device"),
        false => Ok(()),
    }
}

/// Formats the device with everything that is in the staging folder, encrypted if there is a password.
pub(super) fn build(
    export: &Export,
    staging: &Path,
    (device, bytes): (&Path, u64),
    ledger: &ExportLedger,
) -> Result<(), Error> {
    if let Some(text) = &export.signature {
        let path = staging.join(signature_file::FILE_NAME);
        std::fs::write(&path, text).map_err(|error| Error::state(&path, error))?;
    }
    let file_system = export.manifest.kind.file_system;
    match &export.manifest.common.true_crypt_password {
        None => make(file_system, staging, (device, bytes), ledger)?,
        Some(password) => {
            let plain = staging.with_file_name(PLAIN);
            let bytes = luks::payload_bytes(bytes);
            let made = File::create(&plain).and_then(|file| file.set_len(bytes));
            made.map_err(|error| Error::state(&plain, error))?;
            make(file_system, staging, (&plain, bytes), ledger)?;
            let cipher = luks::format(device, password)?;
            luks::fill(device, &plain, &cipher, &export.stop)?;
            std::fs::remove_file(&plain).map_err(|error| Error::state(&plain, error))?;
        }
    }
    let file = File::options().write(true).open(device);
    file.and_then(|file| file.sync_all())
        .map_err(|error| Error::target(device, error))
}

fn make(
    file_system: FileSystem,
    staging: &Path,
    (device, bytes): (&Path, u64),
    ledger: &ExportLedger,
) -> Result<(), Error> {
    match file_system {
        fs @ (FileSystem::Ext4 | FileSystem::Ext3 | FileSystem::Ext2) => {
            ext(fs, staging, (device, bytes), ledger.names()?)
        }
        FileSystem::Fat32 => fat(staging, (device, bytes)),
        FileSystem::Ntfs => ntfs(staging, device),
    }
}

/// Reads every file of the new file system back, with our own readers, against its own sidecar.
pub(super) fn read_back(device: &Path, stored: u64, export: &Export) -> Result<(), Error> {
    let password = export.manifest.common.true_crypt_password.clone();
    let unlock = Unlock {
        passwords: password.into_iter().collect(),
        ..Unlock::default()
    };
    let opened = packhorse_media::open_device_with(device, &unlock)?;
    let work_dir = export.folder.path().join(READ_BACK);
    let verify = VerifyExport {
        device: &opened,
        work_dir: &work_dir,
        meter: Meter::default(),
        stop: export.stop.clone(),
        clock: export.clock,
    };
    let mut first = None;
    let found = verify.run(|problem| {
        first.get_or_insert_with(|| format!("{}: {}", problem.path, problem.what));
    });
    std::fs::remove_dir_all(&work_dir).ok();
    match found? {
        Some(found) if found.bad == 0 && found.good == stored => Ok(()),
        Some(found) => {
            let lacking = || format!("{} files of {stored}", found.good);
            Err(Error::BadImage(first.unwrap_or_else(lacking)))
        }
        None => Err(Error::BadImage("it has no sidecar".to_owned())),
    }
}

fn ext(
    file_system: FileSystem,
    staging: &Path,
    (device, bytes): (&Path, u64),
    names: u64,
) -> Result<(), Error> {
    let kind = match file_system {
        FileSystem::Ext2 => "ext2",
        FileSystem::Ext3 => "ext3",
        FileSystem::Ext4 | FileSystem::Ntfs | FileSystem::Fat32 => "ext4",
    };
    let block = Space::block_bytes(file_system, bytes);
    // One for each name, those of the sidecar and the file system's own; sets of inodes are whole.
    let inodes = names + names / 50 + 64;
    let journal = Space::journal_mib(file_system, bytes);
    let mut make = command("mke2fs");
    make.args([
        "-q",
        "-F",
        "-t",
        kind,
        "-m",
        "0",
        "-L",
        LABEL,
        "-O",
        "^resize_inode",
    ]);
    make.args([
        "-b",
        &block.to_string(),
        "-I",
        "256",
        "-N",
        &inodes.to_string(),
    ]);
    if journal > 0 {
        make.args(["-J", &format!("size={journal}")]);
    }
    make.args(["-E", "root_owner=0:0", "-d"])
        .arg(staging)
        .arg(device);
    make.arg((bytes / block).to_string());
    run(make, &[0])?;
    let mut order = command("e2fsck");
    order.args(["-f", "-y", "-D"]).arg(device);
    run(order, &[0, E2FSCK_CHANGED])
}

fn fat(staging: &Path, (device, bytes): (&Path, u64)) -> Result<(), Error> {
    let sectors = Space::block_bytes(FileSystem::Fat32, bytes) / 512;
    let mut make = command("mkfs.fat");
    make.args(["-F", "32", "-I", "-n", LABEL, "-s", &sectors.to_string()])
        .arg(device);
    run(make, &[0])?;
    // Names with letters of the DOS code page would be stored as short names in upper case, and come
    // back as `CAFÉ`. In a code page without such letters they are stored in Unicode.
    let settings = staging.with_file_name("mtoolsrc");
    let written = std::fs::write(&settings, "default_codepage=367\n");
    written.map_err(|error| Error::state(&settings, error))?;
    let mut copy = command("mcopy");
    copy.env("MTOOLSRC", &settings);
    copy.args(["-s", "-p", "-m", "-Q", "-i"]).arg(device);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(staging).map_err(|error| Error::state(staging, error))? {
        names.push(entry.map_err(|error| Error::state(staging, error))?.path());
    }
    names.sort();
    copy.args(names).arg("::/");
    run(copy, &[0])
}

fn ntfs(staging: &Path, device: &Path) -> Result<(), Error> {
    let mut make = command("mkntfs");
    make.args(["-q", "-Q", "-F", "-L", LABEL]).arg(device);
    run(make, &[0])?;
    // From one to the other without a file in between.
    let mut capture = command("wimlib-imagex");
    capture.args(["capture", "--quiet"]).arg(staging).args([
        "-",
        LABEL,
        "--pipable",
        "--compress=none",
    ]);
    capture
        .args(["--no-acls", "--threads=1"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    capture.stderr(Stdio::null());
    let started = capture.spawn();
    let mut captured = started.map_err(|error| Error::Format(format!("wimlib-imagex: {error}")))?;
    let mut apply = command("wimlib-imagex");
    apply.args(["apply", "--quiet", "-", "1"]).arg(device);
    if let Some(out) = captured.stdout.take() {
        apply.stdin(out);
    }
    let applied = run(apply, &[0]);
    let ended = captured
        .wait()
        .map_err(|error| Error::Format(format!("wimlib-imagex: {error}")))?;
    applied?;
    match ended.success() {
        true => Ok(()),
        false => Err(Error::Format(format!("wimlib-imagex capture: {ended}"))),
    }
}

/// A tool, in an environment in which names are UTF-8 and messages are English.
pub(super) fn command(tool: &str) -> Command {
    let places = SYSTEM_FOLDERS
        .iter()
        .map(|folder| Path::new(folder).join(tool));
    let found = places.into_iter().find(|path| path.exists());
    let mut command = Command::new(found.unwrap_or_else(|| tool.into()));
    command.env("LC_ALL", "C.UTF-8");
    command
}

fn run(mut command: Command, fine: &[i32]) -> Result<(), Error> {
    let tool = command.get_program().to_string_lossy().into_owned();
    let failed = |what: String| Error::Format(format!("{tool}: {what}"));
    if tool != "wimlib-imagex" {
        command.stdin(Stdio::null());
    }
    let output = command.output();
    ended(
        &tool,
        &output.map_err(|error| failed(error.to_string()))?,
        fine,
    )
}

/// What a tool's end means: with any other status than these it has failed, and has said why.
pub(super) fn ended(tool: &str, output: &Output, fine: &[i32]) -> Result<(), Error> {
    if output
        .status
        .code()
        .is_some_and(|code| fine.contains(&code))
    {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.trim();
    let from = said.len().saturating_sub(SAID_BYTES_MAX);
    let end = (from..said.len())
        .find_map(|at| said.get(at..))
        .unwrap_or_default();
    let end = end.replace('\n', "; ");
    Err(Error::Format(format!("{tool}: {}: {end}", output.status)))
}
