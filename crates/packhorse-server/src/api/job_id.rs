//! Job ids as customers write them, and the signatures that go with them.

use packhorse_core::id::{AccountId, JobId, VALIDATE_ONLY_SUFFIX};
use packhorse_core::signature_file::Signature;
use packhorse_wire::fault::Fault;

use crate::context::Context;

/// Draws before giving up: a draw of 32 bytes yields no id once in some thousand billion times.
const DRAWS_MAX: usize = 4;

/// Reads an id; what cannot be one is a job that does not exist.
pub(super) fn read(text: &str) -> Result<JobId, Fault> {
    JobId::parse(text).map_err(|_| Fault::no_such_job(text))
}

/// An id for a dry run: no job, and no other action knows it.
pub(super) fn invented() -> Result<String, Fault> {
    for _ in 0..DRAWS_MAX {
        let mut random = [0; 32];
        if getrandom::fill(&mut random).is_err() {
            break;
        }
        if let Some(id) = JobId::from_random(&random) {
            return Ok(format!("{id}{VALIDATE_ONLY_SUFFIX}"));
        }
    }
    tracing::error!("no random bytes are to be had");
    Err(Fault::internal())
}

/// The value and the text of a job's SIGNATURE file.
pub(super) fn signed(context: &Context, account: AccountId, id: &str) -> (String, String) {
    let signature = Signature::sign(&context.signature_key, account, id);
    (signature.to_base64(), signature.file_contents(id))
}
