//! Random loads against a model that is too simple to be wrong.
//!
//! A case is made from a seed: files of sizes around every limit, places that the device cannot read,
//! objects that were in the bucket before, a policy for them; then several stations, each of which is
//! killed at some request, meets faults, keeps the ledger of the one before or has none; at last one
//! that is left in peace. The model says which rows and objects there must be then, whatever happened
//! before. `PACKHORSE_MODEL_CASES` makes more of them (`make model`), `PACKHORSE_SEED` repeats one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use packhorse_objects::client::{Client, ObjectMeta};
use packhorse_objects::digest::BodyDigest;
use packhorse_objects::faults::{Fault, FaultProxy};
use packhorse_transfer::{Error, Import, JobFolder, Loaded};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;

use crate::bench_of_one::{BUCKET, Bench};
use crate::made_up::{Disk, MadeUp};

/// Cases of a usual run.
const CASES: u64 = 30;
/// Cases at once: most of a case is waiting for pauses between tries.
const AT_ONCE: usize = 12;
/// Seeds that once failed: a lost answer to an abort, half of an error.
const REGRESSIONS: [u64; 2] = [15, 831];

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// A generator whose whole state is the seed (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }

    fn one_in(&mut self, sides: u64) -> bool {
        self.roll(sides) == 0
    }

    fn of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.roll(choices.len() as u64) as usize].clone()
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Policy {
    Overwrite,
    Keep,
    Fail,
}

/// What was under a key before the job.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Before {
    Nothing,
    OtherBytes,
    SameBytes,
}

#[derive(Clone, Debug)]
struct Case {
    seed: u64,
    files: Vec<(MadeUp, Before)>,
    policy: Policy,
}

impl Case {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let mut files = Vec::new();
        for number in 0..=dice.roll(24) {
            files.push(file(&mut dice, number));
        }
        if dice.one_in(3) {
            let size = dice.of(&[16 * MIB, 16 * MIB + 1, 17 * MIB, 24 * MIB - 1, 24 * MIB + 1]);
            let number = files.len() as u64;
            files.push(shaped(&mut dice, number, size));
        }
        let policy = dice.of(&[
            Policy::Overwrite,
            Policy::Overwrite,
            Policy::Keep,
            Policy::Fail,
        ]);
        Self {
            seed,
            files,
            policy,
        }
    }

    fn options(&self) -> String {
        let policy = match self.policy {
            Policy::Overwrite => "overwrite",
            Policy::Keep => "keep",
            Policy::Fail => "fail",
        };
        format!(
            "prefix: {}\nlogPrefix: {}\npackhorse:\n  onConflict: {policy}\n",
            self.prefix(),
            self.prefix()
        )
    }

    fn prefix(&self) -> String {
        format!("case-{:016x}/", self.seed)
    }
}

fn file(dice: &mut Dice, number: u64) -> (MadeUp, Before) {
    let size = dice.of(&[
        0,
        1,
        4095,
        4096,
        4097,
        64 * KIB + 1,
        128 * KIB - 1,
        128 * KIB,
        128 * KIB + 1,
        300 * KIB,
        MIB + 1,
    ]);
    shaped(dice, number, size)
}

fn shaped(dice: &mut Dice, number: u64, size: u64) -> (MadeUp, Before) {
    let name = format!("d{}/f{number:03}", dice.roll(3));
    let mut file = MadeUp::sound(&name, size, dice.roll(u64::MAX));
    if size > 0 && dice.one_in(8) {
        let at = dice.roll(size);
        // For ever, or so that the file's second turn succeeds.
        let failures = dice.of(&[u32::MAX, 1, 2]);
        file = file.losing(at..at + 1, failures);
    }
    let before = match dice.roll(6) {
        0 => Before::OtherBytes,
        // A larger file's object is not compared with it the first time, and afterwards it is: both
        // are right, and a model of both would be no model.
        1 if size <= 16 * MIB => Before::SameBytes,
        _ => Before::Nothing,
    };
    (file, before)
}

/// What must be in the end: the row's status and code, and the object's bytes.
fn expected(case: &Case, file: &MadeUp, before: Before) -> (String, Option<Vec<u8>>) {
    let previous = match before {
        Before::Nothing => None,
        Before::OtherBytes => Some(other_bytes(file)),
        Before::SameBytes => Some(file.bytes()),
    };
    let is_taken = before == Before::OtherBytes && case.policy != Policy::Overwrite;
    // A key that is taken is learnt when the first part of a file has been read.
    let is_known_before = is_taken && file.size > 16 * MIB && file.lost.start >= 8 * MIB;
    if file.failures == u32::MAX && !is_known_before {
        let first = file.lost.start / 4096 * 4096;
        let last = (first + 4095).min(file.size - 1);
        return (format!("500,ReadError:{first}-{last}"), previous);
    }
    match (before, case.policy) {
        (Before::OtherBytes, Policy::Keep) => ("103,Ignored".to_owned(), previous),
        (Before::OtherBytes, Policy::Fail) => ("409,ObjectExists".to_owned(), previous),
        _ => ("200,OK".to_owned(), Some(file.bytes())),
    }
}

