//! Who may do what: a bucket's account everything, others what the canned ACLs allow.

use std::sync::Arc;

use super::Ask;
use crate::embedded::acl::CannedAcl;
use crate::embedded::fault::{Code, Fault};
use crate::embedded::index::buckets::Bucket;
use crate::embedded::index::objects::Object;
use crate::embedded::keys::Caller;

impl Ask<'_> {
    /// The bucket, for its owner alone.
    pub(super) fn own_bucket(&self) -> Result<Arc<Bucket>, Fault> {
        self.bucket_if(|_, _| false)
    }

    /// The bucket, to list it.
    pub(super) fn bucket_to_list(&self) -> Result<Arc<Bucket>, Fault> {
        self.bucket_if(|acl, caller| acl.lets_read(caller.account.is_some()))
    }

    /// The bucket, to store and remove objects.
    pub(super) fn bucket_to_write(&self) -> Result<Arc<Bucket>, Fault> {
        self.bucket_if(|acl, _| acl.lets_write())
    }

    /// The bucket, to read an object whose own ACL will decide.
    pub(super) fn bucket_to_look(&self) -> Result<Arc<Bucket>, Fault> {
        self.store.index.buckets().find(self.bucket())
    }

    fn bucket_if(
        &self,
        granted: impl FnOnce(CannedAcl, &Caller) -> bool,
    ) -> Result<Arc<Bucket>, Fault> {
        let bucket = self.store.index.buckets().find(self.bucket())?;
        if owns(&self.caller, &bucket) || granted(bucket.acl, &self.caller) {
            return Ok(bucket);
        }
        Err(Code::AccessDenied.into())
    }
}

/// Whether the bucket is the caller's.
pub(super) fn owns(caller: &Caller, bucket: &Bucket) -> bool {
    caller.account.as_deref() == Some(&bucket.account)
}

/// An object that may be read. Who may not list the bucket does not learn what is not in it.
pub(super) fn readable<T>(
    caller: &Caller,
    bucket: &Bucket,
    found: Option<T>,
    object_of: impl FnOnce(&T) -> &Object,
) -> Result<T, Fault> {
    let authenticated = caller.account.is_some();
    let own = owns(caller, bucket);
    match found {
        Some(found) if own || object_of(&found).attributes.acl.lets_read(authenticated) => {
            Ok(found)
        }
        None if own || bucket.acl.lets_read(authenticated) => Err(Code::NoSuchKey.into()),
        Some(_) | None => Err(Code::AccessDenied.into()),
    }
}
