//! Requests about whole buckets.

use bytes::Bytes;
use http::{HeaderName, Method};

use super::call::Call;
use super::{Client, Error};
use crate::xml::Writer;

/// A bucket of the key's owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// When it was made, as the store writes it.
    pub created: Option<String>,
}

/// The region that must not be named when a bucket is made there.
const DEFAULT_REGION: &str = "us-east-1";
const REGION: HeaderName = HeaderName::from_static("x-amz-bucket-region");

impl Client {
    /// Makes a bucket in the region of the endpoint.
    pub async fn create_bucket(&self, bucket: &str) -> Result<(), Error> {
        let mut call = Call::on_bucket(Method::PUT, bucket);
        let region = self.region();
        if region != DEFAULT_REGION {
            let mut xml = Writer::new();
            xml.element("CreateBucketConfiguration", |xml| {
                xml.text("LocationConstraint", region);
            });
            call.document(Bytes::from(xml.finish()));
        }
        self.send_for_nothing(call).await
    }

    /// Whether the bucket exists and may be read; an error when not.
    pub async fn head_bucket(&self, bucket: &str) -> Result<(), Error> {
        self.send_for_nothing(Call::on_bucket(Method::HEAD, bucket))
            .await
    }

    /// Where a bucket is, if the store says so: some do for every bucket, even for one that the key
    /// may not use, and some never do.
    pub async fn bucket_region(&self, bucket: &str) -> Result<Option<String>, Error> {
        let answer = self.exchange(Call::on_bucket(Method::HEAD, bucket)).await?;
        let region = answer.headers().get(REGION);
        let region = region.and_then(|value| Some(value.to_str().ok()?.to_owned()));
        self.discard(answer).await?;
        Ok(region)
    }

    /// Removes an empty bucket.
    pub async fn delete_bucket(&self, bucket: &str) -> Result<(), Error> {
        self.send_for_nothing(Call::on_bucket(Method::DELETE, bucket))
            .await
    }

    /// All buckets of the key's owner.
    pub async fn list_buckets(&self) -> Result<Vec<Bucket>, Error> {
        let root = self.send_for_xml(Call::on_service(Method::GET)).await?;
        let buckets = root
            .child("Buckets")
            .ok_or_else(|| Error::missing("Buckets"))?;
        buckets
            .all("Bucket")
            .map(|bucket| {
                Ok(Bucket {
                    name: bucket
                        .text_of("Name")
                        .ok_or_else(|| Error::missing("Name"))?
                        .to_owned(),
                    created: bucket.text_of("CreationDate").map(str::to_owned),
                })
            })
            .collect()
    }
}
