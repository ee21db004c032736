//! The label that GetShippingLabel made, in the job's log bucket, where the original put it too.

use std::time::Duration;

use bytes::Bytes;
use packhorse_core::id::JobId;
use packhorse_core::manifest::Shipment;
use packhorse_objects::client::{Client, Error, ObjectMeta};
use packhorse_objects::digest::BodyDigest;
use packhorse_store::{AccessKey, Job};
use tokio::time::timeout;

use crate::context::Context;
use crate::store_error::chain;

use super::Refusal;
use super::paper::read_shipment;

/// Ours have some 40 KiB. What is larger was put there by somebody else.
const LABEL_BYTES_MAX: usize = 1024 * 1024;
/// A person waits.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Where a label is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) bucket: String,
    pub(crate) key: String,
}

/// Where the label of a job is kept.
pub(crate) fn place(shipment: &Shipment, job: &JobId) -> Place {
    let prefix = &shipment.log_prefix;
    Place {
        bucket: shipment.log_bucket.as_str().to_owned(),
        key: format!("{prefix}shipping-label-{job}.pdf"),
    }
}

/// Puts a label there; an older one is replaced.
pub(crate) async fn store(client: &Client, place: &Place, pdf: Bytes) -> Result<(), Error> {
    let meta = ObjectMeta {
        content_type: Some("application/pdf".to_owned()),
        ..ObjectMeta::default()
    };
    let digest = BodyDigest::of(&pdf);
    let put = client.put_object(&place.bucket, &place.key, &meta, pdf, &digest);
    put.await.map(|_| ())
}

/// Fetches the label of a job with its owner's key.
pub(super) async fn fetch(context: &Context, key: &AccessKey, job: &Job) -> Result<Bytes, Refusal> {
    let place = place(&read_shipment(job).await?, &job.id);
    let client = context.objects(key).map_err(|_| Refusal::Broken)?;
    let get = async {
        let object = client.get_object(&place.bucket, &place.key, None).await?;
        if object.size > LABEL_BYTES_MAX as u64 {
            return Ok(None);
        }
        object.body.collect(LABEL_BYTES_MAX).await.map(Some)
    };
    let got = timeout(TIMEOUT, get).await;
    let got = got.unwrap_or(Err(Error::Timeout)).map_err(|error| {
        let text = chain(&error);
        match error.is_retryable() {
            true => {
                tracing::warn!(job.id = %job.id, error = text, "a label could not be fetched");
                Refusal::Busy
            }
            // Deleted, or the bucket was closed.
            false => {
                tracing::info!(job.id = %job.id, error = text, "a label is not there");
                Refusal::NotValid
            }
        }
    });
    got?.ok_or(Refusal::NotValid)
}
