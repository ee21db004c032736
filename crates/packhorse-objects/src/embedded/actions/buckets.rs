//! ListBuckets, CreateBucket, HeadBucket, GetBucketLocation, DeleteBucket.

use http::{HeaderName, StatusCode};
use packhorse_core::bucket::BucketName;

use super::Ask;
use crate::clock;
use crate::embedded::acl::write_owner;
use crate::embedded::answer::{Answer, empty, iso_date, set, xml};
use crate::embedded::attributes::acl_of_request;
use crate::embedded::fault::{Code, Fault};

/// Where this store says it is. Signatures for any other region are taken as well.
const REGION: &str = "us-east-1";

pub(super) fn list(ask: &Ask<'_>) -> Result<Answer, Fault> {
    let account = ask.caller.account()?;
    let prefix = ask.head.query("prefix").unwrap_or_default();
    Ok(xml("ListAllMyBucketsResult", |xml| {
        write_owner(xml, "Owner", account);
        xml.element("Buckets", |xml| {
            for bucket in ask.store.index.buckets().of_account(account) {
                if bucket.name.starts_with(prefix) {
                    xml.element("Bucket", |xml| {
                        xml.text("Name", &bucket.name);
                        xml.text("CreationDate", &iso_date(bucket.created));
                    });
                }
            }
        });
    }))
}

pub(super) async fn create(mut ask: Ask<'_>) -> Result<Answer, Fault> {
    let account = ask.caller.account()?.to_owned();
    let acl = acl_of_request(&ask.head.headers)?;
    // Which region it names is of no matter here, but it must be a document.
    if let Some(root) = ask.document().await?
        && root.name != "CreateBucketConfiguration"
    {
        return Err(Code::MalformedXml.into());
    }
    let name = BucketName::parse(ask.bucket()).map_err(|_| Fault::from(Code::InvalidBucketName))?;
    let now = clock::now().as_millisecond();
    let location = format!("/{name}");
    ask.store
        .index
        .change(move |changes| changes.create_bucket(name.as_str(), &account, acl, now))
        .await?;
    let mut answer = empty(StatusCode::OK);
    set(answer.headers_mut(), http::header::LOCATION, &location);
    Ok(answer)
}

pub(super) fn head(ask: &Ask<'_>) -> Result<Answer, Fault> {
    ask.bucket_to_list()?;
    let mut answer = empty(StatusCode::OK);
    let region = HeaderName::from_static("x-amz-bucket-region");
    set(answer.headers_mut(), region, REGION);
    Ok(answer)
}

pub(super) fn location(ask: &Ask<'_>) -> Result<Answer, Fault> {
    ask.own_bucket()?;
    // us-east-1 is written as nothing.
    Ok(xml("LocationConstraint", |_| {}))
}

pub(super) async fn delete(ask: &Ask<'_>) -> Result<Answer, Fault> {
    let bucket = ask.own_bucket()?;
    ask.store
        .index
        .change(move |changes| changes.delete_bucket(bucket.id))
        .await?;
    Ok(empty(StatusCode::NO_CONTENT))
}
