//! The faults that every service of the protocol has, and what is around a signature.

use std::num::NonZeroU32;

use axum::http::{HeaderMap, HeaderValue};
use jiff::SignedDuration;
use packhorse_core::secret::Secret;
use packhorse_store::AccessKey;
use packhorse_wire::actions::Action;
use packhorse_wire::fault::FaultCode;

use crate::actions::{get_status, list};
use crate::harness::{Answer, Service, create, manifest};

/// Status, code, party and `Retry-After` of a fault.
fn seen(answer: &Answer) -> (u16, String, String, String) {
    let (status, code, _) = answer.fault();
    let party = answer.body.split("<Type>").nth(1).unwrap();
    let party = party.split('<').next().unwrap().to_owned();
    (status, code, party, answer.header("retry-after").to_owned())
}

fn check(answer: &Answer, status: u16, code: FaultCode, party: &str, retry_after: &str) {
    let expected = (
        status,
        code.wire().to_owned(),
        party.to_owned(),
        retry_after.to_owned(),
    );
    assert_eq!(seen(answer), expected, "{}", answer.body);
}

async fn send(service: &Service, headers: &HeaderMap, form: &str) -> Answer {
    service.send("POST", "/", headers, form.as_bytes()).await
}

#[tokio::test]
async fn faults_of_the_sender_are_not_to_be_retried() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    let form = list(1, None);
    let now = service.now();
    let sender = |answer: &Answer, status, code| check(answer, status, code, "Sender", "");
    let unsigned = send(&service, &HeaderMap::new(), &form).await;
    sender(&unsigned, 403, FaultCode::MissingAuthenticationToken);
    let mut half = HeaderMap::new();
    let start = "AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/importexport/aws4_request";
    half.insert("authorization", HeaderValue::from_static(start));
    let half = send(&service, &half, &form).await;
    sender(&half, 400, FaultCode::IncompleteSignature);
    let wrong = AccessKey {
        secret: Secret::new("x".repeat(40)),
        ..alice.clone()
    };
    let wrong = service.call(&wrong, &form).await;
    sender(&wrong, 403, FaultCode::SignatureDoesNotMatch);
    let nobody = AccessKey {
        id: "AKIANOBODY".to_owned(),
        ..alice.clone()
    };
    let nobody = service.call(&nobody, &form).await;
    sender(&nobody, 403, FaultCode::InvalidClientTokenId);
    let early = now.checked_sub(SignedDuration::from_mins(16)).unwrap();
    let late = send(&service, &service.signed(&alice, &form, early), &form).await;
    sender(&late, 400, FaultCode::RequestExpired);
    let unknown = service.call(&alice, "Action=NoSuchAction").await;
    sender(&unknown, 400, FaultCode::InvalidAction);
}

#[tokio::test]
async fn faults_of_the_receiver_are_ours_and_say_nothing_of_the_inside() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    service.objects.answer_with(500, "InternalError");
    let answer = service
        .call(&alice, &create(&manifest(&alice), true).form())
        .await;
    check(&answer, 503, FaultCode::ServiceUnavailable, "Receiver", "1");
    service.objects.proxy.clear();
    // The table is gone: nothing that a request can bring about, so it is done from outside.
    let id = service.job(&alice).await.job_id;
    service.damage().await;
    let answer = service.call(&alice, &get_status(&id)).await;
    check(&answer, 500, FaultCode::InternalFailure, "Receiver", "");
    assert!(!answer.body.contains("jobs"), "{}", answer.body);
}

#[tokio::test]
async fn a_key_that_asks_too_often_is_throttled_and_no_other() {
    let rate = |settings: &mut packhorse_server::Settings| {
        settings.requests_per_second = NonZeroU32::new(2);
    };
    let service = Service::start_with(rate).await;
    let alice = service.customer("alice").await;
    let bob = service.customer("bob").await;
    let form = list(1, None);
    let wrong = AccessKey {
        secret: Secret::new("x".repeat(40)),
        ..alice.clone()
    };
    // Whoever does not have the key cannot use its allowance up.
    for _ in 0..10 {
        let refused = service.call(&wrong, &form).await;
        assert_eq!(refused.fault().1, "SignatureDoesNotMatch");
    }
    assert_eq!(service.call(&alice, &form).await.status, 200);
    assert_eq!(service.call(&alice, &form).await.status, 200);
    let before = service.database();
    let throttled = service
        .call(&alice, &create(&manifest(&alice), false).form())
        .await;
    check(&throttled, 400, FaultCode::Throttling, "Sender", "1");
    assert_eq!(service.database(), before);
    assert_eq!(service.call(&bob, &form).await.status, 200);
    service.advance(SignedDuration::from_secs(1));
    assert_eq!(service.call(&alice, &form).await.status, 200);
}

#[tokio::test]
async fn a_service_may_answer_to_some_regions_alone() {
    let form = list(1, None);
    for (allowed, status) in [
        (vec![], 200),
        (vec!["eu-west-1", "us-east-1"], 200),
        (vec!["eu-west-1", "local"], 403),
    ] {
        let allowed: Vec<String> = allowed.into_iter().map(str::to_owned).collect();
        let service = Service::start_with(|settings| settings.regions = allowed.clone()).await;
        let alice = service.customer("alice").await;
        // Signed for us-east-1.
        let answer = service.call(&alice, &form).await;
        assert_eq!(answer.status, status, "{allowed:?}: {}", answer.body);
        if status == 403 {
            let (_, code, text) = answer.fault();
            assert_eq!(code, "SignatureDoesNotMatch");
            assert!(text.contains("not 'us-east-1': sign for eu-west-1 or local"));
        }
    }
}

#[tokio::test]
async fn the_same_signed_request_counts_again_until_its_time_is_over() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    let form = list(1, None);
    let headers = service.signed(&alice, &form, service.now());
    for _ in 0..3 {
        assert_eq!(send(&service, &headers, &form).await.status, 200);
    }
    // The body is signed as it is: the same parameters in another order are another request.
    let mut pairs: Vec<&str> = form.split('&').collect();
    pairs.reverse();
    let turned = send(&service, &headers, &pairs.join("&")).await;
    assert_eq!(turned.fault().1, "SignatureDoesNotMatch");
    let doubled = form.replace("Action=ListJobs", "Action=List%254Aobs");
    let doubled = service.call(&alice, &doubled).await;
    let (_, code, text) = doubled.fault();
    assert_eq!(code, "InvalidAction");
    assert!(text.contains("List%4Aobs"), "decoded once: {text}");
    service.advance(SignedDuration::from_mins(16));
    let late = send(&service, &headers, &form).await;
    assert_eq!(late.fault().1, "RequestExpired");
}
