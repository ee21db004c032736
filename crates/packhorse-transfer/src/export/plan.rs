//! The plan: lists the buckets, operation by operation, and gives each object its place, until the
//! device is full.

use jiff::Timestamp;
use packhorse_core::export::{Filling, Layout, Misfit, Selection, Space};
use packhorse_core::ledger::Verdict;
use packhorse_core::manifest::{ExportOperation, S3Export};
use packhorse_objects::client::{Client, Error as StoreError, ListObjects, ListedObject};
use rusqlite::{OptionalExtension as _, params};
use tokio::runtime::Handle;

use super::earlier;
use super::ledger::{ExportLedger, Planned};
use super::target::Target;
use crate::Error;
use crate::ledger::Phase;
use crate::progress::Meter;
use crate::retry::{Failed, Retry};

/// Rows per transaction while listing.
const BATCH_ROWS: u64 = 10_000;

/// Makes the plan of one device.
pub(super) struct Planner<'a> {
    pub(super) ledger: &'a ExportLedger,
    pub(super) export: &'a S3Export,
    /// Where files of an earlier run may be; none for a preview.
    pub(super) target: Option<&'a Target>,
    pub(super) space: Space,
    pub(super) client: &'a Client,
    pub(super) retry: &'a Retry,
    pub(super) meter: &'a Meter,
    pub(super) clock: fn() -> Timestamp,
}

struct Plan<'a> {
    planner: &'a Planner<'a>,
    layout: Layout<'a>,
    filling: Filling,
    recovered: u64,
    rows: u64,
    /// The folder that is known to be in the table.
    folder: String,
    has_files: bool,
}

/// Whether the device takes more.
#[derive(PartialEq, Eq)]
enum Room {
    More,
    Full,
}

/// Where an object will be, and what that costs.
struct Place {
    path: String,
    misfit: Option<Misfit>,
    folders_cost: u64,
}

impl Planner<'_> {
    /// Lists into the ledger, from nothing. Runs on a plain thread.
    pub(super) fn run(&self) -> Result<(), Error> {
        let layout = Layout::new(self.export).map_err(|e| Error::UnfitTarget(e.to_string()))?;
        let connection = &self.ledger.connection;
        connection.execute_batch(
            "BEGIN; DELETE FROM objects; DELETE FROM names; UPDATE export SET full_from = NULL; \
             COMMIT; BEGIN;",
        )?;
        let mut plan = Plan {
            planner: self,
            filling: Filling::new(self.space),
            layout,
            recovered: 0,
            rows: 0,
            folder: String::new(),
            has_files: false,
        };
        let planned = plan.all().and_then(|room| match room {
            Room::More => earlier::note_deleted(self.ledger, self.export, plan.now()),
            Room::Full => Ok(()),
        });
        if planned.is_err() {
            connection.execute_batch("ROLLBACK").ok();
        }
        planned?;
        self.ledger.set_phase(Phase::Loading)?;
        connection.execute_batch("COMMIT")?;
        Ok(())
    }
}

