//! GetShippingLabel, as a customer sees it.

use axum::http::StatusCode;
use bytes::Bytes;
use jiff::SignedDuration;
use packhorse_server::expire_once;
use packhorse_store::AccessKey;
use packhorse_wire::actions::{
    Action, CreateJobAnswer, GetShippingLabel, GetShippingLabelAnswer, LabelAddress, read_answer,
};

use crate::actions::cancel;
use crate::harness::{Answer, Service, create, manifest};

fn label(ids: &[&str], address: LabelAddress) -> String {
    GetShippingLabel {
        job_ids: ids.iter().map(|id| (*id).to_owned()).collect(),
        address,
        api_version: None,
    }
    .form()
}

async fn ask(service: &Service, customer: &AccessKey, ids: &[&str]) -> Answer {
    let form = label(ids, LabelAddress::default());
    service.call(customer, &form).await
}

fn read(answer: &Answer) -> GetShippingLabelAnswer {
    assert_eq!(answer.status, 200, "{}", answer.body);
    read_answer(&answer.body).unwrap()
}

/// A job with this manifest.
async fn job(service: &Service, customer: &AccessKey, manifest: &str) -> String {
    let answer = service
        .call(customer, &create(manifest, false).form())
        .await;
    let made: CreateJobAnswer = read_answer(&answer.body).unwrap();
    made.job_id
}

#[tokio::test]
async fn a_label_is_kept_in_the_log_bucket_and_opens_without_headers() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    service.objects.add_bucket("alice-logs", &alice.id);
    let text = format!(
        "{}logBucket: alice-logs\nlogPrefix: logs/\n",
        manifest(&alice)
    );
    let id = job(&service, &alice, &text).await;
    let before = service.database();
    let lower = id.to_lowercase();
    let made = read(&ask(&service, &alice, &[&lower, &id]).await);
    assert_eq!(made.warning, None);
    let path = format!("/alice-logs/logs/shipping-label-{id}.pdf");
    let kept = service.objects.object(&path).unwrap();
    assert!(kept.starts_with(b"%PDF-"));
    let opened = service.open(&made.shipping_label_url).await;
    assert_eq!(opened.status, 200);
    assert_eq!(opened.header("content-type"), "application/pdf");
    assert_eq!(opened.body, String::from_utf8_lossy(&kept));
    let again = read(&ask(&service, &alice, &[&id]).await);
    assert_eq!(service.objects.object(&path).unwrap(), kept);
    assert_eq!(
        service.open(&again.shipping_label_url).await.body,
        opened.body
    );
    assert_eq!(service.database(), before);
    service.advance(SignedDuration::from_hours(24));
    assert_eq!(service.open(&made.shipping_label_url).await.status, 404);
}

#[tokio::test]
async fn several_jobs_share_a_label_and_each_keeps_it() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    let first = job(&service, &alice, &manifest(&alice)).await;
    let moved = manifest(&alice).replace("1 Street", "2 Street");
    let second = job(&service, &alice, &moved).await;
    let made = read(&ask(&service, &alice, &[&first, &second]).await);
    let warning = made.warning.unwrap();
    assert!(warning.contains("different return addresses") && warning.contains(&first));
    let kept = |id: &str| {
        let path = format!("/alice-bucket/shipping-label-{id}.pdf");
        service.objects.object(&path).unwrap()
    };
    assert_eq!(kept(&first), kept(&second));
}

#[tokio::test]
async fn the_sender_is_as_given_with_warnings_for_what_is_odd() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    let id = job(&service, &alice, &manifest(&alice)).await;
    let some = |text: &str| Some(text.to_owned());
    let address = LabelAddress {
        name: some("Łódź Ünal 東京 กรุงเทพ"),
        city: some("Elsewhere"),
        ..LabelAddress::default()
    };
    let made = read(&service.call(&alice, &label(&[&id], address)).await);
    let warning = made.warning.unwrap();
    let lines: Vec<_> = warning.lines().collect();
    assert!(
        lines[0].contains("street1, postalCode, country, phoneNumber"),
        "{warning}"
    );
    assert!(
        lines[1].contains('ก') && !lines[1].contains('東'),
        "{warning}"
    );
    let address = LabelAddress {
        country: some("USA"),
        postal_code: some("1"),
        ..LabelAddress::default()
    };
    let refused = service.call(&alice, &label(&[&id], address)).await.fault();
    assert_eq!(
        (refused.0, refused.1.as_str()),
        (400, "InvalidAddressException")
    );
    assert!(refused.2.contains("postalCode: "), "{}", refused.2);
}

