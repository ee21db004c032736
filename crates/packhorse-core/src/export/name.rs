//! One name of a path: what each file system forbids.

use crate::manifest::FileSystem;

/// The longest name, in bytes of UTF-8. ext2/3/4 count bytes; NTFS and FAT32 count UTF-16 units, of
/// which a text never has more than bytes, but the systems that write them count bytes too.
const NAME_BYTES_MAX: usize = 255;

/// Why a key cannot be a path as it is, so that its object goes to the recovery directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// A name between two slashes, before the first or after the last is empty, or became empty.
    EmptyName,
    /// A name is `.` or `..`.
    DotName,
    /// A name means something else to the file system or to Windows: `CON`, `$MFT`, `lost+found`.
    ReservedName,
    /// A name has more than 255 bytes.
    NameTooLong,
    /// The path has too many bytes.
    PathTooLong,
    /// The path is one that the export itself needs: SIGNATURE, PACKHORSE, the recovery directory.
    ReservedPath,
    /// An object before it has this path, or differs only where the file system sees no difference.
    PathTaken,
    /// A file of this export stands where a folder would have to, or the other way round.
    FileOrFolder,
    /// The folder has no room for a further name (FAT32).
    FolderFull,
}

impl Misfit {
    /// Every one, for documents.
    pub const ALL: [Self; 9] = [
        Self::EmptyName,
        Self::DotName,
        Self::ReservedName,
        Self::NameTooLong,
        Self::PathTooLong,
        Self::ReservedPath,
        Self::PathTaken,
        Self::FileOrFolder,
        Self::FolderFull,
    ];

    /// As it stands in the record of an object.
    pub fn code(self) -> &'static str {
        match self {
            Self::EmptyName => "EmptyName",
            Self::DotName => "DotName",
            Self::ReservedName => "ReservedName",
            Self::NameTooLong => "NameTooLong",
            Self::PathTooLong => "PathTooLong",
            Self::ReservedPath => "ReservedPath",
            Self::PathTaken => "PathTaken",
            Self::FileOrFolder => "FileOrFolder",
            Self::FolderFull => "FolderFull",
        }
    }
}

/// Names that DOS gave to devices; Windows still opens these when a file is called so, whatever its
/// extension.
const DEVICES: [&str; 6] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];
/// Files of NTFS itself, in the root.
const NTFS_FILES: [&str; 12] = [
    "$MFT", "$MFTMirr", "$LogFile", "$Volume", "$AttrDef", "$Bitmap", "$Boot", "$BadClus",
    "$Secure", "$UpCase", "$Extend", "$Quota",
];

/// Whether the file system takes letters of another case for the same name.
pub(super) fn ignores_case(file_system: FileSystem) -> bool {
    match file_system {
        FileSystem::Ntfs | FileSystem::Fat32 => true,
        FileSystem::Ext4 | FileSystem::Ext3 | FileSystem::Ext2 => false,
    }
}

/// The name without what the file system forbids in it; `in_root` if it stands in the root.
pub(super) fn clean(name: &str, file_system: FileSystem, in_root: bool) -> Result<String, Misfit> {
    if name == "." || name == ".." {
        return Err(Misfit::DotName);
    }
    let kept = |c: &char| is_allowed(*c, file_system);
    let mut name: String = name.chars().filter(kept).collect();
    if ignores_case(file_system) {
        // Windows drops these silently, so that the file could not be opened there.
        name.truncate(name.trim_end_matches(['.', ' ']).len());
    }
    if name.is_empty() {
        return Err(Misfit::EmptyName);
    }
    // Dropping characters may have made them.
    if name == "." || name == ".." {
        return Err(Misfit::DotName);
    }
    if is_reserved(&name, file_system, in_root) {
        return Err(Misfit::ReservedName);
    }
    if name.len() > NAME_BYTES_MAX {
        return Err(Misfit::NameTooLong);
    }
    Ok(name)
}

fn is_allowed(c: char, file_system: FileSystem) -> bool {
    let windows = || !c.is_control() && !"\"*/:<>?\\|".contains(c);
    match file_system {
        FileSystem::Ext4 | FileSystem::Ext3 | FileSystem::Ext2 => c != '\0' && c != '/',
        FileSystem::Ntfs => windows(),
        // Letters beyond U+FFFF take two units, which many readers of FAT do not join.
        FileSystem::Fat32 => windows() && c <= '\u{ffff}',
    }
}

fn is_reserved(name: &str, file_system: FileSystem, in_root: bool) -> bool {
    let is = |known: &&str| known.eq_ignore_ascii_case(name);
    match file_system {
        FileSystem::Ext4 | FileSystem::Ext3 | FileSystem::Ext2 => in_root && name == "lost+found",
        FileSystem::Ntfs => is_device(name) || (in_root && NTFS_FILES.iter().any(is)),
        FileSystem::Fat32 => is_device(name) || is_short_name_alias(name),
    }
}

fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end();
    let numbered = |prefix: &str| {
        let number = stem
            .get(..3)
            .filter(|start| start.eq_ignore_ascii_case(prefix))
            .and_then(|_| stem.get(3..));
        number.is_some_and(|n| {
            let mut chars = n.chars();
            let digit = |c: char| c.is_ascii_digit() || "¹²³".contains(c);
            chars.next().is_some_and(digit) && chars.next().is_none()
        })
    };
    let plain = DEVICES.iter().any(|known| known.eq_ignore_ascii_case(stem));
    plain || numbered("COM") || numbered("LPT")
}

/// Names like `LONGNA~1.TXT`: FAT makes such ones for every long name, so one that a customer chose
/// may already stand for another file.
fn is_short_name_alias(name: &str) -> bool {
    let (stem, extension) = name.split_once('.').unwrap_or((name, ""));
    let Some((start, number)) = stem.rsplit_once('~') else {
        return false;
    };
    !start.is_empty()
        && stem.len() <= 8
        && extension.len() <= 3
        && !number.is_empty()
        && number.bytes().all(|b| b.is_ascii_digit())
}

/// The text by which two names are the same to the file system. NTFS and FAT compare letter by
/// letter in upper case; where Unicode has grown since a table was made, this takes more for equal
/// than the disk would, never less.
pub(super) fn fold(path: &str, file_system: FileSystem) -> String {
    if !ignores_case(file_system) {
        return path.to_owned();
    }
    let upper = |c: char| {
        let mut upper = c.to_uppercase();
        match (upper.next(), upper.next()) {
            (Some(one), None) => one,
            _ => c,
        }
    };
    path.chars().map(upper).collect()
}
