//! The choice between the schemes, and the order of refusals.

use http::{HeaderMap, HeaderValue};

use super::*;
use crate::actions::{Action, ListJobs};
use crate::sigv4::{AmzDate, Scope, SignAs, SigningKey, sign_headers};

const NOW: &str = "2026-11-22T04:31:52Z";

fn secret() -> Secret {
    Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
}

/// Signs a POST with version 4.
fn sign(headers: &mut HeaderMap, payload: Payload) {
    let date = AmzDate::new(NOW.parse().unwrap());
    headers.insert("host", HeaderValue::from_static("localhost:8080"));
    let key = SigningKey::derive(&secret(), Scope::new(&date, "us-east-1", "importexport"));
    let signer = SignAs {
        access_key_id: "AKID",
        key: &key,
        dialect: Dialect::Query,
    };
    sign_headers(signer, "POST", ("/", ""), headers, payload, &date);
}

fn outcome(
    headers: &HeaderMap,
    query: &str,
    body: &str,
    secret: Option<&Secret>,
    now: &str,
) -> Result<(), AuthError> {
    let call = Call {
        method: "POST",
        path: "/",
        query,
        headers,
        body: body.as_bytes(),
    };
    let parameters = call.parameters().unwrap();
    let claim = Claim::find(&call, &parameters)?;
    claim.verify(&call, &parameters, secret, now.parse().unwrap())
}

#[test]
fn a_signed_request_belongs_to_its_key() {
    let body = ListJobs::default().form();
    let mut headers = HeaderMap::new();
    sign(&mut headers, Payload::of(body.as_bytes()));
    let key = secret();
    assert_eq!(outcome(&headers, "", &body, Some(&key), NOW), Ok(()));
    let wrong = Secret::new("wrong");
    assert_eq!(
        outcome(&headers, "", &body, Some(&wrong), NOW),
        Err(AuthError::Mismatch)
    );
    assert_eq!(
        outcome(&headers, "", &body, None, NOW),
        Err(AuthError::UnknownKey)
    );
    let other = format!("{body}&Marker=A");
    assert_eq!(
        outcome(&headers, "", &other, Some(&key), NOW),
        Err(AuthError::Mismatch)
    );
    let late = "2026-11-22T05:31:52Z";
    for secret in [Some(&key), None] {
        let refused = outcome(&headers, "", &body, secret, late);
        assert!(matches!(refused, Err(AuthError::Skewed { .. })));
    }
}

#[test]
fn nobodys_secret_opens_nothing() {
    let body = ListJobs::default().form();
    let date = AmzDate::new(NOW.parse().unwrap());
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_static("localhost:8080"));
    let scope = Scope::new(&date, "us-east-1", "importexport");
    let key = SigningKey::derive(&Secret::new(NOBODYS_SECRET), scope);
    let signer = SignAs {
        access_key_id: "AKID",
        key: &key,
        dialect: Dialect::Query,
    };
    let payload = Payload::of(body.as_bytes());
    sign_headers(signer, "POST", ("/", ""), &mut headers, payload, &date);
    assert_eq!(
        outcome(&headers, "", &body, None, NOW),
        Err(AuthError::UnknownKey)
    );
}

#[test]
fn the_body_cannot_be_left_unsigned() {
    let body = ListJobs::default().form();
    let mut headers = HeaderMap::new();
    headers.insert(
        "x-amz-content-sha256",
        HeaderValue::from_static("UNSIGNED-PAYLOAD"),
    );
    sign(&mut headers, Payload::Unsigned);
    let key = secret();
    assert_eq!(
        outcome(&headers, "", &body, Some(&key), NOW),
        Err(AuthError::Mismatch)
    );
    let empty = Payload::of(b"").to_text();
    headers.insert(
        "x-amz-content-sha256",
        HeaderValue::from_str(&empty).unwrap(),
    );
    assert_eq!(
        outcome(&headers, "", &body, Some(&key), NOW),
        Err(AuthError::PayloadMismatch)
    );
}

#[test]
fn a_request_has_exactly_one_signature() {
    let body = ListJobs::default().form();
    let mut headers = HeaderMap::new();
    let key = secret();
    assert_eq!(
        outcome(&headers, "", &body, Some(&key), NOW),
        Err(AuthError::Absent)
    );
    headers.insert("authorization", HeaderValue::from_static("Basic YTpi"));
    assert_eq!(
        outcome(&headers, "", &body, Some(&key), NOW),
        Err(AuthError::Absent)
    );
    headers.clear();
    sign(&mut headers, Payload::of(body.as_bytes()));
    let v2 = "AWSAccessKeyId=A&SignatureVersion=2&SignatureMethod=HmacSHA1\
              &Timestamp=2026-11-22T04:31:52Z&Signature=AAAA";
    let v4 = "X-Amz-Algorithm=AWS4-HMAC-SHA256";
    for query in [v2, v4] {
        let refused = outcome(&headers, query, &body, Some(&key), NOW);
        assert!(
            matches!(refused, Err(AuthError::Malformed { .. })),
            "{query}"
        );
    }
}

#[test]
fn refusing_an_unknown_key_takes_as_many_hmacs_as_refusing_a_wrong_signature() {
    let body = ListJobs::default().form();
    let mut v4 = HeaderMap::new();
    sign(&mut v4, Payload::of(body.as_bytes()));
    let mut v2 = HeaderMap::new();
    v2.insert("host", HeaderValue::from_static("localhost:8080"));
    let query = format!(
        "AWSAccessKeyId=AKID&SignatureVersion=2&SignatureMethod=HmacSHA256&Timestamp={NOW}\
         &Operation=ListJobs&Signature=AAAA"
    );
    for (headers, query, hmacs) in [(&v4, "", 7), (&v2, query.as_str(), 2)] {
        let wrong = Secret::new("wrong");
        let cost = |secret| {
            work::take();
            outcome(headers, query, &body, secret, NOW)
                .map(drop)
                .map_err(|error| (error, work::take()))
        };
        assert_eq!(cost(Some(&wrong)), Err((AuthError::Mismatch, hmacs)));
        assert_eq!(cost(None), Err((AuthError::UnknownKey, hmacs)));
    }
}
