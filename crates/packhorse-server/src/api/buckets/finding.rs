//! What the store's answers mean to the customer.

use packhorse_objects::client::{Error, ObjectMeta};
use packhorse_wire::fault::{Fault, FaultCode};

use crate::store_error::chain;

/// Why a bucket cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// The store does not accept the key: its code.
    Key(String),
    /// There is no such bucket.
    Missing,
    /// The account lacks a right; completes "may not … the bucket".
    Denied(String),
    /// Not with what the manifest asks for; completes "The object store …".
    Refuses(String),
    /// The bucket is in another region than the store's endpoint.
    Elsewhere,
    /// No answer that says anything about the bucket; for the log.
    Unanswered(String),
}

/// Codes of a store that does not know the key, or knows another secret for it.
const KEY_CODES: [&str; 5] = [
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "InvalidToken",
    "ExpiredToken",
    "InvalidSecurity",
];
/// Codes of a bucket that cannot be there. A bare 404 may come from anything before the store.
const MISSING_CODES: [&str; 2] = ["NoSuchBucket", "InvalidBucketName"];
/// Codes of a store that was asked in the wrong region.
const ELSEWHERE_CODES: [&str; 3] = [
    "PermanentRedirect",
    "IllegalLocationConstraintException",
    "AuthorizationHeaderMalformed",
];
/// Codes of a clock that is wrong, here or there: the operator's business.
const CLOCK_CODES: [&str; 2] = ["RequestTimeTooSkewed", "RequestExpired"];

impl Finding {
    /// What an error says of a bucket that the job wants to `right`.
    pub(super) fn of(error: &Error, right: &str) -> Self {
        let (code, status) = (error.code().unwrap_or_default(), error.status());
        let unanswered = || Self::Unanswered(chain(error));
        if error.is_retryable() || CLOCK_CODES.contains(&code) {
            return unanswered();
        }
        if KEY_CODES.contains(&code) {
            return Self::Key(code.to_owned());
        }
        if MISSING_CODES.contains(&code) {
            return Self::Missing;
        }
        if ELSEWHERE_CODES.contains(&code) {
            return Self::Elsewhere;
        }
        match status {
            Some(401 | 403) => Self::Denied(right.to_owned()),
            Some(400 | 405 | 409 | 411..=422) => Self::Denied(format!("{right} ({code})")),
            _ => unanswered(),
        }
    }

    /// The store takes objects, but not such as the manifest asks for.
    pub(super) fn refuses(meta: &ObjectMeta, error: &Error) -> Self {
        let asked = [
            ("acl", &meta.acl),
            ("storageClass", &meta.storage_class),
            ("serverSideEncryption", &meta.server_side_encryption),
        ];
        let asked: Vec<_> = asked
            .into_iter()
            .filter_map(|(option, value)| Some(format!("{option}: {}", value.as_ref()?)))
            .collect();
        let plain = [
            ("cacheControl", &meta.cache_control),
            ("contentDisposition", &meta.content_disposition),
            ("contentLanguage", &meta.content_language),
            ("expires", &meta.expires),
        ];
        let plain = plain.into_iter().filter(|(_, value)| value.is_some());
        let headers = plain.map(|(option, _)| option.to_owned());
        let metadata = (!meta.metadata.is_empty()).then(|| {
            let length = |(name, value): &(String, String)| name.len() + value.len();
            let bytes: usize = meta.metadata.iter().map(length).sum();
            format!("staticMetadata of {bytes} bytes")
        });
        let asked: Vec<_> = asked.into_iter().chain(headers).chain(metadata).collect();
        let options = asked.join(", ");
        let told = match error {
            Error::Response { code, message, .. } => format!("{code}: {message}"),
            other => other.to_string(),
        };
        Self::Refuses(format!("does not take {options} ({told})"))
    }
}

