//! Whether the buckets of a manifest are there for its owner.

use std::time::Duration;

use packhorse_objects::client::{Client, Error};
use packhorse_store::AccessKey;
use packhorse_wire::fault::{Fault, FaultCode};
use tokio::time::timeout;

use crate::context::Context;
use crate::store_error::chain;

/// Clients give up after a minute and send the request again, so an answer must come well before.
pub(super) const TIMEOUT: Duration = Duration::from_secs(15);

/// Asks the object store about each bucket with the caller's own key.
pub(super) async fn check(
    context: &Context,
    caller: &AccessKey,
    buckets: &[&str],
) -> Result<(), Fault> {
    let client = client(context, caller)?;
    for bucket in buckets {
        match timeout(TIMEOUT, client.head_bucket(bucket)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(bucket_fault(bucket, &error)),
            Err(_) => {
                tracing::warn!(bucket, "the object store did not answer in time");
                return Err(Fault::service_unavailable());
            }
        }
    }
    Ok(())
}

/// The object store with the caller's own key.
pub(super) fn client(context: &Context, caller: &AccessKey) -> Result<Client, Fault> {
    context.objects(caller).map_err(|_| Fault::internal())
}

/// What a failure of the object store means to the customer whose bucket it is.
pub(super) fn bucket_fault(bucket: &str, error: &Error) -> Fault {
    match error.status() {
        Some(404) => Fault::no_such_bucket(bucket),
        Some(401 | 403) => Fault::bucket_permission(bucket, "use"),
        Some(301 | 307 | 308) => Fault::new(
            FaultCode::MultipleRegions,
            format!("The bucket {bucket} is in another region than this facility's object store"),
        ),
        Some(status @ 400..500) if !error.is_retryable() => Fault::new(
            FaultCode::BucketPermission,
            format!("The object store refuses the bucket {bucket} with status {status}"),
        ),
        _ => {
            tracing::warn!(
                bucket,
                error = chain(error),
                "a bucket could not be checked"
            );
            Fault::service_unavailable()
        }
    }
}
