//! Uploads that are not a row's own: the report, and multipart uploads that a crash left behind.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use bytes::Bytes;
use packhorse_core::bucket::BucketName;
use packhorse_objects::client::{Client, CompletedPart, ObjectMeta};
use packhorse_objects::digest::{BodyDigest, multipart_etag};
use tokio::runtime::Handle;

use crate::Error;
use crate::ledger::Ledger;
use crate::merge::common_prefix;
use crate::reader::{WHOLE_BYTES_MAX, part_bytes};
use crate::retry::{Failed, Retry};

/// Puts a file of the station's own into a bucket.
pub(crate) async fn put_file(
    client: &Client,
    retry: &Retry,
    (bucket, key): (&BucketName, &str),
    path: &Path,
    meta: &ObjectMeta,
) -> Result<(), Error> {
    let state = |error| Error::state(path, error);
    let what = || format!("PUT {bucket}/{key}");
    let file = File::open(path).map_err(state)?;
    let size = file.metadata().map_err(state)?.len();
    let read = |offset, length| {
        let mut buffer = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        file.read_exact_at(&mut buffer, offset).map_err(state)?;
        let digest = BodyDigest::of(&buffer);
        Ok::<_, Error>((Bytes::from(buffer), digest))
    };
    let bucket = bucket.as_str();
    if size <= WHOLE_BYTES_MAX {
        let (body, digest) = read(0, size)?;
        let put = || client.put_object(bucket, key, meta, body.clone(), &digest);
        retry
            .run(&what, put)
            .await
            .map_err(|failed| failed.into_job(what()))?;
        return Ok(());
    }
    let create = || client.create_multipart_upload(bucket, key, meta);
    let upload = retry
        .run(&what, create)
        .await
        .map_err(|failed| failed.into_job(what()))?;
    let part_bytes = part_bytes(size);
    let (mut parts, mut digests) = (Vec::new(), Vec::new());
    let mut offset = 0;
    while offset < size {
        let number = u32::try_from(parts.len()).unwrap_or(u32::MAX) + 1;
        let (body, digest) = read(offset, part_bytes.min(size - offset))?;
        let send = || client.upload_part(bucket, key, &upload, number, body.clone(), &digest);
        let etag = retry
            .run(&what, send)
            .await
            .map_err(|failed| failed.into_job(what()))?;
        digests.push(digest.md5);
        parts.push(CompletedPart {
            number,
            etag,
            crc32c: digest.crc32c,
        });
        offset += part_bytes;
    }
    let complete = || client.complete_multipart_upload(bucket, key, &upload, &parts);
    match retry.run(&what, complete).await {
        Ok(_) => Ok(()),
        // The answer to an earlier attempt was lost: the object tells whether it was a success.
        Err(Failed::Object(error)) if error.is_of_no_upload() => {
            let head = || client.head_object(bucket, key);
            match retry.run(&what, head).await {
                Ok(there) if there.etag == multipart_etag(&digests) => Ok(()),
                Ok(_) => Err(Failed::Object(error).into_job(what())),
                Err(failed) => Err(failed.into_job(what())),
            }
        }
        Err(failed) => Err(failed.into_job(what())),
    }
}

/// Whose uploads are meant.
#[derive(Clone, Copy)]
pub(crate) enum Keys<'a> {
    /// Those of the ledger's rows.
    Ledger(&'a Ledger),
    /// This one.
    One(&'a str),
}

/// Aborts the multipart uploads under `keys`: whatever is still open when the rows are final was
/// left by a crash. Runs on a plain thread.
pub(crate) fn abort_orphans(
    client: &Client,
    retry: &Retry,
    bucket: &BucketName,
    keys: Keys<'_>,
) -> Result<(), Error> {
    let prefix = match keys {
        Keys::One(key) => key.to_owned(),
        Keys::Ledger(ledger) => match ledger.key_range()? {
            Some((first, last)) => common_prefix(&first, &last).to_owned(),
            None => return Ok(()),
        },
    };
    let handle = Handle::current();
    let name = bucket.as_str();
    let what = || format!("list uploads of {bucket}");
    let mut next = None;
    loop {
        let list = || client.list_multipart_uploads(name, &prefix, next.as_ref());
        let page = handle
            .block_on(retry.run(&what, list))
            .map_err(|failed| failed.into_job(what()))?;
        for upload in &page.uploads {
            let ours = match keys {
                Keys::One(key) => upload.key == key,
                Keys::Ledger(ledger) => ledger.has_key(&upload.key)?,
            };
            if !ours {
                continue;
            }
            let abort = || client.abort_multipart_upload(name, &upload.key, &upload.id);
            match handle.block_on(retry.run(&what, abort)) {
                Ok(()) => {}
                Err(Failed::Object(error)) if error.is_of_no_upload() => {}
                Err(failed) => return Err(failed.into_job(what())),
            }
        }
        match page.next {
            Some(more) => next = Some(more),
            None => return Ok(()),
        }
    }
}
