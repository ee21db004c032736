//! What is tried on a bucket, and how nothing is left behind.

use std::time::Duration;

use packhorse_objects::client::{Client, Error, ListObjects, ObjectMeta, UploadId};
use tokio::time::timeout;

use super::finding::Finding;
use crate::store_error::chain;

/// An abort that fails is sent this often.
const ABORTS_MAX: usize = 3;
/// An export may take thousands of sets of objects from one bucket; rights seldom differ among them.
const READS_MAX: usize = 8;
/// A store that comes back within this time is cleaned of what a lost answer may have left.
const SWEEP_TIMEOUT: Duration = Duration::from_secs(60);

/// A bucket and what the job will do with it.
pub(in crate::api) struct BucketUse {
    pub(super) bucket: String,
    pub(super) trials: Vec<Trial>,
}

/// One right that a job needs.
pub(super) enum Trial {
    /// Objects like this may be stored under keys like this.
    Write {
        /// Permissions may hang on its beginning.
        key: String,
        /// What the objects will ask for.
        meta: Box<ObjectMeta>,
    },
    /// Objects and uploads may be listed.
    List {
        /// Only keys that begin so.
        prefix: String,
    },
    /// Objects may be listed and read.
    Read {
        /// Only keys that begin so.
        prefix: String,
        /// Only keys after this one.
        after: Option<String>,
    },
}

impl BucketUse {
    /// Tries everything; gives where the bucket is, if the store says so.
    pub(super) async fn ask(self, client: Client) -> Result<Option<String>, Finding> {
        let bucket = self.bucket.as_str();
        let reading = |trial: &&Trial| matches!(trial, Trial::Read { .. });
        let reads = self.trials.iter().filter(reading).take(READS_MAX);
        let others = self.trials.iter().filter(|trial| !reading(trial));
        for trial in reads.chain(others) {
            match trial {
                Trial::Write { key, meta } => write(&client, bucket, key, meta).await?,
                Trial::List { prefix } => list(&client, bucket, prefix).await?,
                Trial::Read { prefix, after } => {
                    read(&client, bucket, prefix, after.clone()).await?;
                }
            }
        }
        let region = client.bucket_region(bucket).await;
        region.map_err(|error| Finding::of(&error, "look at"))
    }
}

async fn list(client: &Client, bucket: &str, prefix: &str) -> Result<(), Finding> {
    let first = ListObjects {
        prefix: prefix.to_owned(),
        max_keys: Some(1),
        ..ListObjects::default()
    };
    let listed = client.list_objects(bucket, &first).await;
    listed.map_err(|error| Finding::of(&error, "list"))?;
    let uploads = client.list_multipart_uploads(bucket, prefix, None).await;
    uploads.map_err(|error| Finding::of(&error, "list the uploads in"))?;
    Ok(())
}

/// Reading can only be tried on an object that is there; only its head is asked for.
async fn read(
    client: &Client,
    bucket: &str,
    prefix: &str,
    start_after: Option<String>,
) -> Result<(), Finding> {
    let first = ListObjects {
        prefix: prefix.to_owned(),
        start_after,
        max_keys: Some(1),
        ..ListObjects::default()
    };
    let listed = client.list_objects(bucket, &first).await;
    let page = listed.map_err(|error| Finding::of(&error, "list"))?;
    let Some(object) = page.objects.first() else {
        return Ok(());
    };
    match client.head_object(bucket, &object.key).await {
        // It was removed a moment ago.
        Err(error) if error.status() == Some(404) => Ok(()),
        Err(error) => Err(Finding::of(&error, "read the objects in")),
        Ok(_) => Ok(()),
    }
}

async fn write(client: &Client, bucket: &str, key: &str, meta: &ObjectMeta) -> Result<(), Finding> {
    let Err(error) = begin_and_abort(client, bucket, key, meta).await? else {
        return Ok(());
    };
    let finding = Finding::of(&error, "write to");
    let plain = ObjectMeta::default();
    // Is it the bucket that refuses, or what the manifest asks for?
    if *meta == plain || !matches!(finding, Finding::Denied(_) | Finding::Unanswered(_)) {
        return Err(finding);
    }
    match begin_and_abort(client, bucket, key, &plain).await? {
        Ok(()) if !error.is_retryable() => Err(Finding::refuses(meta, &error)),
        Ok(()) | Err(_) => Err(finding),
    }
}

/// The inner error is the store's answer to the beginning.
async fn begin_and_abort(
    client: &Client,
    bucket: &str,
    key: &str,
    meta: &ObjectMeta,
) -> Result<Result<(), Error>, Finding> {
    let upload = match client.create_multipart_upload(bucket, key, meta).await {
        Ok(upload) => upload,
        Err(error) if error.is_retryable() => {
            // The answer may be lost and the upload begun all the same.
            tokio::spawn(sweep(client.clone(), bucket.to_owned(), key.to_owned()));
            return Ok(Err(error));
        }
        Err(error) => return Ok(Err(error)),
    };
    abort(client, bucket, key, &upload).await.map(Ok)
}

async fn abort(client: &Client, bucket: &str, key: &str, upload: &UploadId) -> Result<(), Finding> {
    let mut tries = 1;
    loop {
        match client.abort_multipart_upload(bucket, key, upload).await {
            Ok(()) => return Ok(()),
            // A sweep, or the first try whose answer was lost.
            Err(error) if error.code() == Some("NoSuchUpload") => return Ok(()),
            Err(error) if error.is_retryable() && tries < ABORTS_MAX => tries += 1,
            Err(error) => {
                tracing::warn!(
                    bucket,
                    object.key = key,
                    error = chain(&error),
                    "an upload begun as a trial could not be aborted"
                );
                return Err(Finding::of(&error, "abort uploads to"));
            }
        }
    }
}

/// Aborts what trials under this key may have left. Those of another request that is being
/// answered right now do not mind.
async fn sweep(client: Client, bucket: String, key: String) {
    let swept = timeout(SWEEP_TIMEOUT, async {
        let page = client.list_multipart_uploads(&bucket, &key, None).await?;
        for upload in page.uploads.iter().filter(|upload| upload.key == key) {
            client
                .abort_multipart_upload(&bucket, &key, &upload.id)
                .await?;
        }
        Ok::<(), Error>(())
    });
    if !matches!(swept.await, Ok(Ok(()))) {
        tracing::warn!(bucket, object.key = key, "a trial may have left an upload");
    }
}
