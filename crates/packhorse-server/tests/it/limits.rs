//! Requests that are too long or too slow.

use axum::http::HeaderMap;
use packhorse_core::manifest::MANIFEST_BYTES_MAX;
use packhorse_wire::actions::Action as _;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{Answer, Service, create, head, manifest};

#[tokio::test]
async fn a_body_that_is_too_long_gets_a_clear_answer() {
    let service = Service::start().await;
    let body = vec![b'x'; 4 * 1024 * 1024];
    let answer = service.send("POST", "/", &HeaderMap::new(), &body).await;
    let (status, code, text) = answer.fault();
    assert_eq!((status, code.as_str()), (413, "RequestEntityTooLarge"));
    assert!(text.contains("3211264"));
    assert_eq!(service.get("/healthz", "*/*").await.status, 200);
}

#[tokio::test]
async fn a_body_that_is_announced_as_too_long_is_refused_at_once() {
    let service = Service::start().await;
    let mut connection = TcpStream::connect(service.address).await.unwrap();
    let start = head("POST", "/", &HeaderMap::new(), 4 * 1024 * 1024);
    connection.write_all(start.as_bytes()).await.unwrap();
    // Nothing of the body is sent, and no clock is moved.
    let mut answer = vec![0; 12];
    connection.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, b"HTTP/1.1 413");
}

#[tokio::test]
async fn the_longest_manifest_fits_in_any_script() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    let mut text = manifest(&alice);
    let line = format!("# {}\n", "\u{65e5}".repeat(60));
    while text.len() + line.len() <= MANIFEST_BYTES_MAX {
        text.push_str(&line);
    }
    let form = create(&text, true).form();
    assert!(form.len() > 2 * 1024 * 1024);
    let answer = service.call(&alice, &form).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused() {
    let service = Service::start().await;
    let target = format!("/?Action={}", "x".repeat(80_000));
    let answer = service.get(Box::leak(target.into_boxed_str()), "*/*").await;
    assert!([414, 431].contains(&answer.status), "{answer:?}");
}

#[tokio::test]
async fn a_head_that_never_ends_is_cut_off() {
    let service = Service::start().await;
    let mut connection = TcpStream::connect(service.address).await.unwrap();
    connection
        .write_all(b"POST / HTTP/1.1\r\nhost: x\r\nslow")
        .await
        .unwrap();
    // From here the clock jumps whenever everybody waits.
    tokio::time::pause();
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await.unwrap();
    let text = String::from_utf8(answer).unwrap();
    assert!(text.is_empty() || text.contains("408"), "{text}");
}

#[tokio::test]
async fn a_body_that_never_ends_is_cut_off() {
    let service = Service::start().await;
    let mut connection = TcpStream::connect(service.address).await.unwrap();
    let start = head("POST", "/", &HeaderMap::new(), 1000);
    connection.write_all(start.as_bytes()).await.unwrap();
    connection.write_all(b"Action=").await.unwrap();
    tokio::time::pause();
    let (status, code, text) = Answer::read(connection).await.fault();
    assert_eq!((status, code.as_str()), (400, "InvalidParameterException"));
    assert!(text.contains("in time"), "{text}");
}

#[tokio::test]
async fn a_client_that_never_reads_its_answers_is_cut_off() {
    let service = Service::start().await;
    let mut connection = TcpStream::connect(service.address).await.unwrap();
    tokio::time::pause();
    // Once the buffers on the way are full the server cannot write, and the client neither.
    let request = b"GET /console/ HTTP/1.1\r\nhost: x\r\n\r\n".repeat(1000);
    let cut_off = async { while connection.write_all(&request).await.is_ok() {} };
    let limit = std::time::Duration::from_secs(600);
    let ended = tokio::time::timeout(limit, cut_off).await;
    assert!(ended.is_ok(), "the connection is still there");
    assert_eq!(service.get("/healthz", "*/*").await.status, 200);
}
