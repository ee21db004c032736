//! What a volume holds, by the marks that formats leave at fixed places: for saying why it cannot
//! be read.

use crate::block::BlockSource;
use crate::crypt;

/// The format's name, the place of its mark, and the mark.
const MARKS: &[(&str, u64, &[u8])] = &[
    ("ext2, ext3 or ext4", 1080, b"\x53\xef"),
    ("NTFS", 3, b"NTFS    "),
    ("exFAT", 3, b"EXFAT   "),
    ("a volume encrypted with BitLocker", 3, b"-FVE-FS-"),
    ("FAT32", 82, b"FAT32"),
    ("FAT16", 54, b"FAT16"),
    ("FAT12", 54, b"FAT12"),
    ("a volume encrypted with LUKS", 0, b"LUKS\xba\xbe"),
    ("XFS", 0, b"XFSB"),
    ("Btrfs", 0x10040, b"_BHRfS_M"),
    ("APFS", 32, b"NXSB"),
    ("HFS+", 1024, b"H+"),
    ("HFS+ (HFSX)", 1024, b"HX"),
    ("HFS", 1024, b"BD"),
    ("F2FS", 1024, b"\x10\x20\xf5\xf2"),
    ("ISO 9660", 32769, b"CD001"),
    ("UDF", 32769, b"BEA01"),
    ("ReFS", 3, b"ReFS\0"),
    ("SquashFS", 0, b"hsqs"),
    ("EROFS", 1024, b"\xe2\xe1\xf5\xe0"),
    ("cramfs", 0, b"\x45\x3d\xcd\x28"),
    ("NILFS2", 1030, b"\x34\x34"),
    ("OCFS2", 2048, b"OCFSV2"),
    ("GFS2", 0x10000, b"\x01\x16\x19\x70"),
    ("VMFS", 0x20_0000, b"\x5e\xf1\xab\x2f"),
    ("VMFS", 0x10_0000, b"\x0d\xd0\x01\xc0"),
    ("a ZFS pool", 0x20000 + 8, b"\x0c\xb1\xba\x00"),
    ("a ZFS pool", 0x20000, b"\x0c\xb1\xba\x00"),
    ("bcachefs", 4096 + 24, b"\xc6\x85\x73\xf6\x4e\x1a\x45\xca"),
    ("bcache", 4096 + 24, b"\xc6\x85\x73\xf6\x66\xce\x90\xa9"),
    ("UFS", 8192 + 1372, b"\x54\x19\x01\x00"),
    ("UFS2", 65536 + 1372, b"\x19\x01\x54\x19"),
    ("Minix", 1040, b"\x7f\x13"),
    ("Minix", 1040, b"\x8f\x13"),
    ("ReiserFS", 0x10034, b"ReIsEr"),
    ("JFS", 32768, b"JFS1"),
    ("swap space", 4086, b"SWAPSPACE2"),
    ("swap space", 65526, b"SWAPSPACE2"),
    ("a Windows storage pool", 0, b"SPACEDB "),
    ("an LVM physical volume", 512, b"LABELONE"),
    ("a Linux RAID member", 4096, b"\xfc\x4e\x2b\xa9"),
    ("a Linux RAID member", 0, b"\xfc\x4e\x2b\xa9"),
    ("a QCOW disk image", 0, b"QFI\xfb"),
    ("an EnCase disk image", 0, b"EVF\x09\x0d\x0a\xff\x00"),
    ("a VirtualBox disk image", 64, b"\x7f\x10\xda\xbe"),
    ("a VMDK disk image", 0, b"KDMV"),
    ("a VHDX disk image", 0, b"vhdxfile"),
    ("a gzip file", 0, b"\x1f\x8b"),
    ("an xz file", 0, b"\xfd7zXZ\0"),
    ("a zstd file", 0, b"\x28\xb5\x2f\xfd"),
    ("a zip file", 0, b"PK\x03\x04"),
];

/// So many bytes are looked at before a volume is said to be empty.
const LOOK_BYTES: u64 = 4 * 1024 * 1024;

/// Names what is found on a volume, in words for a person.
pub(crate) fn name(source: &dyn BlockSource) -> std::io::Result<&'static str> {
    let bytes = beginning(source)?;
    Ok(match find(&bytes) {
        Some(name) => name,
        None if bytes.is_empty() => "no bytes",
        None if bytes.iter().all(|byte| *byte == 0) => "only zeros",
        None if crypt::looks_random(bytes.get(..512).unwrap_or_default()) => {
            "random bytes, as a volume encrypted with TrueCrypt or VeraCrypt has"
        }
        None => "no known file system",
    })
}

/// Whether anything here has a name.
pub(crate) fn is_known(source: &dyn BlockSource) -> std::io::Result<bool> {
    Ok(find(&beginning(source)?).is_some())
}

fn beginning(source: &dyn BlockSource) -> std::io::Result<Vec<u8>> {
    let length = source.size().min(LOOK_BYTES);
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
    source.read_exact_at(0, &mut bytes)?;
    Ok(bytes)
}

fn find(bytes: &[u8]) -> Option<&'static str> {
    let is_there = |at: u64, mark: &[u8]| {
        let rest = usize::try_from(at).ok().and_then(|at| bytes.get(at..));
        rest.is_some_and(|rest| rest.starts_with(mark))
    };
    let found = MARKS.iter().find(|(_, at, mark)| is_there(*at, mark));
    found.map(|(name, _, _)| *name)
}
