//! What is common to all requests.

use axum::http::HeaderMap;
use packhorse_objects::faults::Fault;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::actions::list;
use crate::harness::{Answer, Service, head};

#[tokio::test]
async fn every_answer_has_its_request_id_and_the_headers_of_the_original() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    let good = service.call(&alice, &list(1, None)).await;
    let id = good.header("x-amzn-requestid");
    assert!(good.body.contains(&format!("<RequestId>{id}</RequestId>")));
    let bad = service.call(&alice, "Action=No").await;
    bad.fault();
    for answer in [&good, &bad] {
        assert_eq!(answer.header("content-type"), "text/xml");
        assert!(answer.header("date").ends_with("GMT"));
    }
    let mut ids = vec![good.header("x-amzn-requestid").to_owned()];
    for target in ["/healthz", "/console/", "/desk/v1/nothing", "/console"] {
        let answer = service.get(target, "*/*").await;
        ids.push(answer.header("x-amzn-requestid").to_owned());
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 5);
    assert!(ids.iter().all(|id| id.len() == 36));
}

#[tokio::test]
async fn a_browser_is_sent_to_the_console() {
    let service = Service::start().await;
    let accept = "text/html,application/xhtml+xml,*/*;q=0.8";
    let root = service.get("/", accept).await;
    assert_eq!((root.status, root.header("location")), (303, "/console/"));
    let page = service.get("/console/", accept).await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("Packhorse") && page.body.contains("/healthz"));
    let call = service.get("/?Action=ListJobs", accept).await;
    assert_eq!(call.fault().1, "MissingAuthenticationToken");
    let program = service.get("/", "*/*").await;
    assert_eq!(program.fault().1, "MissingAuthenticationToken");
}

#[tokio::test]
async fn readiness_follows_the_object_store() {
    let service = Service::start().await;
    assert_eq!(service.get("/healthz", "*/*").await.status, 200);
    let ready = service.get("/readyz", "*/*").await;
    assert_eq!(ready.status, 200, "{}", ready.body);
}

#[tokio::test]
async fn a_store_out_of_order_is_not_ready() {
    let service = Service::start().await;
    service.objects.proxy.fail_if(Fault::SLOW_DOWN, |_| true);
    let answer = service.get("/readyz", "*/*").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.body, "database: ready\nobject store: not ready\n");
    assert_eq!(service.get("/healthz", "*/*").await.status, 200);
}

#[tokio::test]
async fn stopping_answers_what_was_begun_and_takes_nothing_new() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    let form = list(1, None);
    let headers = service.signed(&alice, &form, service.now());
    let mut begun = TcpStream::connect(service.address).await.unwrap();
    let start = head("POST", "/", &headers, form.len());
    begun.write_all(start.as_bytes()).await.unwrap();
    begun.write_all(&form.as_bytes()[..5]).await.unwrap();
    // An answer on a later connection shows that the earlier one was accepted.
    assert_eq!(service.get("/healthz", "*/*").await.status, 200);
    service.stop.cancel();
    while TcpStream::connect(service.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    begun.write_all(&form.as_bytes()[5..]).await.unwrap();
    assert_eq!(Answer::read(begun).await.status, 200);
    service.served.await.unwrap();
}

#[tokio::test]
async fn garbage_gets_an_answer_and_the_server_lives() {
    let service = Service::start().await;
    for (target, body) in [
        ("/", &b"\xff\xfe%%%&=&=;"[..]),
        ("/?Action=ListJobs", b"Action=%zz"),
        ("/?Action=%00", b""),
        ("/%ff%fe?X-Amz-Signature=%", b""),
        ("/artifacts/../../etc/passwd", b""),
        ("/?AWSAccessKeyId=%00&Signature=x&SignatureVersion=2", b""),
    ] {
        let answer = service.send("POST", target, &HeaderMap::new(), body).await;
        assert!((400..500).contains(&answer.status), "{target}: {answer:?}");
    }
    let many: String = (0..10_000).map(|n| format!("p{n}=1&")).collect();
    let answer = service
        .send("POST", "/", &HeaderMap::new(), many.as_bytes())
        .await;
    assert_eq!(answer.fault().1, "InvalidParameterException");
    assert_eq!(service.get("/healthz", "*/*").await.status, 200);
}
