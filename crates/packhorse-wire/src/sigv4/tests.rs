//! The rules about time, scope, signed headers and normal forms.

mod published;
mod spellings;

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use packhorse_core::secret::Secret;
use proptest::prelude::*;

use super::canonical::Spelling;
use super::*;
use crate::authenticate::AuthError;

const S3_HOST: &str = "examplebucket.s3.amazonaws.com";
const KEY_ID: &str = "AKIAIOSFODNN7EXAMPLE";

fn secret() -> Secret {
    Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
}

fn date() -> AmzDate {
    AmzDate::parse("20130524T000000Z").unwrap()
}

fn s3_key() -> SigningKey {
    SigningKey::derive(&secret(), Scope::new(&date(), "us-east-1", "s3"))
}

fn s3_signer(key: &SigningKey) -> SignAs<'_> {
    SignAs {
        access_key_id: KEY_ID,
        key,
        dialect: Dialect::S3,
    }
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&str, &str)| {
        (
            name.parse::<HeaderName>().unwrap(),
            HeaderValue::from_str(value).unwrap(),
        )
    };
    let mut headers = HeaderMap::new();
    for (name, value) in pairs.iter().map(pair) {
        headers.append(name, value);
    }
    headers
}

#[test]
fn paths_are_encoded_again_outside_s3_only() {
    let headers = HeaderMap::new();
    let request = |path| Request {
        method: "GET",
        path,
        query: "",
        headers: &headers,
    };
    let path = "/%3FOperation%3DListJobs";
    assert_eq!(
        request(path).usual(Dialect::Query).path,
        "/%253FOperation%253DListJobs"
    );
    assert_eq!(request(path).usual(Dialect::S3).path, path);
    assert_eq!(request("").usual(Dialect::S3).path, "/");
    assert_eq!(
        request("/a//../b%7e+").usual(Dialect::S3).path,
        "/a//../b~%2B"
    );
}

#[test]
fn a_query_is_signed_in_normal_form() {
    let signed = |query| {
        let mut headers = headers(&[("host", S3_HOST)]);
        let key = s3_key();
        let payload = Payload::Unsigned;
        sign_headers(
            s3_signer(&key),
            "GET",
            ("/", query),
            &mut headers,
            payload,
            &date(),
        )
    };
    let plain = signed("a=1&b=x%20y");
    assert!(plain.matches(&signed("b=x+y&&%61=1")));
    assert!(!plain.matches(&signed("b=x%2By&a=1")));
}

#[test]
fn an_s3_path_may_be_signed_as_it_was_sent() {
    let now = date().timestamp();
    let path = "/a%7eb/(c)";
    let mut headers = headers(&[("host", S3_HOST), ("x-amz-date", "20130524T000000Z")]);
    headers.insert(
        "x-amz-content-sha256",
        HeaderValue::from_static("UNSIGNED-PAYLOAD"),
    );
    let names = ["host", "x-amz-content-sha256", "x-amz-date"];
    let sign = |canonical_path: &str| {
        let mut headers = headers.clone();
        let request = Request {
            method: "GET",
            path,
            query: "",
            headers: &headers,
        };
        let spelling = Spelling {
            path: canonical_path.to_owned(),
            host: None,
        };
        let digest = request.digest(&spelling, &names, Payload::Unsigned);
        let digest = digest.unwrap();
        let signature = sign::sign_digest(&s3_key(), &date(), &digest).to_hex();
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={KEY_ID}/20130524/us-east-1/s3/aws4_request,\
             SignedHeaders={},Signature={signature}",
            names.join(";")
        );
        headers.insert(
            "authorization",
            HeaderValue::from_str(&authorization).unwrap(),
        );
        let request = Request {
            method: "GET",
            path,
            query: "",
            headers: &headers,
        };
        let presented = Presented::find(&request).unwrap().unwrap();
        let payload = Payload::Unsigned;
        presented
            .verify(&request, Dialect::S3, payload, &secret(), now)
            .map(|_| ())
    };
    assert_eq!(sign("/a~b/%28c%29"), Ok(()));
    assert_eq!(sign("/a%7eb/(c)"), Ok(()));
    assert_eq!(sign("/a~b/(c)"), Err(AuthError::Mismatch));
}

/// Verifies a signed S3 request after `spoil` changed its headers.
fn spoilt(spoil: impl FnOnce(&mut HeaderMap), now: Timestamp) -> Result<(), AuthError> {
    let mut headers = headers(&[("host", S3_HOST)]);
    let key = s3_key();
    let target = ("/test.txt", "");
    sign_headers(
        s3_signer(&key),
        "GET",
        target,
        &mut headers,
        Payload::of(b""),
        &date(),
    );
    spoil(&mut headers);
    let request = Request {
        method: "GET",
        path: target.0,
        query: target.1,
        headers: &headers,
    };
    let presented = Presented::find(&request)?.ok_or(AuthError::Absent)?;
    presented
        .verify(&request, Dialect::S3, Payload::of(b""), &secret(), now)
        .map(|_| ())
}

#[test]
fn a_clock_may_be_off_by_a_quarter_of_an_hour() {
    let at = |seconds: i64| {
        spoilt(
            |_| (),
            Timestamp::from_second(date().timestamp().as_second() + seconds).unwrap(),
        )
    };
    assert_eq!(at(900), Ok(()));
    assert_eq!(at(-900), Ok(()));
    assert!(matches!(at(901), Err(AuthError::Skewed { .. })));
    assert!(matches!(at(-901), Err(AuthError::Skewed { .. })));
}