impl Plan<'_> {
    fn all(&mut self) -> Result<Room, Error> {
        for (index, operation) in self.planner.export.operations.iter().enumerate() {
            if self.operation(index, operation)? == Room::Full {
                return Ok(Room::Full);
            }
        }
        Ok(Room::More)
    }

    fn now(&self) -> i64 {
        (self.planner.clock)().as_millisecond()
    }

    fn operation(&mut self, index: usize, operation: &ExportOperation) -> Result<Room, Error> {
        let selection = Selection::of(operation);
        let bucket = operation.export_bucket.as_str();
        let mut wanted = ListObjects {
            prefix: operation.prefix.clone(),
            start_after: selection.start_after().map(str::to_owned),
            ..ListObjects::default()
        };
        let what = || format!("list bucket {bucket}");
        let mut last: Option<String> = None;
        loop {
            let list = || self.planner.client.list_objects(bucket, &wanted);
            let page = Handle::current()
                .block_on(self.planner.retry.run(&what, list))
                .map_err(|failed| failed.into_job(what()))?;
            for object in page.objects {
                if selection.is_past(&object.key) {
                    return Ok(Room::More);
                }
                // Without order "the last key exported" would mean nothing.
                if last.as_ref().is_some_and(|last| *last >= object.key) {
                    let disorder = StoreError::Protocol("keys are not in order".to_owned());
                    return Err(Failed::Object(disorder).into_job(what()));
                }
                if selection.takes(&object.key)
                    && self.object(index, operation, &object)? == Room::Full
                {
                    return Ok(Room::Full);
                }
                last = Some(object.key);
            }
            match page.next {
                Some(token) => wanted.continuation_token = Some(token),
                None => return Ok(Room::More),
            }
        }
    }

    fn object(
        &mut self,
        index: usize,
        operation: &ExportOperation,
        object: &ListedObject,
    ) -> Result<Room, Error> {
        let mut planned = Planned {
            operation: index,
            key: &object.key,
            size: object.size,
            path: None,
            present: false,
            misfit: None,
            verdict: None,
            at_ms: self.now(),
        };
        let place = match self.place(operation, &object.key)? {
            Ok(place) => place,
            Err(verdict) => {
                planned.verdict = Some(verdict);
                self.add(&planned)?;
                return Ok(Room::More);
            }
        };
        let space = *self.filling.space();
        planned.path = Some(&place.path);
        planned.misfit = place.misfit;
        let cost = space.file_cost(&place.path, &object.key, object.size) + place.folders_cost;
        let fits_alone = object.size <= space.file_bytes_max()
            && (self.has_files || self.filling.could_ever(cost));
        if !fits_alone {
            planned.verdict = Some(Verdict::file_too_large());
            self.add(&planned)?;
            return Ok(Room::More);
        }
        // What an earlier run or export has written takes no further room. A file that gives way to
        // another stays until that is whole.
        let target = self.planner.target;
        let there = target.map_or(Ok(None), |target| target.size_of(&place.path))?;
        planned.present = there.is_some();
        if there != Some(object.size) && !self.filling.take(cost) {
            planned.verdict = Some(Verdict::device_full());
            self.add(&planned)?;
            return Ok(Room::Full);
        }
        self.has_files = true;
        let id = self.add(&planned)?;
        self.enter(&place.path, id)?;
        self.recovered += u64::from(place.misfit.is_some());
        Ok(Room::More)
    }

    /// The place of an object, or its row's outcome if it gets none.
    fn place(
        &mut self,
        operation: &ExportOperation,
        key: &str,
    ) -> Result<Result<Place, Verdict>, Error> {
        let misfit = match self.layout.place(operation, key) {
            Ok(path) => match self.obstacle(&path, operation, key)? {
                Obstacle::None { folders_cost } => {
                    let misfit = None;
                    return Ok(Ok(Place {
                        path,
                        misfit,
                        folders_cost,
                    }));
                }
                Obstacle::SameObject => return Ok(Err(Verdict::already_exported())),
                Obstacle::Misfit(misfit) => misfit,
            },
            Err(misfit) => misfit,
        };
        if self.is_recovered(operation, key)? {
            return Ok(Err(Verdict::already_exported()));
        }
        let Some(path) = self.layout.recovered(self.recovered) else {
            return Ok(Err(Verdict::recovery_full()));
        };
        let folders_cost = match self.obstacle(&path, operation, key)? {
            Obstacle::None { folders_cost } => folders_cost,
            Obstacle::SameObject | Obstacle::Misfit(_) => {
                return Err(Error::LedgerDamaged(
                    "a place of the recovery directory is taken",
                ));
            }
        };
        let misfit = Some(misfit);
        Ok(Ok(Place {
            path,
            misfit,
            folders_cost,
        }))
    }

    /// What stands in the way of a file at `path`.
    fn obstacle(
        &self,
        path: &str,
        operation: &ExportOperation,
        key: &str,
    ) -> Result<Obstacle, Error> {
        let fold = self.layout.fold(path);
        match self.known(&fold)? {
            Some(Known::Folder { .. }) => return Ok(Obstacle::Misfit(Misfit::FileOrFolder)),
            Some(Known::File(id)) => return self.taken(id, path, operation, key),
            None => {}
        }
        let mut folders_cost = 0;
        let space = self.filling.space();
        let name = path.rsplit('/').next().unwrap_or_default();
        let mut below = (fold.as_str(), path);
        while let (Some((folder, _)), Some((spelling, _))) =
            (below.0.rsplit_once('/'), below.1.rsplit_once('/'))
        {
            if spelling == self.folder && space.folder_entries_max().is_none() {
                break;
            }
            match self.known(folder)? {
                Some(Known::File(_)) => return Ok(Obstacle::Misfit(Misfit::FileOrFolder)),
                Some(Known::Folder {
                    entries,
                    spelling: known,
                }) => {
                    // `Images` and `images` are one folder here, and would be two in a bucket.
                    if known != spelling {
                        return Ok(Obstacle::Misfit(Misfit::PathTaken));
                    }
                    // Of a new folder in between the name counts too; it is never longer than the path.
                    let more = entries + Space::entries_of(name);
                    if space.folder_entries_max().is_some_and(|max| more > max) {
                        return Ok(Obstacle::Misfit(Misfit::FolderFull));
                    }
                    break;
                }
                None => folders_cost += space.folder_cost(folder),
            }
            below = (folder, spelling);
        }
        Ok(Obstacle::None { folders_cost })
    }

    /// Another object has this very path, or it is the same object once more.
    fn taken(
        &self,
        id: i64,
        path: &str,
        operation: &ExportOperation,
        key: &str,
    ) -> Result<Obstacle, Error> {
        let sql = "SELECT operation, key, path FROM objects WHERE id = ?";
        let (index, other_key, other_path): (u32, String, String) = self
            .planner
            .ledger
            .connection
            .prepare_cached(sql)?
            .query_row([id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let other = self.planner.export.operations.get(index as usize);
        let same_bucket = other.is_some_and(|o| o.export_bucket == operation.export_bucket);
        Ok(
            match same_bucket && other_key == key && other_path == path {
                true => Obstacle::SameObject,
                false => Obstacle::Misfit(Misfit::PathTaken),
            },
        )
    }

    /// Whether an earlier operation has put this object into the recovery directory.
    fn is_recovered(&self, operation: &ExportOperation, key: &str) -> Result<bool, Error> {
        let sql = "SELECT operation FROM objects WHERE key = ? AND misfit IS NOT NULL";
        let mut statement = self.planner.ledger.connection.prepare_cached(sql)?;
        let mut rows = statement.query([key])?;
        while let Some(row) = rows.next()? {
            let other = self
                .planner
                .export
                .operations
                .get(row.get::<_, u32>(0)? as usize);
            let same = other.is_some_and(|other| {
                other.export_bucket == operation.export_bucket
                    && other.target_directory == operation.target_directory
            });
            if same {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn known(&self, fold: &str) -> Result<Option<Known>, Error> {
        let sql = "SELECT object, entries, spelling FROM names WHERE fold = ?";
        let mut statement = self.planner.ledger.connection.prepare_cached(sql)?;
        let found = statement.query_row([fold], |row| {
            Ok(match row.get::<_, Option<i64>>(0)? {
                Some(id) => Known::File(id),
                None => Known::Folder {
                    entries: row.get::<_, i64>(1)?.cast_unsigned(),
                    spelling: row.get::<_, Option<String>>(2)?.unwrap_or_default(),
                },
            })
        });
        Ok(found.optional()?)
    }

    /// Remembers a file's path and the folders above it.
    fn enter(&mut self, path: &str, id: i64) -> Result<(), Error> {
        let connection = &self.planner.ledger.connection;
        let fold = self.layout.fold(path);
        let counts = self.filling.space().folder_entries_max().is_some();
        let mut insert = connection.prepare_cached(
            "INSERT OR IGNORE INTO names (fold, object, spelling, entries) VALUES (?, ?, ?, 0)",
        )?;
        insert.execute(params![fold, id, None::<&str>])?;
        let mut below = (fold.as_str(), path);
        while let (Some((folder, _)), Some((spelling, name))) =
            (below.0.rsplit_once('/'), below.1.rsplit_once('/'))
        {
            if spelling == self.folder && !counts {
                break;
            }
            let is_new = insert.execute(params![folder, None::<i64>, spelling])? > 0;
            if counts {
                let sql = "UPDATE names SET entries = entries + ? WHERE fold = ?";
                let entries = Space::entries_of(name).cast_signed();
                connection
                    .prepare_cached(sql)?
                    .execute(params![entries, folder])?;
            }
            if !is_new {
                break;
            }
            below = (folder, spelling);
        }
        self.folder = path
            .rsplit_once('/')
            .map_or("", |(folder, _)| folder)
            .to_owned();
        Ok(())
    }

    fn add(&mut self, planned: &Planned<'_>) -> Result<i64, Error> {
        let id = self.planner.ledger.add(planned)?;
        self.rows += 1;
        if self.rows.is_multiple_of(BATCH_ROWS) {
            self.planner
                .ledger
                .connection
                .execute_batch("COMMIT; BEGIN;")?;
        }
        self.planner.meter.change_counts(|counts| {
            counts.listed += 1;
            counts.listed_bytes = counts.listed_bytes.saturating_add(planned.size);
        });
        Ok(id)
    }
}

enum Known {
    File(i64),
    Folder { entries: u64, spelling: String },
}

enum Obstacle {
    None { folders_cost: u64 },
    SameObject,
    Misfit(Misfit),
}
