//! What a volume holds, by the marks that formats leave at fixed places: for saying why it cannot
//! be read.

use crate::block::BlockSource;

/// The format's name, the place of its mark, and the mark.
const MARKS: &[(&str, u64, &[u8])] = &[
    ("ext2, ext3 or ext4", 1080, b"\x53\xef"),
    ("NTFS", 3, b"NTFS    "),
    ("exFAT", 3, b"EXFAT   "),
    ("BitLocker", 3, b"-FVE-FS-"),
    ("FAT32", 82, b"FAT32"),
    ("FAT16", 54, b"FAT16"),
    ("FAT12", 54, b"FAT12"),
    ("LUKS", 0, b"LUKS\xba\xbe"),
    ("XFS", 0, b"XFSB"),
    ("Btrfs", 0x10040, b"_BHRfS_M"),
    ("APFS", 32, b"NXSB"),
    ("HFS+", 1024, b"H+"),
    ("HFS+ (HFSX)", 1024, b"HX"),
    ("HFS", 1024, b"BD"),
    ("F2FS", 1024, b"\x10\x20\xf5\xf2"),
    ("ISO 9660", 32769, b"CD001"),
    ("UDF", 32769, b"BEA01"),
    ("SquashFS", 0, b"hsqs"),
    ("ReiserFS", 0x10034, b"ReIsEr"),
    ("JFS", 32768, b"JFS1"),
    ("swap space", 4086, b"SWAPSPACE2"),
    ("an LVM physical volume", 512, b"LABELONE"),
    ("a Linux RAID member", 4096, b"\xfc\x4e\x2b\xa9"),
    ("a Linux RAID member", 0, b"\xfc\x4e\x2b\xa9"),
    ("a QCOW disk image", 0, b"QFI\xfb"),
    ("a VMDK disk image", 0, b"KDMV"),
    ("a VHDX disk image", 0, b"vhdxfile"),
    ("a gzip file", 0, b"\x1f\x8b"),
    ("an xz file", 0, b"\xfd7zXZ\0"),
    ("a zstd file", 0, b"\x28\xb5\x2f\xfd"),
    ("a zip file", 0, b"PK\x03\x04"),
];

/// So many bytes are looked at before a volume is said to be empty.
const LOOK_BYTES: u64 = 128 * 1024;

/// Names what is found on a volume, in words for a person.
pub(crate) fn name(source: &dyn BlockSource) -> std::io::Result<&'static str> {
    let length = source.size().min(LOOK_BYTES);
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
    source.read_exact_at(0, &mut bytes)?;
    let is_there = |at: u64, mark: &[u8]| {
        let rest = usize::try_from(at).ok().and_then(|at| bytes.get(at..));
        rest.is_some_and(|rest| rest.starts_with(mark))
    };
    let found = MARKS.iter().find(|(_, at, mark)| is_there(*at, mark));
    Ok(match found {
        Some((name, _, _)) => name,
        None if bytes.is_empty() => "no bytes",
        None if bytes.iter().all(|byte| *byte == 0) => "only zeros",
        None => "no known file system",
    })
}
