//! Requests that the client does not make: other codings, presigned URLs, anonymous, malformed.

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use packhorse_core::secret::Secret;
use packhorse_wire::sigv4::{
    AmzDate, ChunkChain, Dialect, Payload, Scope, SignAs, Signature, SigningKey, presign,
    sign_headers,
};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpStream;

use crate::support::{REGION, Room, secret_of};

pub(crate) fn get(uri: &str) -> Request<Full<Bytes>> {
    request("GET", uri, b"")
}

fn request(method: &str, uri: &str, body: &[u8]) -> Request<Full<Bytes>> {
    Request::builder()
        .method(method)
        .uri(uri)
        .header("host", "store")
        .body(Full::from(body.to_vec()))
        .unwrap()
}

/// Sends a request as it is.
pub(crate) async fn exchange(endpoint: &str, request: Request<Full<Bytes>>) -> Response<Bytes> {
    let address = endpoint.strip_prefix("http://").unwrap();
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let answer = sender.send_request(request).await.unwrap();
    let (parts, body) = answer.into_parts();
    Response::from_parts(parts, body.collect().await.unwrap().to_bytes())
}

#[allow(
    clippy::disallowed_methods,
    reason = "the store compares signatures with its own clock"
)]
fn now() -> AmzDate {
    AmzDate::new(Timestamp::now())
}

fn key(date: &AmzDate) -> SigningKey {
    let scope = Scope::new(date, REGION, "s3");
    SigningKey::derive(&Secret::new(secret_of("ANN")), scope)
}

/// Signs for `ann`.
fn sign(request: &mut Request<Full<Bytes>>, payload: Payload, date: &AmzDate) -> Signature {
    let key = key(date);
    let signer = SignAs {
        access_key_id: "ANN",
        key: &key,
        dialect: Dialect::S3,
    };
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let sent = (uri.path(), uri.query().unwrap_or_default());
    sign_headers(
        signer,
        method.as_str(),
        sent,
        request.headers_mut(),
        payload,
        date,
    )
}

