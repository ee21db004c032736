//! GetBucketAcl, PutBucketAcl, GetObjectAcl, PutObjectAcl, as far as canned ACLs go.

use http::StatusCode;

use super::Ask;
use crate::embedded::acl::CannedAcl;
use crate::embedded::answer::{Answer, document, empty};
use crate::embedded::attributes::acl_of_request;
use crate::embedded::fault::{Code, Fault};
use crate::embedded::index::objects;

pub(super) fn get_bucket(ask: &Ask<'_>) -> Result<Answer, Fault> {
    let bucket = ask.own_bucket()?;
    Ok(document(bucket.acl.document(&bucket.account)))
}

pub(super) async fn put_bucket(mut ask: Ask<'_>) -> Result<Answer, Fault> {
    let bucket = ask.own_bucket()?;
    let acl = wanted(&mut ask, &bucket.account).await?;
    ask.store
        .index
        .change(move |changes| changes.set_bucket_acl(bucket.id, acl))
        .await?;
    Ok(empty(StatusCode::OK))
}

pub(super) async fn get_object(ask: &Ask<'_>) -> Result<Answer, Fault> {
    let bucket = ask.own_bucket()?;
    let (id, key) = (bucket.id, ask.key().to_owned());
    let found = ask
        .store
        .index
        .read(move |db| objects::find(db, id, &key))
        .await?;
    let object = found.ok_or_else(|| Fault::from(Code::NoSuchKey))?;
    Ok(document(object.attributes.acl.document(&bucket.account)))
}

pub(super) async fn put_object(mut ask: Ask<'_>) -> Result<Answer, Fault> {
    let bucket = ask.own_bucket()?;
    let acl = wanted(&mut ask, &bucket.account).await?;
    let key = ask.key().to_owned();
    ask.store
        .index
        .change(move |changes| changes.set_object_acl(bucket.id, &key, acl))
        .await?;
    Ok(empty(StatusCode::OK))
}

/// The ACL in the header or, when there is a document, in that.
async fn wanted(ask: &mut Ask<'_>, owner: &str) -> Result<CannedAcl, Fault> {
    let in_header = acl_of_request(&ask.head.headers)?;
    match ask.document().await? {
        Some(root) => CannedAcl::from_document(&root, owner),
        None if ask.head.headers.contains_key("x-amz-acl") => Ok(in_header),
        None => Err(Fault::new(Code::InvalidRequest, "no ACL was given")),
    }
}
