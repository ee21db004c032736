//! Canned ACLs: who, besides the owner, may do what.

use serde::{Deserialize, Serialize};

use super::fault::{Code, Fault};
use crate::xml::{Element, Writer};

/// A canned ACL, of a bucket or an object. Buckets' owners own all objects in them, so the two
/// `BucketOwner` kinds grant nothing more than `Private`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum CannedAcl {
    #[default]
    Private,
    PublicRead,
    PublicReadWrite,
    AuthenticatedRead,
    AwsExecRead,
    BucketOwnerRead,
    BucketOwnerFullControl,
    LogDeliveryWrite,
}

const ALL_USERS: &str = "http://acs.amazonaws.com/groups/global/AllUsers";
const AUTHENTICATED_USERS: &str = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers";
const SCHEMA: &str = " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=";

impl CannedAcl {
    const ALL: [Self; 8] = [
        Self::Private,
        Self::PublicRead,
        Self::PublicReadWrite,
        Self::AuthenticatedRead,
        Self::AwsExecRead,
        Self::BucketOwnerRead,
        Self::BucketOwnerFullControl,
        Self::LogDeliveryWrite,
    ];

    /// As in `x-amz-acl`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::PublicRead => "public-read",
            Self::PublicReadWrite => "public-read-write",
            Self::AuthenticatedRead => "authenticated-read",
            Self::AwsExecRead => "aws-exec-read",
            Self::BucketOwnerRead => "bucket-owner-read",
            Self::BucketOwnerFullControl => "bucket-owner-full-control",
            Self::LogDeliveryWrite => "log-delivery-write",
        }
    }

    pub(crate) fn parse(name: &str) -> Result<Self, Fault> {
        Self::ALL
            .into_iter()
            .find(|acl| acl.name() == name)
            .ok_or_else(|| Fault::new(Code::InvalidArgument, "x-amz-acl is not a canned ACL"))
    }

    /// Whether somebody who is not the owner may read.
    pub(crate) fn lets_read(self, authenticated: bool) -> bool {
        match self {
            Self::PublicRead | Self::PublicReadWrite => true,
            Self::AuthenticatedRead => authenticated,
            Self::Private
            | Self::AwsExecRead
            | Self::BucketOwnerRead
            | Self::BucketOwnerFullControl
            | Self::LogDeliveryWrite => false,
        }
    }

    /// Whether somebody who is not the owner may write into a bucket.
    pub(crate) fn lets_write(self) -> bool {
        self == Self::PublicReadWrite
    }

    /// What is granted to whom besides the owner's FULL_CONTROL.
    fn grants(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::PublicRead => &[(ALL_USERS, "READ")],
            Self::PublicReadWrite => &[(ALL_USERS, "READ"), (ALL_USERS, "WRITE")],
            Self::AuthenticatedRead => &[(AUTHENTICATED_USERS, "READ")],
            Self::Private
            | Self::AwsExecRead
            | Self::BucketOwnerRead
            | Self::BucketOwnerFullControl
            | Self::LogDeliveryWrite => &[],
        }
    }

    /// The document of GetObjectAcl and GetBucketAcl.
    pub(crate) fn document(self, owner: &str) -> String {
        let mut xml = Writer::new();
        xml.element("AccessControlPolicy", |xml| {
            write_owner(xml, "Owner", owner);
            xml.element("AccessControlList", |xml| {
                grant(xml, "\"CanonicalUser\"", ("ID", owner), "FULL_CONTROL");
                for (group, permission) in self.grants() {
                    grant(xml, "\"Group\"", ("URI", group), permission);
                }
            });
        });
        xml.finish()
    }

    /// Reads such a document back, if its grants are those of a canned ACL.
    pub(crate) fn from_document(root: &Element, owner: &str) -> Result<Self, Fault> {
        let list = root
            .child("AccessControlList")
            .ok_or_else(|| Fault::from(Code::MalformedXml))?;
        let mut granted = Vec::new();
        for grant in list.all("Grant") {
            let permission = grant.text_of("Permission").unwrap_or_default();
            let grantee = grant
                .child("Grantee")
                .ok_or_else(|| Fault::from(Code::MalformedXml))?;
            match grantee.text_of("URI") {
                Some(group) => granted.push((group, permission)),
                None if grantee.text_of("ID") == Some(owner) => {}
                None => return Err(only_canned()),
            }
        }
        granted.sort_unstable();
        Self::ALL
            .into_iter()
            .find(|acl| acl.grants() == granted)
            .ok_or_else(only_canned)
    }
}

fn only_canned() -> Fault {
    Fault::new(
        Code::NotImplemented,
        "only grants that make up a canned ACL are supported",
    )
}

fn grant(xml: &mut Writer, kind: &str, (name, value): (&str, &str), permission: &str) {
    xml.element("Grant", |xml| {
        xml.with_attributes("Grantee", &format!("{SCHEMA}{kind}"), |xml| {
            xml.text(name, value);
        });
        xml.text("Permission", permission);
    });
}

/// An account as S3 names it in documents.
pub(crate) fn write_owner(xml: &mut Writer, element: &str, account: &str) {
    xml.element(element, |xml| {
        xml.text("ID", account);
        xml.text("DisplayName", account);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_read_back_as_an_acl_with_the_same_grants() {
        for acl in CannedAcl::ALL {
            let root = Element::parse(&acl.document("me")).unwrap();
            let read = CannedAcl::from_document(&root, "me").unwrap();
            assert_eq!(read.grants(), acl.grants());
            assert!(!acl.grants().is_empty() || CannedAcl::from_document(&root, "you").is_err());
        }
    }

    #[test]
    fn only_public_acls_let_strangers_in() {
        assert!(CannedAcl::PublicRead.lets_read(false));
        assert!(!CannedAcl::AuthenticatedRead.lets_read(false));
        assert!(CannedAcl::AuthenticatedRead.lets_read(true));
        assert!(!CannedAcl::Private.lets_read(true));
        assert!(!CannedAcl::PublicRead.lets_write());
    }
}
