//! The published examples: "Signature Calculations for the Authorization Header" and its sister
//! pages of the S3 API reference, and the public test suite of Signature Version 4.

use http::HeaderValue;
use jiff::Timestamp;
use packhorse_core::secret::Secret;
use sha2::{Digest, Sha256};

use super::{KEY_ID, S3_HOST, date, headers, s3_key, s3_signer, secret};
use crate::authenticate::AuthError;
use crate::sigv4::{
    AmzDate, ChunkChain, Dialect, Payload, Presented, Request, Scope, SignAs, Signature,
    SigningKey, presign, sign_headers,
};

/// Signs an S3 request, checks the signature against the published one, and verifies it.
fn check_s3(
    method: &str,
    target: (&str, &str),
    extra: &[(&str, &str)],
    payload: Payload,
    sig: &str,
) {
    let mut headers = headers(extra);
    headers.insert("host", HeaderValue::from_static(S3_HOST));
    let key = s3_key();
    let made = sign_headers(
        s3_signer(&key),
        method,
        target,
        &mut headers,
        payload,
        &date(),
    );
    assert_eq!(made.to_hex(), sig);
    let request = Request {
        method,
        path: target.0,
        query: target.1,
        headers: &headers,
    };
    let presented = Presented::find(&request).unwrap().unwrap();
    assert_eq!(presented.access_key_id(), KEY_ID);
    let claimed = Payload::claimed(&headers, presented.is_presigned()).unwrap();
    assert_eq!(claimed, payload);
    let now = date().timestamp();
    presented
        .verify(&request, Dialect::S3, claimed, &secret(), now)
        .unwrap();
    let wrong = Secret::new("wrong");
    let refused = presented.verify(&request, Dialect::S3, claimed, &wrong, now);
    assert_eq!(refused.unwrap_err(), AuthError::Mismatch);
}

#[test]
fn s3_example_get_object_with_a_range() {
    check_s3(
        "GET",
        ("/test.txt", ""),
        &[("range", "bytes=0-9")],
        Payload::of(b""),
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    );
}

#[test]
fn s3_example_put_object() {
    check_s3(
        "PUT",
        ("/test%24file.text", ""),
        &[
            ("date", "Fri, 24 May 2013 00:00:00 GMT"),
            ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ],
        Payload::of(b"Welcome to Amazon S3."),
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    );
}

#[test]
fn s3_examples_with_queries() {
    check_s3(
        "GET",
        ("/", "lifecycle"),
        &[],
        Payload::of(b""),
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
    );
    check_s3(
        "GET",
        ("/", "max-keys=2&prefix=J"),
        &[],
        Payload::of(b""),
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
    );
}

#[test]
fn s3_example_presigned_url() {
    let key = s3_key();
    let query = presign(
        s3_signer(&key),
        "GET",
        S3_HOST,
        ("/test.txt", ""),
        &date(),
        86_400,
    );
    let signature = "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
    assert_eq!(
        query,
        format!(
            "X-Amz-Algorithm=AWS4-HMAC-SHA256\
             &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
             &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
             &X-Amz-Signature={signature}"
        )
    );
    let headers = headers(&[("host", S3_HOST)]);
    let request = Request {
        method: "GET",
        path: "/test.txt",
        query: &query,
        headers: &headers,
    };
    let presented = Presented::find(&request).unwrap().unwrap();
    assert!(presented.is_presigned());
    let at = |now: &str| {
        let now: Timestamp = now.parse().unwrap();
        presented
            .verify(&request, Dialect::S3, Payload::Unsigned, &secret(), now)
            .map(|_| ())
    };
    assert_eq!(at("2013-05-24T00:00:00Z"), Ok(()));
    assert_eq!(at("2013-05-23T23:45:00Z"), Ok(()));
    assert_eq!(at("2013-05-25T00:00:00Z"), Ok(()));
    assert!(matches!(
        at("2013-05-25T00:00:01Z"),
        Err(AuthError::Expired { .. })
    ));
    assert!(matches!(
        at("2013-05-23T23:44:59Z"),
        Err(AuthError::Skewed { .. })
    ));
}

