//! A device under test: bytes as they come, or a sound image with the fuzzer's edits.

#![allow(dead_code, reason = "no target needs both ways")]

use std::fs::{self, File};
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use packhorse_core::ledger::EntryKind;
use packhorse_media::{Volume, open_device};

/// Enough to come to every kind of record, few enough for many runs in a second.
const ENTRIES_MAX: u64 = 2000;
const EDIT_BYTES: usize = 8;
/// What numbers are likely not to be expected.
const ODD: [u64; 8] = [
    0,
    1,
    0x7f,
    0xff,
    0x7fff_ffff,
    0xffff_ffff,
    i64::MAX as u64,
    u64::MAX,
];

/// A file that is a device, in memory.
pub struct Image {
    file: File,
    path: PathBuf,
    original: Vec<u8>,
    /// The places that say something.
    places: Vec<usize>,
}

impl Image {
    /// The image of that name in the folder that fuzz/run.sh fills; none is as good as empty.
    pub fn load(name: &str) -> Self {
        let folder = std::env::var_os("PACKHORSE_FUZZ_IMAGES").unwrap_or_else(|| "images".into());
        let from = Path::new(&folder).join(name);
        let original = match name {
            "" => Vec::new(),
            _ => fs::read(&from).unwrap_or_else(|error| panic!("{from:?}: {error}")),
        };
        let path = PathBuf::from(format!("/dev/shm/packhorse-fuzz-{}", std::process::id()));
        fs::write(&path, &original).expect("shared memory");
        let file = File::options()
            .read(true)
            .write(true)
            .open(&path)
            .expect("shared memory");
        let places = (0..original.len())
            .filter(|at| original[*at] != 0)
            .collect();
        Self {
            file,
            path,
            original,
            places,
        }
    }

    /// Bytes as they come, with zeros behind them.
    pub fn bytes(&mut self, data: &[u8]) {
        self.file.set_len(0).expect("shared memory");
        self.file.write_all_at(data, 0).expect("shared memory");
        self.file
            .set_len((data.len() as u64).max(128 * 1024))
            .expect("shared memory");
        exercise(&self.path);
    }

    /// The image with edits of eight bytes each: where, how, and with what.
    pub fn edited(&mut self, data: &[u8]) {
        let mut changed = Vec::new();
        for edit in data.chunks_exact(EDIT_BYTES).take(64) {
            let number = u32::from_le_bytes([edit[0], edit[1], edit[2], edit[3]]) as usize;
            let at = self.places[number % self.places.len()];
            let odd = ODD[usize::from(edit[6] % 8)];
            let value = match edit[5] % 4 {
                0 => vec![self.original[at] ^ edit[7]],
                1 => vec![edit[6], edit[7]],
                2 => odd.to_le_bytes()[..1 << (edit[7] % 4)].to_vec(),
                _ => odd.to_be_bytes()[8 - (1 << (edit[7] % 4))..].to_vec(),
            };
            let value = &value[..value.len().min(self.original.len() - at)];
            self.file
                .write_all_at(value, at as u64)
                .expect("shared memory");
            changed.push((at, value.len()));
        }
        exercise(&self.path);
        for (at, length) in changed {
            let sound = &self.original[at..at + length];
            self.file
                .write_all_at(sound, at as u64)
                .expect("shared memory");
        }
    }
}

fn exercise(path: &Path) {
    if let Ok(device) = open_device(path) {
        let _ = device.identity();
        device.volumes().iter().for_each(|volume| list(&**volume));
    }
}

/// Lists a volume and reads the edges of its files; errors are as good as bytes.
fn list(volume: &dyn Volume) {
    let _ = volume.root_entry(b"SIGNATURE");
    let mut buffer = vec![0; 5000];
    let mut entries = 0;
    let _ = volume.walk(&mut |entry| {
        entries += 1;
        if entry.kind == EntryKind::File
            && entry.problem.is_none()
            && let Ok(mut reader) = volume.open(&entry)
        {
            for offset in [0, entry.size / 2, entry.size.saturating_sub(3000)] {
                let expected = (entry.size - offset).min(buffer.len() as u64);
                if let Ok(read) = reader.read_at(offset, &mut buffer) {
                    assert_eq!(read as u64, expected);
                }
            }
        }
        match entries < ENTRIES_MAX {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    });
}

/// A target that edits the image of that name.
#[macro_export]
macro_rules! edits {
    ($name:literal) => {
        static IMAGE: std::sync::LazyLock<std::sync::Mutex<image::Image>> =
            std::sync::LazyLock::new(|| std::sync::Mutex::new(image::Image::load($name)));

        libfuzzer_sys::fuzz_target!(|data: &[u8]| {
            IMAGE.lock().expect("one thread").edited(data);
        });
    };
}
