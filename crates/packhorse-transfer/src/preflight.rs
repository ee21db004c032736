//! Before the first byte: may this job write where it must?
//!
//! A bucket that is missing or closed is learnt now, while nothing has happened, instead of from a
//! report in which every row failed.

use packhorse_core::bucket::BucketName;
use packhorse_core::manifest::{Manifest, S3Import};
use packhorse_core::mapping;
use packhorse_objects::client::{Client, ListObjects, ObjectMeta};

use crate::Error;
use crate::retry::{Failed, Retry};

/// Checks that objects and the report can be written: a multipart upload is begun and aborted,
/// which needs the right to write and leaves nothing behind. It has the headers of the manifest:
/// a store may let nobody set an ACL, or not know a storage class.
pub(crate) async fn check(
    client: &Client,
    retry: &Retry,
    manifest: &Manifest<S3Import>,
    log_key: &str,
) -> Result<(), Error> {
    let import = &manifest.kind;
    let log_bucket = &manifest.common.log_bucket;
    may_write(
        client,
        retry,
        &import.bucket,
        &mapping::write_check_key(import),
        &ObjectMeta::of_job(&import.headers, &manifest.extensions),
    )
    .await?;
    may_list(client, retry, &import.bucket, &import.prefix).await?;
    may_write(client, retry, log_bucket, log_key, &ObjectMeta::default()).await
}

/// Verification lists objects, and the sweep at the end lists uploads.
async fn may_list(
    client: &Client,
    retry: &Retry,
    bucket: &BucketName,
    prefix: &str,
) -> Result<(), Error> {
    let name = bucket.as_str();
    let what = || format!("list bucket {bucket}");
    let refused = |failed: Failed| failed.into_job(what());
    let wanted = ListObjects {
        prefix: prefix.to_owned(),
        max_keys: Some(1),
        ..ListObjects::default()
    };
    let objects = || client.list_objects(name, &wanted);
    retry.run(&what, objects).await.map_err(refused)?;
    let uploads = || client.list_multipart_uploads(name, prefix, None);
    retry.run(&what, uploads).await.map_err(refused)?;
    Ok(())
}

pub(crate) async fn may_write(
    client: &Client,
    retry: &Retry,
    bucket: &BucketName,
    key: &str,
    meta: &ObjectMeta,
) -> Result<(), Error> {
    let name = bucket.as_str();
    let what = || format!("write to bucket {bucket}");
    let refused = |failed: Failed| failed.into_job(what());
    let begin = || client.create_multipart_upload(name, key, meta);
    let upload = retry.run(&what, begin).await.map_err(refused)?;
    let abort = || client.abort_multipart_upload(name, key, &upload);
    match retry.run(&what, abort).await {
        // An answer was lost: it is aborted already.
        Err(Failed::Object(error)) if error.is_of_no_upload() => Ok(()),
        result => result.map_err(refused),
    }
}
