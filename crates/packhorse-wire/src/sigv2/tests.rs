//! The published example, and the liberties.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use packhorse_core::secret::Secret;

use super::canonical::{canonical_query, hosts};
use super::presented::Method;
use super::*;
use crate::authenticate::AuthError;
use crate::query::{Call, Origin, Parameters, encode_form};

const NOW: &str = "2011-10-03T15:19:30Z";

fn secret() -> Secret {
    Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
}

/// A request in the making; the signature is added last.
struct Draft {
    method: &'static str,
    host: &'static str,
    path: &'static str,
    query: Vec<(&'static str, &'static str)>,
    body: Vec<(&'static str, &'static str)>,
}

fn draft(time: (&'static str, &'static str), hmac: &'static str) -> Draft {
    let body = vec![
        ("AWSAccessKeyId", "AKIAIOSFODNN7EXAMPLE"),
        ("Action", "ListJobs"),
        ("SignatureVersion", "2"),
        ("SignatureMethod", hmac),
        time,
    ];
    Draft {
        method: "POST",
        host: "localhost:8080",
        path: "/",
        query: Vec::new(),
        body,
    }
}

impl Draft {
    /// Signs for a host, with or without the URL's parameters, and verifies at a time.
    fn check(&self, signed_host: &str, with_query: bool, now: &str) -> Result<(), AuthError> {
        let query = encode_form(self.query.iter().copied());
        let unsigned = encode_form(self.body.iter().copied());
        let parameters = Parameters::decode(&query, unsigned.as_bytes()).unwrap();
        let signed = canonical_query(
            parameters
                .iter()
                .filter(|p| with_query || p.origin == Origin::Body),
        );
        let hmac = match parameters.get("SignatureMethod") {
            Some("HmacSHA1") => Method::Sha1,
            _ => Method::Sha256,
        };
        let made = hmac.hmac(&secret(), [self.method, signed_host, self.path, &signed]);
        let signature = STANDARD.encode(made);
        let body = encode_form(
            self.body
                .iter()
                .copied()
                .chain([("Signature", &*signature)]),
        );
        let parameters = Parameters::decode(&query, body.as_bytes()).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static(self.host));
        let call = Call {
            method: self.method,
            path: self.path,
            query: &query,
            headers: &headers,
            body: body.as_bytes(),
        };
        let presented = Presented::find(&parameters)?.ok_or(AuthError::Absent)?;
        assert_eq!(presented.access_key_id(), "AKIAIOSFODNN7EXAMPLE");
        presented.verify(&call, &parameters, &secret(), now.parse().unwrap())
    }
}

#[test]
fn the_published_example() {
    let query = "AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Action=DescribeJobFlows\
                 &SignatureMethod=HmacSHA256&SignatureVersion=2\
                 &Timestamp=2011-10-03T15%3A19%3A30&Version=2009-03-31\
                 &Signature=i91nKc4PWAt0JJIdXwz9HxZCJDdiy6cf%2FMj6vPxyYIs%3D";
    let parameters = Parameters::decode(query, b"").unwrap();
    let signed = canonical_query(parameters.iter());
    let lines = ["GET", "elasticmapreduce.amazonaws.com", "/", &signed];
    let made = Method::Sha256.hmac(&secret(), lines);
    assert_eq!(
        Some(STANDARD.encode(made).as_str()),
        parameters.get("Signature")
    );
}

#[test]
fn both_methods_and_both_hosts_are_accepted() {
    for hmac in ["HmacSHA1", "HmacSHA256"] {
        let mut draft = draft(("Timestamp", NOW), hmac);
        assert_eq!(draft.check("localhost:8080", true, NOW), Ok(()));
        assert_eq!(draft.check("localhost", true, NOW), Ok(()));
        assert_eq!(
            draft.check("elsewhere", true, NOW),
            Err(AuthError::Mismatch)
        );
        draft.host = "LocalHost";
        assert_eq!(draft.check("localhost", true, NOW), Ok(()));
        assert_eq!(
            draft.check("localhost:80", true, NOW),
            Err(AuthError::Mismatch)
        );
    }
    assert_eq!(hosts("[::1]:8080"), ["[::1]:8080", "[::1]"]);
    assert_eq!(hosts("[::1]"), ["[::1]"]);
}