#[tokio::test]
async fn jobs_that_need_no_label_are_refused_by_their_state() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    let ids = [
        service.job(&alice).await.job_id,
        service.job(&alice).await.job_id,
        service.job(&alice).await.job_id,
    ];
    service.call(&alice, &cancel(&ids[0])).await;
    let claim = packhorse_store::Claim {
        job: packhorse_core::id::JobId::parse(&ids[1]).unwrap(),
        station: "dock".to_owned(),
        device: "disk".to_owned(),
        ttl: packhorse_server::LEASE_TTL,
    };
    service.store.claim(claim, service.now()).await.unwrap();
    service.advance(SignedDuration::from_hours(31 * 24));
    let month = SignedDuration::from_hours(30 * 24);
    expire_once(service.store.as_ref(), month, service.now())
        .await
        .unwrap();
    let fresh = service.job(&alice).await.job_id;
    for (id, expected) in [
        (ids[0].as_str(), "CanceledJobIdException"),
        (&ids[1], "InvalidParameterException"),
        (&ids[2], "ExpiredJobIdException"),
        ("99999999", "InvalidJobIdException"),
        ("not an id", "InvalidJobIdException"),
    ] {
        let (status, code, text) = ask(&service, &alice, &[&fresh, id]).await.fault();
        assert_eq!((status, code.as_str()), (400, expected));
        assert!(text.contains(id), "{text}");
    }
    let path = format!("/alice-bucket/shipping-label-{fresh}.pdf");
    assert_eq!(service.objects.object(&path), None, "nothing was stored");
}

#[tokio::test]
async fn a_list_that_is_empty_or_too_long_is_refused() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    let empty = ask(&service, &alice, &[]).await.fault();
    assert_eq!(empty.1, "InvalidJobIdException");
    let mut ids = Vec::new();
    for day in 0..7 {
        ids.push(service.job(&alice).await.job_id);
        if day == 4 {
            service.advance(SignedDuration::from_hours(25));
        }
    }
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    read(&ask(&service, &alice, &ids[..6]).await);
    let (_, code, text) = ask(&service, &alice, &ids).await.fault();
    assert_eq!(code, "InvalidParameterException");
    assert!(text.contains("jobIds") && text.contains("6 jobs"), "{text}");
}

#[tokio::test]
async fn a_facility_without_an_address_says_so() {
    let service = Service::start_with(|settings| settings.facility = None).await;
    let alice = service.customer("alice").await;
    let id = service.job(&alice).await.job_id;
    let (status, code, text) = ask(&service, &alice, &[&id]).await.fault();
    assert_eq!((status, code.as_str()), (400, "InvalidAction"));
    assert!(text.contains("[facility]"), "{text}");
}

#[tokio::test]
async fn a_bucket_that_cannot_be_written_is_the_customers_and_a_store_that_is_down_ours() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    let id = service.job(&alice).await.job_id;
    let url = read(&ask(&service, &alice, &[&id]).await).shipping_label_url;
    for (answer, status, code) in [
        (StatusCode::FORBIDDEN, 400, "BucketPermissionException"),
        (StatusCode::NOT_FOUND, 400, "NoSuchBucketException"),
        (StatusCode::SERVICE_UNAVAILABLE, 503, "ServiceUnavailable"),
    ] {
        service.objects.answer_with(Some(answer));
        let refused = ask(&service, &alice, &[&id]).await.fault();
        assert_eq!((refused.0, refused.1.as_str()), (status, code));
        let link = service.open(&url).await.status;
        assert_eq!(link, if status == 503 { 503 } else { 404 });
    }
    service.objects.answer_with(None);
    assert_eq!(service.open(&url).await.status, 200);
    let path = format!("/alice-bucket/shipping-label-{id}.pdf");
    for bytes in [Some(Bytes::from(vec![0; 1024 * 1024 + 1])), None] {
        service.objects.set_object(&path, bytes);
        assert_eq!(service.open(&url).await.status, 404);
    }
}

#[tokio::test]
async fn a_prefix_without_room_for_the_labels_name_is_told() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    let text = format!("{}logPrefix: {}\n", manifest(&alice), "x".repeat(1000));
    let id = job(&service, &alice, &text).await;
    let (_, code, text) = ask(&service, &alice, &[&id]).await.fault();
    assert_eq!(code, "InvalidParameterException");
    assert!(text.contains("logPrefix"), "{text}");
}
