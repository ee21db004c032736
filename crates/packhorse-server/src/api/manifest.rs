//! Everything a manifest must be before a job is made of it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use packhorse_core::job::JobType;
use packhorse_core::manifest::{self, Facility, Manifest, Options, Position, Problem, Reading};
use packhorse_store::AccessKey;
use packhorse_wire::fault::Fault;

use super::buckets;
use crate::context::Context;

/// Reads the text, and asks the object store about its buckets with the caller's own key. Gives
/// the warnings for the customer.
pub(super) async fn check(
    context: &Context,
    caller: &AccessKey,
    text: &str,
    job_type: JobType,
) -> Result<Option<String>, Fault> {
    let read = read(context, text, job_type).await?;
    let Reading {
        manifest,
        warnings,
        access_key_at,
    } = read.map_err(|problems| problems_fault(&problems))?;
    check_key(caller, &manifest, access_key_at)?;
    let lines: Vec<_> = warnings.iter().map(Problem::to_string).collect();
    buckets::check(context, caller, buckets::uses(&manifest))
        .await
        .map_err(|fault| with_warnings(fault, &lines))?;
    Ok((!lines.is_empty()).then(|| lines.join("\n")))
}

/// Reads the text as this facility judges it, and asks nobody.
pub(crate) async fn read(
    context: &Context,
    text: &str,
    job_type: JobType,
) -> Result<Result<Reading, Vec<Problem>>, Fault> {
    let owned = text.to_owned();
    let options = Options {
        strict: false,
        facility: Some(facility(context)),
    };
    let reading = move || manifest::read_with(owned, job_type, &options);
    off_the_loop(text.len(), reading).await
}

/// A refusal of the buckets, with what else the customer should know of the manifest.
fn with_warnings(fault: Fault, warnings: &[String]) -> Fault {
    match warnings {
        [] => fault,
        warnings => {
            let (refusal, warnings) = (fault.message(), warnings.join("\nWarning: "));
            Fault::new(fault.code(), format!("{refusal}\nWarning: {warnings}"))
        }
    }
}

/// What manifests are judged by. No facility has targets for EBS and Glacier imports yet.
fn facility(context: &Context) -> Facility {
    let facility = context.settings.facility.as_ref();
    Facility {
        country: facility.and_then(|facility| facility.country.clone()),
        has_image_targets: false,
    }
}

/// A text of this length is read in less time than a thread takes to wake up.
const SHORT_BYTES: usize = 4 * 1024;

/// Up to 1 MiB of YAML takes some time; other requests must not wait for it.
pub(super) async fn off_the_loop<T: Send + 'static>(
    text_bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Fault> {
    let done = match text_bytes <= SHORT_BYTES {
        true => catch_unwind(AssertUnwindSafe(work)).ok(),
        false => tokio::task::spawn_blocking(work).await.ok(),
    };
    done.ok_or_else(|| {
        tracing::error!("reading a manifest broke off");
        Fault::internal()
    })
}

fn problems_fault(problems: &[Problem]) -> Fault {
    Fault::from_problems(problems).unwrap_or_else(|| {
        tracing::error!("a manifest was refused without a problem");
        Fault::internal()
    })
}

fn check_key(caller: &AccessKey, manifest: &Manifest, at: Option<Position>) -> Result<(), Fault> {
    match &manifest.common.access_key_id {
        Some(id) if *id != caller.id => Err(Fault::foreign_access_key(at)),
        _ => Ok(()),
    }
}