fn other_bytes(file: &MadeUp) -> Vec<u8> {
    let mut bytes = MadeUp {
        seed: file.seed ^ 1 << 40,
        ..file.clone()
    }
    .bytes();
    bytes.truncate(MIB as usize);
    // Also where there is only one byte, or none.
    bytes.push(0);
    bytes
}

/// One case, with a state folder of its own.
struct Run<'a> {
    bench: &'a Bench,
    case: Case,
    disk: Disk,
    state: tempfile::TempDir,
    client: Client,
}

impl Run<'_> {
    async fn prepare(&self) {
        for (file, before) in &self.case.files {
            let bytes = match before {
                Before::Nothing => continue,
                Before::OtherBytes => other_bytes(file),
                Before::SameBytes => file.bytes(),
            };
            let key = self.case.prefix() + &file.name;
            let digest = BodyDigest::of(&bytes);
            let meta = ObjectMeta::default();
            self.client
                .put_object(BUCKET, &key, &meta, Bytes::from(bytes), &digest)
                .await
                .unwrap();
        }
    }

    fn import(&self, endpoint: &str, station: u64, takes_over: bool) -> Import {
        let mut import = self.bench.import_through(endpoint, &self.case.options());
        import.folder = JobFolder::new(
            &self.state.path().join(format!("station-{station}")),
            &import.job_id,
        );
        import.volumes = self.disk.source();
        import.limits.retry_for = Duration::from_secs(3600);
        import.takes_over = takes_over;
        import
    }

    /// A station that is killed at some request, if it gets that far. What comes back says whether
    /// the load came to its end all the same.
    async fn disturbed(&self, dice: &mut Dice, station: u64, takes_over: bool) -> bool {
        let proxy = FaultProxy::start(&self.bench.endpoint).await.unwrap();
        let (killed, requests) = (Arc::new(Notify::new()), Arc::new(AtomicUsize::new(0)));
        let at = dice.roll(3 * self.case.files.len() as u64 + 12) as usize;
        let kill = Arc::clone(&killed);
        // What the last request came to, nobody hears.
        let last = dice.of(&[Fault::Hang, Fault::ResetAfter, Fault::ResetBefore]);
        proxy.fail_if(last, move |_| {
            let number = requests.fetch_add(1, Ordering::Relaxed);
            if number == at {
                kill.notify_one();
            }
            number >= at
        });
        disturb(&proxy, dice);
        let import = self.import(&proxy.endpoint(), station, takes_over);
        let folder = import.folder.clone();
        let mut load = tokio::spawn(import.run());
        let ended = tokio::select! {
            ended = &mut load => Some(ended.unwrap()),
            () = killed.notified() => None,
        };
        load.abort();
        drop(proxy);
        while folder.is_busy().unwrap() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        self.stored_rows_have_their_objects(&folder).await;
        match ended {
            None => false,
            Some(Ok(loaded)) => {
                self.judge(&loaded).await;
                true
            }
            // Nothing of any file could be read.
            Some(Err(Error::Media(_))) if self.is_lost() => true,
            Some(Err(error)) => panic!("seed {}: {error:?}", self.case.seed),
        }
    }

    /// Invariant: what the ledger calls stored, the store has.
    async fn stored_rows_have_their_objects(&self, folder: &JobFolder) {
        let path = folder.path().join("job.db");
        let Ok(ledger) = rusqlite::Connection::open(path) else {
            return;
        };
        let rows: Vec<(String, String)> = {
            let Ok(mut statement) = ledger.prepare("SELECT key, etag FROM entries WHERE state = 1")
            else {
                return;
            };
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
            rows.unwrap().collect::<Result<_, _>>().unwrap()
        };
        for (key, etag) in rows {
            let there = self.client.head_object(BUCKET, &key).await.unwrap();
            assert_eq!(there.etag, etag, "seed {}, {key}", self.case.seed);
        }
    }

    fn is_lost(&self) -> bool {
        let files = self.case.files.iter().filter(|(file, _)| file.size > 0);
        let rows: Vec<_> = files
            .map(|(file, before)| expected(&self.case, file, *before).0)
            .collect();
        !rows.is_empty() && rows.iter().all(|row| row.starts_with("500,ReadError"))
    }

    async fn judge(&self, loaded: &Loaded) {
        let seed = self.case.seed;
        let report = self.bench.report(loaded).await;
        let rows: BTreeMap<_, _> = report
            .iter()
            .skip(1)
            .map(|row| {
                let fields: Vec<_> = row.split(',').collect();
                (fields[0].to_owned(), format!("{},{}", fields[1], fields[2]))
            })
            .collect();
        assert_eq!(rows.len(), report.len() - 1, "seed {seed}: a doubled row");
        let mut wanted = BTreeMap::new();
        let mut objects = BTreeMap::new();
        for (file, before) in &self.case.files {
            let (row, object) = expected(&self.case, file, *before);
            wanted.insert(file.name.clone(), row);
            objects.extend(object.map(|bytes| (file.name.clone(), bytes)));
        }
        assert_eq!(rows, wanted, "seed {seed}");
        let count = |code: &str| rows.values().filter(|row| row.starts_with(code)).count() as u64;
        let counts = loaded.counts;
        let counted = (counts.stored, counts.ignored, counts.open());
        assert_eq!(counted, (count("200"), count("103"), 0), "seed {seed}");
        self.compare(&objects).await;
    }

    async fn compare(&self, wanted: &BTreeMap<String, Vec<u8>>) {
        let (seed, prefix) = (self.case.seed, self.case.prefix());
        let listed = self.bench.listing(&prefix).await;
        let names: Vec<_> = listed
            .iter()
            .map(|key| key.strip_prefix(&prefix).unwrap())
            .filter(|name| !name.starts_with("import-log-"))
            .collect();
        let expected: Vec<_> = wanted.keys().map(String::as_str).collect();
        assert_eq!(names, expected, "seed {seed}");
        for (name, bytes) in wanted {
            let stored = self.bench.get(&(prefix.clone() + name)).await;
            assert!(stored == *bytes, "seed {seed}: {name} has other bytes");
        }
        assert_eq!(self.bench.uploads_below(&prefix).await, 0, "seed {seed}");
    }
}

