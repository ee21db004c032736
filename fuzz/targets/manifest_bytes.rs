//! Any bytes as a manifest: read or explained, in both modes, and redacted.
#![no_main]

use libfuzzer_sys::fuzz_target;
use packhorse_core::job::JobType;
use packhorse_core::manifest::{self, Facility, Options};

fuzz_target!(|bytes: &[u8]| {
    for job_type in [JobType::Import, JobType::Export] {
        for strict in [false, true] {
            let facility = Facility {
                country: Some("DE".to_owned()),
                has_image_targets: false,
            };
            let options = Options {
                strict,
                facility: Some(facility),
            };
            let problems = match manifest::read_with(bytes, job_type, &options) {
                Ok(reading) => reading.warnings,
                Err(problems) => {
                    assert!(problems.iter().any(|problem| problem.is_error()));
                    problems
                }
            };
            for problem in problems {
                let span = problem.span;
                assert!(span.is_none_or(|span| span.start <= span.end), "{problem:?}");
                assert!(problem.to_string().len() < 4096, "{problem:?}");
            }
        }
    }
    let _shown = manifest::redact(&String::from_utf8_lossy(bytes));
});
