//! FAT, exFAT and NTFS images that are damaged on purpose: a row or an error, soon.

use std::fs;
use std::path::{Path, PathBuf};

use packhorse_core::ledger::{EntryKind, Verdict};
use packhorse_media::open_device;
use tempfile::TempDir;

use crate::conformance::makers;
use crate::images::{read_at, run, write_at};
use crate::tree::{Listing, listing, pattern};

pub(crate) fn image(make: fn(&Path, &Path)) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let tree = dir.path().join("tree");
    fs::create_dir_all(tree.join("OUTER/INNER")).unwrap();
    fs::write(tree.join("OUTER/INNER/LEAF"), pattern(1, 5000)).unwrap();
    fs::write(tree.join("CHAIN"), pattern(2, 50_000)).unwrap();
    fs::write(tree.join("OTHER"), "sound").unwrap();
    let image = dir.path().join("image");
    make(&image, &tree);
    (dir, image)
}

pub(crate) fn list(image: &Path) -> Listing {
    listing(&*open_device(image).unwrap().volumes()[0])
}

pub(crate) fn place_of(image: &Path, bytes: &[u8]) -> u64 {
    let all = fs::read(image).unwrap();
    let mut windows = all.windows(bytes.len());
    windows.position(|window| window == bytes).unwrap() as u64
}

pub(crate) fn text(found: &Listing) -> Vec<(String, Option<u16>)> {
    let row = |(path, entry): (&Vec<u8>, &packhorse_media::Entry)| {
        let status = entry.problem.as_ref().map(|problem| problem.status);
        (String::from_utf8_lossy(path).into_owned(), status)
    };
    found.iter().map(row).collect()
}

/// Reads a file to its end.
pub(crate) fn read(image: &Path, path: &str) -> Result<Vec<u8>, String> {
    let device = open_device(image).unwrap();
    let volume = &device.volumes()[0];
    let entry = listing(&**volume)[path.as_bytes()].clone();
    if let Some(problem) = entry.problem {
        return Err(problem.code);
    }
    let mut file = volume.open(&entry).map_err(|error| error.to_string())?;
    let mut bytes = vec![0; entry.size as usize];
    file.read_at(0, &mut bytes)
        .map_err(|error| error.to_string())?;
    Ok(bytes)
}

#[test]
fn a_folder_of_fat_that_holds_itself_is_a_row() {
    let (_dir, image) = image(makers::fat16_tiny);
    let outer = place_of(&image, b"OUTER      ");
    let inner = place_of(&image, b"INNER      ");
    let first = read_at(&image, outer + 26, 2);
    write_at(&image, inner + 26, &first);
    let rows = text(&list(&image));
    assert!(
        rows.contains(&("OUTER/INNER".to_owned(), Some(500))),
        "{rows:?}"
    );
    assert!(rows.contains(&("OTHER".to_owned(), None)), "{rows:?}");
}

#[test]
fn a_chain_of_fat_in_a_circle_fails_its_file_alone() {
    let (_dir, image) = image(makers::fat16_tiny);
    let record = place_of(&image, b"CHAIN      ");
    let first = u16::from_le_bytes(read_at(&image, record + 26, 2).try_into().unwrap());
    let reserved = u16::from_le_bytes(read_at(&image, 14, 2).try_into().unwrap());
    let table = u64::from(reserved) * 512;
    let fifth = table + u64::from(first + 4) * 2;
    write_at(&image, fifth, &(first + 1).to_le_bytes());
    let error = read(&image, "CHAIN").unwrap_err();
    assert!(error.contains("circle"), "{error}");
    // A chain that ends too soon, and one that leads out of the volume.
    write_at(&image, fifth, &[0xff, 0xff]);
    assert!(read(&image, "CHAIN").unwrap_err().contains("ends before"));
    write_at(&image, fifth, &[0xf0, 0xef]);
    assert!(read(&image, "CHAIN").unwrap_err().contains("cluster"));
    assert_eq!(read(&image, "OTHER").unwrap(), b"sound");
}

#[test]
fn sizes_and_names_that_cannot_be_are_rows() {
    let (_dir, image) = image(makers::fat16_tiny);
    let record = place_of(&image, b"CHAIN      ");
    write_at(&image, record + 28, &[0xff; 4]);
    let other = place_of(&image, b"OTHER      ");
    write_at(&image, other, b"A/B");
    let found = list(&image);
    assert_eq!(found[b"CHAIN".as_slice()].problem, Some(Verdict::damaged()));
    assert_eq!(
        found[b"A\\x2fBER".as_slice()].problem,
        Some(Verdict::damaged())
    );
}

