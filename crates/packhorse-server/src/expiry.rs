//! Jobs whose device never came.

use std::time::Duration;

use jiff::Timestamp;
use packhorse_store::{Error, Store};
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::store_error::chain;

/// Expiry counts in days, so this is often enough.
const PAUSE: Duration = Duration::from_secs(10 * 60);
/// Jobs for one transaction, so that no other writer waits long.
const BATCH: u32 = 100;

/// Expires every job that was created `after_creation` before `now` or earlier and is still waiting
/// for its device; says how many. Several servers may do so at once.
pub async fn expire_once(
    store: &dyn Store,
    after_creation: jiff::SignedDuration,
    now: Timestamp,
) -> Result<usize, Error> {
    let created_before = now.checked_sub(after_creation).unwrap_or(Timestamp::MIN);
    let mut count = 0;
    loop {
        let expired = store.expire_jobs(created_before, BATCH, now).await?;
        if expired.is_empty() {
            return Ok(count);
        }
        for id in &expired {
            tracing::info!(job.id = %id, "the job expired: no device came");
        }
        count += expired.len();
    }
}

/// Expires jobs until told to stop.
pub(crate) async fn run(context: Context, stop: CancellationToken) {
    loop {
        let after = context.settings.expiry;
        if let Err(error) = expire_once(context.store.as_ref(), after, context.now()).await {
            tracing::warn!(
                error = chain(&error),
                "jobs could not be expired; trying again later"
            );
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}