/// A bucket and what was learnt of it: where it is, or why it cannot be used.
pub(super) struct Known {
    pub(super) bucket: String,
    pub(super) answer: Result<Option<String>, Finding>,
}

/// The fault that all findings together make. The first kind in the order of [`Finding`] gives the
/// code, so that an answer that can be relied on comes before one that may change with time; the
/// text has everything that was found.
pub(super) fn verdict(known: &[Known]) -> Result<(), Fault> {
    let mut lines = Vec::new();
    let mut first: Option<FaultCode> = None;
    for Known { bucket, answer } in known {
        let Err(finding) = answer else { continue };
        let (code, line) = said(bucket, finding);
        if let Finding::Unanswered(error) = finding {
            tracing::warn!(bucket, error, "a bucket could not be checked");
        }
        if first.is_none_or(|first| rank(code) < rank(first)) {
            first = Some(code);
        }
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    match first {
        Some(FaultCode::ServiceUnavailable) => Err(Fault::service_unavailable()),
        Some(code) => Err(Fault::new(code, lines.join("\n"))),
        None => one_region(known),
    }
}

const RANKS: [FaultCode; 6] = [
    FaultCode::InvalidAccessKeyId,
    FaultCode::NoSuchBucket,
    FaultCode::BucketPermission,
    FaultCode::InvalidManifestField,
    FaultCode::MultipleRegions,
    FaultCode::ServiceUnavailable,
];

fn rank(code: FaultCode) -> usize {
    let place = RANKS.iter().position(|known| *known == code);
    place.unwrap_or(RANKS.len())
}

fn said(bucket: &str, finding: &Finding) -> (FaultCode, String) {
    let of = |fault: Fault| (fault.code(), fault.message().to_owned());
    match finding {
        Finding::Key(code) => (
            FaultCode::InvalidAccessKeyId,
            format!(
                "The object store does not accept your access key ({code}): its operator must \
                 make it known there"
            ),
        ),
        Finding::Missing => of(Fault::no_such_bucket(bucket)),
        Finding::Denied(right) => of(Fault::bucket_permission(bucket, right)),
        Finding::Refuses(what) => (
            FaultCode::InvalidManifestField,
            format!("The object store {what} in the bucket {bucket}"),
        ),
        Finding::Elsewhere => (
            FaultCode::MultipleRegions,
            format!(
                "The bucket {bucket} is in another region than the object store of this facility"
            ),
        ),
        Finding::Unanswered(_) => (
            FaultCode::ServiceUnavailable,
            format!("The bucket {bucket} could not be checked now"),
        ),
    }
}

/// Buckets whose store says where they are must be at one place.
fn one_region(known: &[Known]) -> Result<(), Fault> {
    let regions: Vec<_> = known
        .iter()
        .filter_map(|known| Some((&known.bucket, known.answer.as_ref().ok()?.as_ref()?)))
        .collect();
    let same = regions.windows(2).all(|pair| match pair {
        [(_, one), (_, other)] => one == other,
        _ => true,
    });
    if same {
        return Ok(());
    }
    let places: Vec<_> = regions
        .iter()
        .map(|(bucket, region)| format!("{bucket} is in {region}"))
        .collect();
    let rule = Fault::multiple_regions();
    let text = format!("{}: {}", rule.message(), places.join(", "));
    Err(Fault::new(rule.code(), text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, code: &str) -> Error {
        Error::Response {
            status,
            code: code.to_owned(),
            message: "as it is".to_owned(),
            request_id: None,
        }
    }

    #[test]
    fn only_an_answer_of_the_store_itself_says_that_a_bucket_is_missing() {
        let unanswered = |finding: &Finding| matches!(finding, Finding::Unanswered(_));
        for (status, code) in [
            (404, "NotFound"),
            (404, "NoSuchKey"),
            (301, "MovedPermanently"),
            (302, "UnexpectedStatus"),
            (307, "TemporaryRedirect"),
            (500, "InternalError"),
            (501, "NotImplemented"),
            (503, "SlowDown"),
            (400, "RequestTimeout"),
            (403, "RequestTimeTooSkewed"),
        ] {
            let finding = Finding::of(&answer(status, code), "list");
            assert!(unanswered(&finding), "{status} {code}: {finding:?}");
        }
        assert!(unanswered(&Finding::of(&Error::Timeout, "list")));
        for (status, code, expected) in [
            (404, "NoSuchBucket", Finding::Missing),
            (400, "InvalidBucketName", Finding::Missing),
            (403, "AccessDenied", Finding::Denied("list".to_owned())),
            (403, "AllAccessDisabled", Finding::Denied("list".to_owned())),
            (
                405,
                "MethodNotAllowed",
                Finding::Denied("list (MethodNotAllowed)".to_owned()),
            ),
            (
                403,
                "InvalidAccessKeyId",
                Finding::Key("InvalidAccessKeyId".to_owned()),
            ),
            (
                403,
                "SignatureDoesNotMatch",
                Finding::Key("SignatureDoesNotMatch".to_owned()),
            ),
            (301, "PermanentRedirect", Finding::Elsewhere),
            (400, "AuthorizationHeaderMalformed", Finding::Elsewhere),
        ] {
            assert_eq!(
                Finding::of(&answer(status, code), "list"),
                expected,
                "{code}"
            );
        }
    }

    #[test]
    fn what_the_store_does_not_take_is_named() {
        let meta = ObjectMeta {
            acl: Some("public-read".to_owned()),
            cache_control: Some("no-cache".to_owned()),
            metadata: vec![("colour".to_owned(), "x".repeat(3000))],
            ..ObjectMeta::default()
        };
        let finding = Finding::refuses(&meta, &answer(400, "MetadataTooLarge"));
        let expected = "does not take acl: public-read, cacheControl, staticMetadata of 3006 bytes \
                        (MetadataTooLarge: as it is)";
        assert_eq!(finding, Finding::Refuses(expected.to_owned()));
    }

    fn known(bucket: &str, answer: Result<Option<&str>, Finding>) -> Known {
        Known {
            bucket: bucket.to_owned(),
            answer: answer.map(|region| region.map(str::to_owned)),
        }
    }

    fn refused(known: &[Known]) -> (&'static str, String) {
        let fault = verdict(known).unwrap_err();
        (fault.code().wire(), fault.message().to_owned())
    }

    #[test]
    fn everything_that_is_wrong_is_told_under_the_surest_code() {
        let missing = || known("logs", Err(Finding::Missing));
        let denied = known("data", Err(Finding::Denied("write to".to_owned())));
        let (code, text) = refused(&[denied, missing()]);
        assert_eq!(code, "NoSuchBucketException");
        assert_eq!(
            text,
            "Your account may not write to the bucket data\nThe bucket logs does not exist: \
             create it, or name another in your manifest"
        );
        let silent = || known("data", Err(Finding::Unanswered("x".to_owned())));
        assert_eq!(refused(&[silent(), missing()]).0, "NoSuchBucketException");
        let (code, text) = refused(&[known("a", Ok(None)), silent()]);
        assert_eq!(code, "ServiceUnavailable");
        assert!(!text.contains("data") && !text.contains('x'), "{text}");
    }

    #[test]
    fn buckets_of_a_job_are_in_one_region() {
        let at = |bucket, region| known(bucket, Ok(region));
        assert!(verdict(&[at("a", Some("r1")), at("b", None)]).is_ok());
        assert!(verdict(&[at("a", Some("r1")), at("b", Some("r1"))]).is_ok());
        let (code, text) = refused(&[at("a", Some("r1")), at("b", None), at("c", Some("r2"))]);
        assert_eq!(code, "MultipleRegionsException");
        assert!(text.ends_with(": a is in r1, c is in r2"), "{text}");
    }
}