#[test]
fn records_of_exfat_with_a_wrong_checksum_are_one_row_of_their_folder() {
    let (_dir, image) = image(makers::exfat_tiny);
    let name: Vec<u8> = "OTHER".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let record = place_of(&image, &name);
    write_at(&image, record, b"X");
    let rows = text(&list(&image));
    assert!(rows.contains(&(".".to_owned(), Some(500))), "{rows:?}");
    assert!(rows.contains(&("CHAIN".to_owned(), None)), "{rows:?}");
    assert!(
        rows.contains(&("OUTER/INNER/LEAF".to_owned(), None)),
        "{rows:?}"
    );
}

#[test]
fn damaged_first_sectors_are_read_from_their_copies() {
    let (_dir, image) = image(makers::exfat_tiny);
    write_at(&image, 88, &[0xff; 4]);
    assert_eq!(read(&image, "OTHER").unwrap(), b"sound");
    let (_dir, image) = self::image(makers::ntfs_tiny);
    // mkntfs leaves the copy to the last sector of the partition, which an image has too.
    let first = read_at(&image, 0, 512);
    let size = fs::metadata(&image).unwrap().len();
    write_at(&image, size - 512, &first);
    write_at(&image, 0, &[0; 512]);
    assert_eq!(read(&image, "OTHER").unwrap(), b"sound");
}

#[test]
fn the_first_record_of_ntfs_is_read_from_its_copy() {
    let (_dir, image) = image(makers::ntfs_tiny);
    let sectors = u64::from(read_at(&image, 13, 1)[0]);
    let cluster = u64::from_le_bytes(read_at(&image, 0x30, 8).try_into().unwrap());
    write_at(&image, cluster * sectors * 512, b"BAAD");
    assert_eq!(read(&image, "OTHER").unwrap(), b"sound");
}

#[test]
fn further_streams_of_ntfs_are_rows_that_count_as_ignored() {
    let (dir, image) = image(makers::ntfs_tiny);
    let small = dir.path().join("small");
    fs::write(&small, "zone").unwrap();
    // Enough of them that they do not fit into one record: a list of attributes.
    for number in 0..40 {
        let name = format!("a stream with a long name {number:02}");
        let arguments = [
            "-q",
            "-N",
            &name,
            image.to_str().unwrap(),
            small.to_str().unwrap(),
            "OTHER",
        ];
        run("ntfscp", &arguments, "");
    }
    let found = list(&image);
    let streams: Vec<_> = found
        .iter()
        .filter(|(path, _)| path.starts_with(b"OTHER:"))
        .collect();
    assert_eq!(streams.len(), 40);
    for (_, entry) in streams {
        assert_eq!(entry.kind, EntryKind::Other);
        assert_eq!(entry.problem, Some(Verdict::alternate_stream()));
    }
    assert_eq!(read(&image, "OTHER").unwrap(), b"sound");
}

/// A volume whose two files ntfs-3g compressed, on a mount with `-o compression`: no tool does it
/// without one.
fn compressed() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let image = dir.path().join("image");
    let packed: &[u8] = include_bytes!("fixtures/ntfs-compressed.gz");
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(packed), &mut bytes).unwrap();
    fs::write(&image, bytes).unwrap();
    (dir, image)
}

#[test]
fn compressed_files_of_ntfs_are_read() {
    let (_dir, image) = compressed();
    assert!(read(&image, "packed").unwrap() == b"again and ".repeat(20_000));
    // What packs well, what does not, and zeros.
    let mut mixed = Vec::new();
    for number in 0..14 {
        mixed.extend(b"the same again and again ".repeat(60 * number));
        mixed.extend(pattern(number as u64, 401 * number));
        mixed.extend(vec![0; 1500 * number]);
    }
    assert!(read(&image, "mixed").unwrap() == mixed);
}

#[test]
fn compressed_files_of_ntfs_with_flipped_bits_are_read_to_an_end() {
    let (_dir, image) = compressed();
    let original = fs::read(&image).unwrap();
    let places: Vec<usize> = (0..original.len())
        .filter(|at| original[*at] != 0)
        .collect();
    for number in 0..150u64 {
        let choice = pattern(number + 1, 9);
        let choice = u64::from_le_bytes(choice[..8].try_into().unwrap()) as usize;
        let at = places[choice % places.len()];
        write_at(&image, at as u64, &[original[at] ^ 1 << (choice >> 60 & 7)]);
        if let Ok(device) = open_device(&image) {
            crate::mutation::exercise(&*device.volumes()[0]);
        }
        write_at(&image, at as u64, &original[at..=at]);
    }
}