async fn signed(
    room: &Room,
    method: &str,
    uri: &str,
    headers: &[(&'static str, &str)],
    body: &[u8],
) -> Response<Bytes> {
    let mut request = request(method, uri, body);
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    sign(&mut request, Payload::of(body), &now());
    exchange(&room.endpoint, request).await
}

fn code(answer: &Response<Bytes>) -> String {
    let text = String::from_utf8_lossy(answer.body());
    let code = text
        .split_once("<Code>")
        .and_then(|(_, rest)| rest.split_once("</Code>"));
    code.map_or_else(String::new, |(code, _)| code.to_owned())
}

async fn room_with_bucket() -> Room {
    let room = Room::start().await;
    room.client("ANN").create_bucket("bucket").await.unwrap();
    room
}

async fn body_of(room: &Room, key: &str) -> Bytes {
    let object = room
        .client("ANN")
        .get_object("bucket", key, None)
        .await
        .unwrap();
    object.body.collect(1 << 20).await.unwrap()
}

/// A body in signed chunks, made with the seed that the request's signature is.
fn signed_chunks(chunks: &[&[u8]], date: &AmzDate, seed: Signature) -> Vec<u8> {
    let mut chain = ChunkChain::new(key(date), date.clone(), seed);
    let mut body = Vec::new();
    for chunk in chunks.iter().chain([&b"".as_slice()]) {
        let signature = chain.sign_chunk(&Sha256::digest(chunk).into()).to_hex();
        body.extend(format!("{:x};chunk-signature={signature}\r\n", chunk.len()).bytes());
        body.extend_from_slice(chunk);
        body.extend_from_slice(b"\r\n");
    }
    body
}

async fn put_in_chunks(room: &Room, change: impl FnOnce(&mut Vec<u8>)) -> Response<Bytes> {
    let date = now();
    let mut request = request("PUT", "/bucket/chunked", b"");
    let headers = request.headers_mut();
    headers.insert("content-encoding", "aws-chunked,gzip".parse().unwrap());
    headers.insert("x-amz-decoded-content-length", "11".parse().unwrap());
    let seed = sign(&mut request, Payload::SignedChunks, &date);
    let mut body = signed_chunks(&[b"hello ", b"world"], &date, seed);
    change(&mut body);
    *request.body_mut() = Full::from(body);
    exchange(&room.endpoint, request).await
}

#[tokio::test]
async fn a_body_in_signed_chunks_is_decoded_and_each_chunk_verified() {
    let room = room_with_bucket().await;
    let changed = put_in_chunks(&room, |body| {
        let at = body.windows(5).position(|text| text == b"world").unwrap();
        body[at] = b'W';
    })
    .await;
    assert_eq!(code(&changed), "SignatureDoesNotMatch");
    let cut = put_in_chunks(&room, |body| body.truncate(body.len() - 90)).await;
    assert_eq!(code(&cut), "IncompleteBody");
    let head = room.client("ANN").head_object("bucket", "chunked").await;
    assert_eq!(head.unwrap_err().status(), Some(404));
    let whole = put_in_chunks(&room, |_| {}).await;
    assert_eq!(whole.status(), StatusCode::OK);
    assert_eq!(body_of(&room, "chunked").await, "hello world");
    let info = room
        .client("ANN")
        .head_object("bucket", "chunked")
        .await
        .unwrap();
    assert_eq!(info.meta.content_encoding.as_deref(), Some("gzip"));
    room.stop().await;
}

async fn put_with_trailer(room: &Room, length: &str, body: &[u8]) -> Response<Bytes> {
    let mut request = request("PUT", "/bucket/trailed", body);
    for (name, value) in [
        ("content-encoding", "aws-chunked"),
        ("x-amz-decoded-content-length", length),
        ("x-amz-trailer", "x-amz-checksum-crc32c"),
    ] {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    sign(&mut request, Payload::UnsignedChunksTrailer, &now());
    exchange(&room.endpoint, request).await
}

#[tokio::test]
async fn a_checksum_in_the_trailer_is_checked_and_kept() {
    let room = room_with_bucket().await;
    let body = |sum: &str| format!("9\r\n123456789\r\n0\r\nx-amz-checksum-crc32c:{sum}\r\n\r\n");
    for (length, text, expected) in [
        ("9", body("AAAAAA=="), "BadDigest"),
        (
            "9",
            "9\r\n123456789\r\n0\r\n\r\n".to_owned(),
            "InvalidDigest",
        ),
        ("8", body("4waSgw=="), "IncompleteBody"),
        ("10", body("4waSgw=="), "IncompleteBody"),
        ("9", "zz\r\n".to_owned(), "IncompleteBody"),
    ] {
        let answer = put_with_trailer(&room, length, text.as_bytes()).await;
        assert_eq!(code(&answer), expected, "{text:?}");
    }
    let answer = put_with_trailer(&room, "9", body("4waSgw==").as_bytes()).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let mode = [("x-amz-checksum-mode", "ENABLED")];
    let answer = signed(&room, "GET", "/bucket/trailed", &mode, b"").await;
    assert_eq!(answer.headers()["x-amz-checksum-crc32c"], "4waSgw==");
    assert_eq!(answer.headers()["x-amz-checksum-type"], "FULL_OBJECT");
    assert_eq!(answer.body(), "123456789");
    room.stop().await;
}

#[tokio::test]
async fn a_presigned_url_works_until_it_is_changed_or_over() {
    let room = room_with_bucket().await;
    signed(&room, "PUT", "/bucket/k", &[], b"body").await;
    let presigned = |date: &AmzDate, seconds| {
        let key = key(date);
        let signer = SignAs {
            access_key_id: "ANN",
            key: &key,
            dialect: Dialect::S3,
        };
        let sent = ("/bucket/k", "response-content-type=text%2Fx");
        let query = presign(signer, "GET", "store", sent, date, seconds);
        format!("/bucket/k?{query}")
    };
    let uri = presigned(&now(), 60);
    let answer = exchange(&room.endpoint, get(&uri)).await;
    assert_eq!(answer.body(), "body");
    assert_eq!(answer.headers()["content-type"], "text/x");
    let changed = uri.replace("text%2Fx", "text%2Fy");
    let answer = exchange(&room.endpoint, get(&changed)).await;
    assert_eq!(code(&answer), "SignatureDoesNotMatch");
    let answer = exchange(&room.endpoint, request("PUT", &uri, b"x")).await;
    assert_eq!(code(&answer), "SignatureDoesNotMatch");
    let hour = jiff::SignedDuration::from_hours(1);
    let before = AmzDate::new(now().timestamp().checked_sub(hour).unwrap());
    let answer = exchange(&room.endpoint, get(&presigned(&before, 60))).await;
    assert_eq!(code(&answer), "AccessDenied");
    room.stop().await;
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_named() {
    let room = room_with_bucket().await;
    let hour = jiff::SignedDuration::from_hours(1);
    let date = AmzDate::new(now().timestamp().checked_sub(hour).unwrap());
    let mut request = get("/bucket");
    sign(&mut request, Payload::of(b""), &date);
    let answer = exchange(&room.endpoint, request).await;
    assert_eq!(code(&answer), "RequestTimeTooSkewed");
    room.stop().await;
}

#[tokio::test]
async fn refusals_are_documents_with_ids() {
    let room = room_with_bucket().await;
    for (method, uri, body, expected) in [
        ("GET", "/bucket?versioning", "", (501, "NotImplemented")),
        ("GET", "/bucket?some-new-thing", "", (501, "NotImplemented")),
        ("PUT", "/bucket/k?tagging", "", (501, "NotImplemented")),
        ("POST", "/bucket", "", (501, "NotImplemented")),
        ("PATCH", "/bucket/k", "", (405, "MethodNotAllowed")),
        ("DELETE", "/", "", (405, "MethodNotAllowed")),
        (
            "GET",
            "/bucket?list-type=2&max-keys=x",
            "",
            (400, "InvalidArgument"),
        ),
        (
            "GET",
            "/bucket?list-type=2&continuation-token=!",
            "",
            (400, "InvalidArgument"),
        ),
        (
            "PUT",
            "/bucket/k?partNumber=0&uploadId=x",
            "",
            (400, "InvalidArgument"),
        ),
        (
            "PUT",
            "/bucket/k?partNumber=1&uploadId=x",
            "",
            (404, "NoSuchUpload"),
        ),
        ("POST", "/bucket/k?uploadId=x", "<a>", (400, "MalformedXML")),
        (
            "POST",
            "/bucket?delete",
            "<Delete></Delete>",
            (400, "MalformedXML"),
        ),
        ("PUT", "/UPPER..CASE/", "<x/>", (400, "MalformedXML")),
    ] {
        let answer = signed(&room, method, uri, &[], body.as_bytes()).await;
        let status = answer.status().as_u16();
        assert_eq!((status, code(&answer).as_str()), expected, "{method} {uri}");
        let text = String::from_utf8_lossy(answer.body()).into_owned();
        let id = answer.headers()["x-amz-request-id"].to_str().unwrap();
        assert!(text.contains(&format!("<RequestId>{id}</RequestId>")));
        assert!(text.contains("<HostId>"));
    }
    let answer = exchange(&room.endpoint, get("/bucket")).await;
    assert_eq!(code(&answer), "AccessDenied");
    let mut old = get("/bucket");
    let version_2 = "AWS ANN:c2lnbmF0dXJl".parse().unwrap();
    old.headers_mut().insert("authorization", version_2);
    let answer = exchange(&room.endpoint, old).await;
    assert_eq!(code(&answer), "InvalidRequest");
    room.stop().await;
}

#[tokio::test]
async fn conditions_and_overrides_of_a_read_are_honoured() {
    let room = room_with_bucket().await;
    let stored = signed(&room, "PUT", "/bucket/k", &[], b"body").await;
    let etag = stored.headers()["etag"].to_str().unwrap().to_owned();
    let get = async |headers: &[(&'static str, &str)]| {
        signed(&room, "GET", "/bucket/k", headers, b"").await
    };
    let answer = get(&[("if-none-match", &etag)]).await;
    assert_eq!(answer.status(), StatusCode::NOT_MODIFIED);
    assert!(answer.body().is_empty());
    let answer = get(&[("if-match", "\"other\"")]).await;
    assert_eq!(code(&answer), "PreconditionFailed");
    let answer = get(&[("range", "bytes=1-2")]).await;
    assert_eq!(answer.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(answer.headers()["content-range"], "bytes 1-2/4");
    assert_eq!(answer.body(), "od");
    let answer = signed(&room, "HEAD", "/bucket/k", &[], b"").await;
    assert_eq!(answer.headers()["content-length"], "4");
    assert_eq!(answer.headers()["content-type"], "binary/octet-stream");
    room.stop().await;
}

#[tokio::test]
async fn a_copy_has_the_bytes_and_by_default_the_metadata() {
    let room = room_with_bucket().await;
    let headers = [("x-amz-meta-a", "b"), ("content-type", "x/y")];
    signed(&room, "PUT", "/bucket/from%20here", &headers, b"body").await;
    let source = ("x-amz-copy-source", "/bucket/from%20here");
    let copy = async |more: &[(&'static str, &str)]| {
        let headers = [&[source], more].concat();
        signed(&room, "PUT", "/bucket/copy", &headers, b"").await
    };
    assert_eq!(copy(&[]).await.status(), StatusCode::OK);
    let got = signed(&room, "GET", "/bucket/copy", &[], b"").await;
    assert_eq!(
        (got.body().as_ref(), meta(&got)),
        (b"body".as_slice(), Some("b"))
    );
    let replaced = [
        ("x-amz-metadata-directive", "REPLACE"),
        ("x-amz-meta-a", "c"),
    ];
    assert_eq!(copy(&replaced).await.status(), StatusCode::OK);
    let got = signed(&room, "GET", "/bucket/copy", &[], b"").await;
    assert_eq!(meta(&got), Some("c"));
    let refused = copy(&[("x-amz-copy-source-if-match", "other")]).await;
    assert_eq!(code(&refused), "PreconditionFailed");
    let missing = [("x-amz-copy-source", "bucket/none")];
    let answer = signed(&room, "PUT", "/bucket/copy", &missing, b"").await;
    assert_eq!(code(&answer), "NoSuchKey");
    room.stop().await;
}

fn meta(answer: &Response<Bytes>) -> Option<&str> {
    let headers: &HeaderMap = answer.headers();
    headers.get("x-amz-meta-a")?.to_str().ok()
}

#[tokio::test]
async fn many_keys_are_deleted_at_once() {
    let room = room_with_bucket().await;
    for key in ["a", "b%20c", "d"] {
        signed(&room, "PUT", &format!("/bucket/{key}"), &[], b"").await;
    }
    let long = "k".repeat(1025);
    let document = format!(
        "<Delete><Object><Key>a</Key></Object><Object><Key>b c</Key></Object>\
         <Object><Key>none</Key></Object><Object><Key>{long}</Key></Object></Delete>"
    );
    let answer = signed(&room, "POST", "/bucket?delete", &[], document.as_bytes()).await;
    let text = String::from_utf8_lossy(answer.body()).into_owned();
    assert_eq!(text.matches("<Deleted>").count(), 3);
    assert_eq!(text.matches("KeyTooLongError").count(), 1);
    let left = signed(&room, "GET", "/bucket", &[], b"").await;
    let text = String::from_utf8_lossy(left.body()).into_owned();
    assert!(text.contains("<Key>d</Key>") && text.matches("<Key>").count() == 1);
    room.stop().await;
}

#[tokio::test]
async fn what_was_cut_off_leaves_nothing() {
    use tokio::io::AsyncWriteExt as _;
    let room = room_with_bucket().await;
    let mut request = request("PUT", "/bucket/cut", b"");
    sign(&mut request, Payload::Unsigned, &now());
    let mut text = String::from("PUT /bucket/cut HTTP/1.1\r\ncontent-length: 1000000\r\n");
    for (name, value) in request.headers() {
        text.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
    }
    text.push_str("\r\n");
    let address = room.endpoint.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream.write_all(&vec![7; 600_000]).await.unwrap();
    drop(stream);
    let head = room.client("ANN").head_object("bucket", "cut").await;
    assert_eq!(head.unwrap_err().status(), Some(404));
    room.stop().await;
}
