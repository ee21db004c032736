//! A file system reader that panics costs a file its row, or the device its load; never the ledger
//! its count.

use std::ops::ControlFlow;
use std::sync::Arc;

use packhorse_core::ledger::EntryKind;
use packhorse_media::{Entry, FileReader, MediaError, ReadError, Stop, Volume, Walk};
use packhorse_transfer::{Error, SourceVolume};

use crate::bench_of_one::{Bench, stopped};

/// Where the volume panics.
#[derive(Clone, Copy, PartialEq)]
enum Panics {
    InTheWalk,
    AtByte(u64),
}

struct Defective {
    panics: Panics,
    sizes: &'static [u64],
}

impl Volume for Defective {
    fn format(&self) -> &str {
        "defective"
    }

    fn identity(&self) -> String {
        "defective".into()
    }

    fn walk_until(&self, _: Stop<'_>, each: Walk<'_>) -> Result<(), MediaError> {
        for (number, size) in self.sizes.iter().enumerate() {
            let entry = Entry {
                path: format!("f{number}").into_bytes(),
                kind: EntryKind::File,
                size: *size,
                modified: None,
                mode: None,
                owner: None,
                node: 0,
                first_extent: None,
                problem: None,
            };
            assert!(self.panics != Panics::InTheWalk, "the walk breaks down");
            if each(entry) == ControlFlow::Break(()) {
                break;
            }
        }
        Ok(())
    }

    fn root_entry(&self, _name: &[u8]) -> Result<Option<Entry>, ReadError> {
        Ok(None)
    }

    fn open(&self, _entry: &Entry) -> Result<Box<dyn FileReader>, ReadError> {
        Ok(Box::new(DefectiveFile(self.panics)))
    }
}

struct DefectiveFile(Panics);

impl FileReader for DefectiveFile {
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let end = offset + buffer.len() as u64;
        let bad = matches!(self.0, Panics::AtByte(at) if (offset..end).contains(&at));
        assert!(!bad, "the reader breaks down");
        Ok(buffer.len())
    }

    fn finish(&mut self) -> Result<(), ReadError> {
        Ok(())
    }
}

fn source(panics: Panics, sizes: &'static [u64]) -> Vec<SourceVolume> {
    let volume: Arc<dyn Volume> = Arc::new(Defective { panics, sizes });
    vec![SourceVolume {
        folder: String::new(),
        content: Ok(volume),
    }]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_whose_reader_panics_has_one_failed_row() {
    // In a file of one piece, in the first part of a large one, and in its last part.
    for at in [10, 12 << 20, 19 << 20] {
        let bench = Bench::new().await;
        let mut import = bench.import("");
        import.volumes = source(Panics::AtByte(at), &[5, 1000, 20 << 20]);
        let meter = import.meter.clone();
        let loaded = import.run().await.unwrap();
        assert_eq!(meter.counts(), loaded.counts);
        assert_eq!(loaded.counts.open(), 0);
        let report = bench.report(&loaded).await;
        assert!(
            report.contains(&format!("f2,500,DamagedEntry,,,{},", 20 << 20)),
            "{report:?}"
        );
        assert_eq!(report.len(), 4);
        assert_eq!(bench.open_uploads().await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_that_panics_is_the_devices_fault() {
    let bench = Bench::new().await;
    let mut import = bench.import("");
    import.volumes = source(Panics::InTheWalk, &[1]);
    let error = stopped(import).await;
    assert!(
        matches!(error, Error::Panicked(_)) && error.is_of_the_device(),
        "{error:?}"
    );
}