#[test]
fn s3_example_chunked_upload() {
    let mut headers = headers(&[
        ("host", "s3.amazonaws.com"),
        ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ("content-encoding", "aws-chunked"),
        ("x-amz-decoded-content-length", "66560"),
    ]);
    // The published example signs Content-Length, which this client never does.
    headers.insert("content-length", HeaderValue::from_static("66824"));
    let names = [
        "content-encoding",
        "content-length",
        "host",
        "x-amz-content-sha256",
        "x-amz-date",
        "x-amz-decoded-content-length",
        "x-amz-storage-class",
    ];
    headers.insert("x-amz-date", HeaderValue::from_static("20130524T000000Z"));
    headers.insert(
        "x-amz-content-sha256",
        HeaderValue::from_static("STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
    );
    let seed = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9";
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={KEY_ID}/20130524/us-east-1/s3/aws4_request,\
         SignedHeaders={},Signature={seed}",
        names.join(";")
    );
    headers.insert(
        "authorization",
        HeaderValue::from_str(&authorization).unwrap(),
    );
    let path = "/examplebucket/chunkObject.txt";
    let request = Request {
        method: "PUT",
        path,
        query: "",
        headers: &headers,
    };
    let presented = Presented::find(&request).unwrap().unwrap();
    let payload = Payload::claimed(&headers, false).unwrap();
    assert_eq!(payload, Payload::SignedChunks);
    let verified = presented
        .verify(
            &request,
            Dialect::S3,
            payload,
            &secret(),
            date().timestamp(),
        )
        .unwrap();
    let mut chain = verified.into_chunk_chain();
    let mut check = |length: usize, signature: &str| {
        let digest = Sha256::digest(vec![b'a'; length]).into();
        chain
            .verify_chunk(&digest, &Signature::parse(signature).unwrap())
            .unwrap();
    };
    check(
        65_536,
        "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
    );
    check(
        1_024,
        "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
    );
    check(
        0,
        "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
    );
    let digest = Sha256::digest(b"more").into();
    let wrong = Signature::parse(seed).unwrap();
    assert_eq!(
        chain.verify_chunk(&digest, &wrong),
        Err(AuthError::Mismatch)
    );
}

#[test]
fn s3_example_chunked_upload_with_a_trailer() {
    let seed = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e";
    let mut chain = ChunkChain::new(s3_key(), date(), Signature::parse(seed).unwrap());
    let mut check = |length: usize, signature: &str| {
        let digest = Sha256::digest(vec![b'a'; length]).into();
        assert_eq!(chain.sign_chunk(&digest).to_hex(), signature);
    };
    check(
        65_536,
        "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
    );
    check(
        1_024,
        "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
    );
    check(
        0,
        "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
    );
    let trailer = Sha256::digest(b"x-amz-checksum-crc32c:sOO8/Q==\n").into();
    assert_eq!(
        chain.sign_trailer(&trailer).to_hex(),
        "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435"
    );
}

#[test]
fn the_public_suite() {
    let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    let date = AmzDate::parse("20150830T123600Z").unwrap();
    let check = |method, path, query, extra: &[(&str, &str)], expected: &str| {
        let mut headers = headers(extra);
        headers.insert("host", HeaderValue::from_static("example.amazonaws.com"));
        let scope = Scope::new(&date, "us-east-1", "service");
        let key = SigningKey::derive(&Secret::new(secret), scope);
        let signer = SignAs {
            access_key_id: "AKIDEXAMPLE",
            key: &key,
            dialect: Dialect::Query,
        };
        let made = sign_headers(
            signer,
            method,
            (path, query),
            &mut headers,
            Payload::of(b""),
            &date,
        );
        assert_eq!(made.to_hex(), expected, "{method} {path}?{query}");
    };
    // get-vanilla
    check(
        "GET",
        "/",
        "",
        &[],
        "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    );
    // get-vanilla-query-order-key-case
    check(
        "GET",
        "/",
        "Param2=value2&Param1=value1",
        &[],
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
    );
    // get-unreserved
    check(
        "GET",
        "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
        "",
        &[],
        "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
    );
    // get-header-value-trim
    check(
        "GET",
        "/",
        "",
        &[("my-header1", "value1"), ("my-header2", "\"a   b   c\"")],
        "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
    );
    // post-vanilla
    check(
        "POST",
        "/",
        "",
        &[],
        "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
    );
}
