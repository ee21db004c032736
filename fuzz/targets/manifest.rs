//! A manifest: read, or refused with a problem; shown again, it hides its passwords.

#![no_main]

use libfuzzer_sys::fuzz_target;
use packhorse_core::job::JobType;
use packhorse_core::manifest;
use packhorse_wire::fault::Fault;

fuzz_target!(|data: &[u8]| {
    for job_type in [JobType::Import, JobType::Export] {
        if let Err(problems) = manifest::read(data, job_type) {
            let fault = Fault::from_problems(&problems).expect("a refusal has a reason");
            assert!(!fault.message().is_empty());
        }
    }
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = manifest::redact(text);
    }
});