/// Faults of every kind, at requests of every kind.
fn disturb(proxy: &FaultProxy, dice: &mut Dice) {
    for _ in 0..dice.roll(3) {
        let bytes = dice.roll(200 * KIB);
        let fault = dice.of(&[
            Fault::SLOW_DOWN,
            Fault::INTERNAL_ERROR,
            Fault::ResetBefore,
            Fault::ResetAfter,
            Fault::CorruptRequest,
            Fault::CutRequest(bytes),
            Fault::Delay(Duration::from_millis(3)),
            Fault::TruncateAnswer,
        ]);
        // Every third at the most: a request that always fails never ends.
        proxy.fail_every(3 + dice.roll(12) as usize, fault);
    }
}

async fn run(bench: Arc<Bench>, seed: u64) {
    let case = Case::new(seed);
    let mut dice = Dice(!seed);
    let run = Run {
        disk: Disk::new(case.files.iter().map(|(file, _)| file.clone()).collect()),
        state: tempfile::tempdir().unwrap(),
        client: bench.client(&bench.endpoint),
        bench: &bench,
        case,
    };
    run.prepare().await;
    let mut station = 0;
    for attempt in 0..dice.roll(4) {
        if attempt > 0 && dice.one_in(2) {
            station += 1;
        }
        if run.disturbed(&mut dice, station, attempt > 0).await {
            return;
        }
    }
    let last = run.import(&bench.endpoint, station, true).run();
    match tokio::time::timeout(Duration::from_secs(120), last).await {
        Ok(Ok(loaded)) => run.judge(&loaded).await,
        Ok(Err(Error::Media(_))) if run.is_lost() => {}
        Ok(Err(error)) => panic!("seed {seed}: {error:?}"),
        Err(_) => panic!("seed {seed}: the load hangs"),
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "a test has no configuration file, and more cases are asked for by the environment"
)]
fn asked(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().expect("a number"))
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_on_the_way_rows_and_objects_are_those_of_the_model() {
    let bench = Arc::new(Bench::new().await);
    let seeds: Vec<u64> = match asked("PACKHORSE_SEED") {
        Some(seed) => vec![seed],
        None => {
            let first = asked("PACKHORSE_MODEL_FIRST").unwrap_or(1);
            let cases = asked("PACKHORSE_MODEL_CASES").unwrap_or(CASES);
            REGRESSIONS
                .into_iter()
                .chain(first..first + cases)
                .collect()
        }
    };
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut runs = JoinSet::new();
    for seed in seeds {
        let permit = Arc::clone(&room).acquire_owned().await.unwrap();
        let bench = Arc::clone(&bench);
        runs.spawn(async move {
            run(bench, seed).await;
            drop(permit);
        });
        while let Some(ended) = runs.try_join_next() {
            ended.unwrap();
        }
    }
    while let Some(ended) = runs.join_next().await {
        ended.unwrap();
    }
}