#[test]
fn timestamps_may_have_fractions_and_offsets() {
    for text in [
        "2011-10-03T15:19:30.556Z",
        "2011-10-03T15:34:30Z",
        "2011-10-03T15:04:30Z",
        "2011-10-03T17:19:30+02:00",
        "2011-10-03T17:19:30+0200",
        "2011-10-03T08:19:30-07:00",
    ] {
        let draft = draft(("Timestamp", text), "HmacSHA256");
        assert_eq!(draft.check("localhost", true, NOW), Ok(()), "{text}");
    }
    for text in [
        "2011-10-03T15:34:31Z",
        "2011-10-03T15:04:29Z",
        "2011-10-03T15:19:30+02:00",
    ] {
        let refused = draft(("Timestamp", text), "HmacSHA256").check("localhost", true, NOW);
        assert!(matches!(refused, Err(AuthError::Skewed { .. })), "{text}");
    }
    for text in [
        "",
        "now",
        "2011-10-03T15:19:30",
        "1317655170",
        "2011-10-03T15:19:30Z[Etc/UTC]",
    ] {
        let refused = draft(("Timestamp", text), "HmacSHA256").check("localhost", true, NOW);
        assert!(
            matches!(refused, Err(AuthError::Malformed { .. })),
            "{text}"
        );
    }
}

#[test]
fn expires_is_the_last_moment() {
    let draft = draft(("Expires", NOW), "HmacSHA256");
    assert_eq!(
        draft.check("localhost", true, "2011-10-01T00:00:00Z"),
        Ok(())
    );
    assert_eq!(draft.check("localhost", true, NOW), Ok(()));
    let late = draft.check("localhost", true, "2011-10-03T15:19:31Z");
    let expired_at: Timestamp = NOW.parse().unwrap();
    assert!(matches!(late, Err(AuthError::Expired { expired_at: at, .. }) if at == expired_at));
}

#[test]
fn only_an_operation_in_the_url_may_be_unsigned() {
    let with = |query: &[(&'static str, &'static str)], with_query| {
        let mut draft = draft(("Timestamp", NOW), "HmacSHA256");
        draft.query = query.to_vec();
        draft.check("localhost:8080", with_query, NOW)
    };
    assert_eq!(with(&[("Operation", "ListJobs")], true), Ok(()));
    assert_eq!(with(&[("Operation", "ListJobs")], false), Ok(()));
    assert_eq!(
        with(&[("Operation", "CancelJob")], false),
        Err(AuthError::Mismatch)
    );
    assert_eq!(with(&[("MaxJobs", "1")], true), Ok(()));
    assert_eq!(with(&[("MaxJobs", "1")], false), Err(AuthError::Mismatch));
    let both = [("Operation", "ListJobs"), ("MaxJobs", "1")];
    assert_eq!(with(&both, false), Err(AuthError::Mismatch));
}

#[test]
fn an_incomplete_signature_says_what_is_missing() {
    let check = |query: &str, expected: Result<(), AuthError>| {
        let parameters = Parameters::decode(query, b"").unwrap();
        let found = Presented::find(&parameters);
        assert_eq!(
            found.map(|presented| assert!(presented.is_none())),
            expected,
            "{query}"
        );
    };
    check("Action=ListJobs", Ok(()));
    check(
        "AWSAccessKeyId=A",
        Err(AuthError::Missing("SignatureVersion")),
    );
    let version = "SignatureVersion=2";
    check(version, Err(AuthError::Missing("SignatureMethod")));
    let method = format!("{version}&SignatureMethod=HmacSHA1");
    check(&method, Err(AuthError::Missing("AWSAccessKeyId")));
    let key = format!("{method}&AWSAccessKeyId=A");
    check(&key, Err(AuthError::Missing("Timestamp")));
    let time = format!("{key}&Timestamp=2011-10-03T15:19:30Z");
    check(&time, Err(AuthError::Missing("Signature")));
    let what = "Signature";
    let why = "must be base64";
    check(
        &format!("{time}&Signature=!"),
        Err(AuthError::Malformed { what, why }),
    );
    check(
        "SignatureVersion=1",
        Err(AuthError::Unsupported("a SignatureVersion other than 2")),
    );
    let md5 = Presented::find(
        &Parameters::decode("SignatureVersion=2&SignatureMethod=HmacMD5", b"").unwrap(),
    );
    assert!(matches!(md5, Err(AuthError::Unsupported(_))));
    let what = "the request";
    let why = "must have either Timestamp or Expires, not both";
    check(
        &format!("{time}&Expires=x"),
        Err(AuthError::Malformed { what, why }),
    );
}
