//! Whether the buckets of a manifest can be used as the job will use them.
//!
//! The store itself is asked, with the caller's own key, to do what a load does. Writing is tried by
//! beginning a multipart upload, with the ACL, storage class and encryption of the manifest, and
//! aborting it: that needs the right to write, and on no store does an object come of it. (A PUT
//! that is made to fail, by a wrong digest or a condition, succeeds on stores that ignore digests
//! or conditions.) What the store does not answer, or not as a store, is never held against the
//! customer.

mod finding;
mod trial;

use std::sync::Arc;
use std::time::Duration;

use packhorse_core::bucket::BucketName;
use packhorse_core::manifest::{Kind, Manifest};
use packhorse_core::mapping;
use packhorse_objects::client::{Error, ObjectMeta};
use packhorse_store::AccessKey;
use packhorse_wire::fault::Fault;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use self::finding::{Finding, Known, verdict};
use self::trial::{BucketUse, Trial};
use crate::context::Context;

/// Clients give up after a minute and send the request again, so an answer must come well before.
pub(super) const TIMEOUT: Duration = Duration::from_secs(15);

/// An export may name a thousand buckets; one request must not take all of the store.
const BUCKETS_AT_ONCE: usize = 16;

/// What the job will do with which bucket, each bucket once.
pub(super) fn uses(manifest: &Manifest) -> Vec<BucketUse> {
    let mut uses = Vec::new();
    let log = match &manifest.kind {
        Kind::S3Import(import) => {
            let key = mapping::write_check_key(import);
            let meta = ObjectMeta::of_job(&import.headers, &manifest.extensions);
            let meta = Box::new(meta);
            add(&mut uses, &import.bucket, Trial::Write { key, meta });
            // Verification lists objects, and the sweep at the end lists uploads.
            let prefix = import.prefix.clone();
            add(&mut uses, &import.bucket, Trial::List { prefix });
            "import-log-"
        }
        Kind::S3Export(export) => {
            for set in &export.operations {
                let trial = Trial::Read {
                    prefix: set.prefix.clone(),
                    after: set.begin_marker.clone(),
                };
                add(&mut uses, &set.export_bucket, trial);
            }
            "export-log-"
        }
        Kind::EbsImport(_) | Kind::GlacierImport(_) => "import-log-",
    };
    let log = Trial::Write {
        key: format!("{}{log}", manifest.common.log_prefix),
        meta: Box::default(),
    };
    add(&mut uses, &manifest.common.log_bucket, log);
    uses
}

fn add(uses: &mut Vec<BucketUse>, bucket: &BucketName, trial: Trial) {
    match uses.iter_mut().find(|used| used.bucket == bucket.as_str()) {
        Some(used) => used.trials.push(trial),
        None => uses.push(BucketUse {
            bucket: bucket.to_string(),
            trials: vec![trial],
        }),
    }
}

/// Asks the object store about all buckets at once; the fault names everything that is wrong.
pub(super) async fn check(
    context: &Context,
    caller: &AccessKey,
    uses: Vec<BucketUse>,
) -> Result<(), Fault> {
    let client = context.objects(caller).map_err(|_| Fault::internal())?;
    let deadline = Instant::now() + TIMEOUT;
    let turns = Arc::new(Semaphore::new(BUCKETS_AT_ONCE));
    // Tasks of their own: an upload that was begun is aborted also when nobody waits any more.
    let asked: Vec<_> = uses
        .into_iter()
        .map(|used| {
            let bucket = used.bucket.clone();
            let (client, turns) = (client.clone(), Arc::clone(&turns));
            let asking = async move {
                // Nobody closes it; without a turn the bucket would be asked about all the same.
                let _turn = turns.acquire_owned().await;
                used.ask(client).await
            };
            (bucket, tokio::spawn(asking))
        })
        .collect();
    let mut known = Vec::with_capacity(asked.len());
    for (bucket, asking) in asked {
        let answer = match timeout_at(deadline, asking).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(panic)) => Err(Finding::Unanswered(panic.to_string())),
            Err(_) => Err(Finding::Unanswered("no answer in time".to_owned())),
        };
        known.push(Known { bucket, answer });
    }
    verdict(&known)
}

/// What a failure to `right` (completes "may not … the bucket") means to the customer.
pub(super) fn judge(bucket: &str, right: &str, error: &Error) -> Result<(), Fault> {
    verdict(&[Known {
        bucket: bucket.to_owned(),
        answer: Err(Finding::of(error, right)),
    }])
}
