//! A volume whose files are made up as they are read, with what a failing disk does to them.

use std::ops::{ControlFlow, Range};
use std::sync::{Arc, Mutex};

use packhorse_core::ledger::EntryKind;
use packhorse_media::{Entry, FileReader, MediaError, ReadError, Stop, Volume, Walk};
use packhorse_transfer::SourceVolume;

use crate::bench_of_one::noise;

const BLOCK: usize = 4096;

/// A file, and where the device fails in it.
#[derive(Clone, Debug)]
pub(crate) struct MadeUp {
    pub name: String,
    pub size: u64,
    pub seed: u64,
    /// Bytes that cannot be read.
    pub lost: Range<u64>,
    /// Reads of them that fail before they can be read after all.
    pub failures: u32,
}

impl MadeUp {
    pub(crate) fn sound(name: &str, size: u64, seed: u64) -> Self {
        Self {
            name: name.to_owned(),
            size,
            seed,
            lost: 0..0,
            failures: 0,
        }
    }

    /// Loses those bytes for ever, or for so many reads.
    pub(crate) fn losing(self, lost: Range<u64>, failures: u32) -> Self {
        Self {
            lost,
            failures,
            ..self
        }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(self.size).unwrap()];
        self.fill(0, &mut bytes);
        bytes
    }

    /// Noise that repeats, with the number of each block in it.
    fn fill(&self, offset: u64, buffer: &mut [u8]) {
        let pattern = noise(BLOCK, self.seed);
        let mut done = 0;
        while done < buffer.len() {
            let at = offset + done as u64;
            let within = (at % BLOCK as u64) as usize;
            let length = (BLOCK - within).min(buffer.len() - done);
            let to = &mut buffer[done..done + length];
            to.copy_from_slice(&pattern[within..within + length]);
            let number = (at / BLOCK as u64).to_le_bytes();
            let stamped = to.iter_mut().zip(number.iter().skip(within));
            stamped.for_each(|(byte, number)| *byte ^= number);
            done += length;
        }
    }
}

type Watch = Box<dyn Fn(&str, u64) + Send + Sync>;

/// The volume. Clones are the same device.
#[derive(Clone)]
pub(crate) struct Disk(Arc<Inner>);

struct Inner {
    files: Vec<MadeUp>,
    failed: Mutex<Vec<u32>>,
    opened: Mutex<Vec<String>>,
    /// Called before each read.
    watch: Watch,
}

impl Disk {
    pub(crate) fn new(files: Vec<MadeUp>) -> Self {
        Self::watched(files, Box::new(|_, _| {}))
    }

    pub(crate) fn watched(files: Vec<MadeUp>, watch: Watch) -> Self {
        Self(Arc::new(Inner {
            failed: Mutex::new(vec![0; files.len()]),
            files,
            opened: Mutex::default(),
            watch,
        }))
    }

    pub(crate) fn source(&self) -> Vec<SourceVolume> {
        vec![SourceVolume {
            folder: String::new(),
            content: Ok(Arc::new(self.clone())),
        }]
    }

    /// Names of files, each time they were opened.
    pub(crate) fn opened(&self) -> Vec<String> {
        self.0.opened.lock().unwrap().clone()
    }
}

impl Volume for Disk {
    fn format(&self) -> &str {
        "made up"
    }

    fn identity(&self) -> String {
        "made up".into()
    }

    fn walk_until(&self, _stop: Stop<'_>, each: Walk<'_>) -> Result<(), MediaError> {
        for (number, file) in self.0.files.iter().enumerate() {
            let entry = Entry {
                path: file.name.clone().into_bytes(),
                kind: EntryKind::File,
                size: file.size,
                modified: None,
                mode: None,
                owner: None,
                node: number as u64,
                first_extent: None,
                problem: None,
            };
            if each(entry) == ControlFlow::Break(()) {
                break;
            }
        }
        Ok(())
    }

    fn root_entry(&self, _name: &[u8]) -> Result<Option<Entry>, ReadError> {
        Ok(None)
    }

    fn open(&self, entry: &Entry) -> Result<Box<dyn FileReader>, ReadError> {
        let index = entry.node as usize;
        let name = self.0.files[index].name.clone();
        self.0.opened.lock().unwrap().push(name);
        Ok(Box::new(Open {
            disk: self.clone(),
            index,
        }))
    }
}

struct Open {
    disk: Disk,
    index: usize,
}

impl FileReader for Open {
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let file = &self.disk.0.files[self.index];
        (self.disk.0.watch)(&file.name, offset);
        let end = file.size.min(offset + buffer.len() as u64);
        let length = end.saturating_sub(offset) as usize;
        let meets_loss = offset < file.lost.end && file.lost.start < end;
        let failed = &mut self.disk.0.failed.lock().unwrap()[self.index];
        if meets_loss && *failed < file.failures {
            *failed += 1;
            return Err(ReadError::Io(std::io::Error::other("a bad sector")));
        }
        file.fill(offset, &mut buffer[..length]);
        Ok(length)
    }

    fn finish(&mut self) -> Result<(), ReadError> {
        Ok(())
    }
}
