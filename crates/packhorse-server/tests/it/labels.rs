//! GetShippingLabel, as a customer sees it.

use bytes::Bytes;
use jiff::SignedDuration;
use packhorse_objects::client::ObjectMeta;
use packhorse_objects::digest::BodyDigest;
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
    service.objects.add_bucket("alice-logs", &alice).await;
    let text = format!(
        "{}logBucket: alice-logs\nlogPrefix: logs/\n",
        manifest(&alice)
    );
    let id = job(&service, &alice, &text).await;
    let before = service.database();
    let lower = id.to_lowercase();
    let made = read(&ask(&service, &alice, &[&lower, &id]).await);
    assert_eq!(made.warning, None);
    let key = format!("logs/shipping-label-{id}.pdf");
    let kept = async || service.objects.object(&alice, "alice-logs", &key).await;
    let first = kept().await.unwrap();
    assert!(first.starts_with(b"%PDF-"));
    let opened = service.open(&made.shipping_label_url).await;
    assert_eq!(opened.status, 200);
    assert_eq!(opened.header("content-type"), "application/pdf");
    assert_eq!(opened.body, String::from_utf8_lossy(&first));
    let again = read(&ask(&service, &alice, &[&id]).await);
    assert_eq!(kept().await.unwrap(), first);
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
    let kept = async |id: &str| {
        let key = format!("shipping-label-{id}.pdf");
        let object = service.objects.object(&alice, "alice-bucket", &key).await;
        object.unwrap()
    };
    assert_eq!(kept(&first).await, kept(&second).await);
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
        job_type: packhorse_core::job::JobType::Import,
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
    let key = format!("shipping-label-{fresh}.pdf");
    let stored = service.objects.object(&alice, "alice-bucket", &key).await;
    assert_eq!(stored, None, "nothing was stored");
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
        ((403, "AccessDenied"), 400, "BucketPermissionException"),
        ((404, "NoSuchBucket"), 400, "NoSuchBucketException"),
        ((503, "SlowDown"), 503, "ServiceUnavailable"),
    ] {
        service.objects.answer_with(answer.0, answer.1);
        let refused = ask(&service, &alice, &[&id]).await.fault();
        assert_eq!((refused.0, refused.1.as_str()), (status, code));
        let link = service.open(&url).await.status;
        assert_eq!(link, if status == 503 { 503 } else { 404 });
        service.objects.proxy.clear();
    }
    assert_eq!(service.open(&url).await.status, 200);
    let (client, meta) = (service.objects.client(&alice), ObjectMeta::default());
    let key = format!("shipping-label-{id}.pdf");
    let long = Bytes::from(vec![0; 1024 * 1024 + 1]);
    let digest = BodyDigest::of(&long);
    let put = client.put_object("alice-bucket", &key, &meta, long, &digest);
    put.await.unwrap();
    assert_eq!(service.open(&url).await.status, 404);
    client.delete_object("alice-bucket", &key).await.unwrap();
    assert_eq!(service.open(&url).await.status, 404);
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