#[test]
fn headers_are_read_strictly() {
    let now = date().timestamp();
    let with = |name: &'static str, value: &str| {
        let value = HeaderValue::from_str(value).unwrap();
        spoilt(|headers| drop(headers.insert(name, value)), now)
    };
    assert_eq!(
        with("x-amz-acl", "public-read"),
        Err(AuthError::UnsignedHeader("x-amz-acl".into()))
    );
    assert_eq!(with("user-agent", "any"), Ok(()));
    assert_eq!(with("host", "elsewhere"), Err(AuthError::Mismatch));
    assert!(matches!(
        with("x-amz-date", "yesterday"),
        Err(AuthError::Malformed { .. })
    ));
    assert!(matches!(
        with("x-amz-date", "20130523T235959Z"),
        Err(AuthError::Malformed { .. })
    ));
    assert_eq!(with("authorization", "Bearer x"), Err(AuthError::Absent));
    let sig = "0".repeat(64);
    let auth = |credential: &str, signed: &str, sig: &str| {
        with(
            "authorization",
            &format!(
                "AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={signed}, Signature={sig}"
            ),
        )
    };
    let credential = "AKID/20130524/us-east-1/s3/aws4_request";
    let signed = "host;x-amz-content-sha256;x-amz-date";
    assert_eq!(auth(credential, signed, &sig), Err(AuthError::Mismatch));
    assert_eq!(
        auth(
            "AKID/20130524/us-east-1/importexport/aws4_request",
            signed,
            &sig
        ),
        Err(AuthError::WrongService { expected: "s3" })
    );
    for (credential, signed, sig) in [
        ("AKID", signed, sig.as_str()),
        ("/20130524/us-east-1/s3/aws4_request", signed, &sig),
        ("AKID/20130523/us-east-1/s3/aws4_request", signed, &sig),
        (credential, "x-amz-date;host", &sig),
        (credential, "Host;x-amz-date", &sig),
        (credential, "host;host", &sig),
        (credential, "", &sig),
        (credential, signed, "0"),
        (credential, signed, &"F".repeat(64)),
    ] {
        let refused = auth(credential, signed, sig);
        assert!(
            matches!(refused, Err(AuthError::Malformed { .. })),
            "{credential} {signed} {sig}"
        );
    }
    assert_eq!(
        auth(credential, "x-amz-content-sha256;x-amz-date", &sig),
        Err(AuthError::UnsignedHeader("host".into()))
    );
    assert_eq!(
        auth(
            credential,
            "content-type;host;x-amz-content-sha256;x-amz-date",
            &sig
        ),
        Err(AuthError::SignedHeaderAbsent("content-type".into()))
    );
    let v4a = with("authorization", "AWS4-ECDSA-P256-SHA256 Credential=x");
    assert!(matches!(v4a, Err(AuthError::Unsupported(_))));
    let absent = with("authorization", "AWS4-HMAC-SHA256 Credential=x");
    assert_eq!(absent, Err(AuthError::Missing("SignedHeaders")));
    let twice = with(
        "authorization",
        "AWS4-HMAC-SHA256 Credential=x, Credential=x",
    );
    assert!(matches!(twice, Err(AuthError::Malformed { .. })));
}

#[test]
fn nothing_secret_is_in_debug() {
    let mut headers = headers(&[("host", S3_HOST), ("x-amz-security-token", "sesame")]);
    let key = s3_key();
    let made = sign_headers(
        s3_signer(&key),
        "GET",
        ("/", ""),
        &mut headers,
        Payload::Unsigned,
        &date(),
    );
    let request = Request {
        method: "GET",
        path: "/",
        query: "",
        headers: &headers,
    };
    let presented = Presented::find(&request).unwrap().unwrap();
    assert_eq!(presented.security_token(), Some("sesame"));
    let text = format!("{key:?} {made:?} {presented:?}");
    for hidden in ["sesame", "wJalr", &made.to_hex()] {
        assert!(!text.contains(hidden), "{text}");
    }
}

/// Reads the signature of a request whose header and query are anything.
fn find(authorization: &[u8], query: &str) -> Result<Option<Presented>, AuthError> {
    let mut headers = headers(&[("x-amz-date", "20130524T000000Z")]);
    if let Ok(value) = HeaderValue::from_bytes(authorization) {
        headers.insert("authorization", value);
    }
    Presented::find(&Request {
        method: "GET",
        path: "/",
        query,
        headers: &headers,
    })
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(authorization: Vec<u8>, query: String) {
        let _ = find(&authorization, &query);
    }

    #[test]
    fn nothing_like_a_signature_makes_the_reader_panic(
        words in proptest::collection::vec(
            prop_oneof![
                Just("AWS4-HMAC-SHA256 ".to_owned()), Just("Credential=".to_owned()),
                Just("SignedHeaders=".to_owned()), Just("Signature=".to_owned()),
                Just("AKID/20130524/us-east-1/s3/aws4_request".to_owned()),
                Just("X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-".to_owned()),
                Just("host;x-amz-date".to_owned()), "[,;=/& %a-z0-9é]{0,6}",
            ],
            0..12,
        )
    ) {
        let text = words.concat();
        let _ = find(text.as_bytes(), &text);
        let _ = find(format!("AWS4-HMAC-SHA256 {text}").as_bytes(), "");
    }
}
