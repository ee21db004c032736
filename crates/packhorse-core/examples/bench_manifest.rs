//! How long parsing and validating a manifest takes: `make bench-manifest`.

use std::io::Write as _;
use std::time::{Duration, Instant};

use packhorse_core::job::JobType;
use packhorse_core::manifest::{JobKind, MANIFEST_BYTES_MAX, read, template};

/// Readings of one manifest; the median is what is said.
const ROUNDS: usize = 2001;
/// Of a manifest that takes long.
const ROUNDS_OF_LARGE: usize = 11;

fn median(text: &str, job_type: JobType, rounds: usize) -> Duration {
    let once = || {
        let begin = Instant::now();
        let outcome = read(text, job_type);
        let took = begin.elapsed();
        drop(outcome);
        took
    };
    once(); // The first reading fills tables that the others use.
    let mut times: Vec<Duration> = (0..rounds).map(|_| once()).collect();
    times.sort_unstable();
    times.get(rounds / 2).copied().unwrap_or_default()
}

fn main() -> std::io::Result<()> {
    let minimal = "manifestVersion: 2.0\nbucket: my-bucket\ndeviceId: 1\neraseDevice: no\n\
                   returnAddress:\n  name: N\n  street1: S\n  city: C\n  stateOrProvince: WA\n  \
                   postalCode: 98101\n  phoneNumber: 1\n  country: USA\n";
    let full = "prefix: in/\nignore:\n  - '\\.tmp$'\n  - '^lost\\+found/'\nsubstitutions:\n  \
                \"$COLON$\": ':'\ncontentTypes:\n  log: text/plain\n  LOG: text/plain\nacl: \
                private\ncacheControl: max-age=3600\nstaticMetadata:\n  project: \
                archive\nlogPrefix: logs/\nnotificationEmail: a@example.com;b@example.com\n\
                packhorse:\n  skipJunk: yes\n  verify: reread\n";
    let typical = format!("{minimal}{full}");
    let broken = typical.replace("98101", "9").replace("private", "none");
    let keys: String = (0..100_000).map(|n| format!("k{n}: x\n")).collect();
    let large = keys.get(..MANIFEST_BYTES_MAX).unwrap_or(&keys);
    let export = template(JobKind::S3Export);
    let mut out = std::io::stdout().lock();
    for (name, text, job_type, rounds) in [
        ("minimal import", minimal, JobType::Import, ROUNDS),
        ("typical import", typical.as_str(), JobType::Import, ROUNDS),
        (
            "typical import with two faults",
            broken.as_str(),
            JobType::Import,
            ROUNDS,
        ),
        (
            "template of an export",
            export.as_str(),
            JobType::Export,
            ROUNDS,
        ),
        (
            "a megabyte of options",
            large,
            JobType::Import,
            ROUNDS_OF_LARGE,
        ),
    ] {
        let took = median(text, job_type, rounds);
        let bytes = text.len();
        writeln!(
            out,
            "{name:32} {bytes:8} bytes {:10.1} us",
            took.as_secs_f64() * 1e6
        )?;
    }
    Ok(())
}
