//! Links to the files of a job, as a browser follows them.

use jiff::SignedDuration;
use packhorse_core::id::JobId;
use packhorse_objects::client::ListObjects;
use packhorse_store::AccessKey;
use packhorse_wire::actions::{
    Action, Artifact, CreateJobAnswer, GetStatusAnswer, UpdateJobAnswer, read_answer,
};

use crate::actions::{cancel, get_status, update};
use crate::harness::{Answer, Service, create, manifest};

/// The artifacts of a job, as GetStatus lists them.
async fn artifacts(service: &Service, customer: &AccessKey, id: &str) -> Vec<Artifact> {
    let answer = service.call(customer, &get_status(id)).await;
    let answer: GetStatusAnswer = read_answer(&answer.body).unwrap();
    answer.artifacts
}

fn kind(answer: &Answer) -> [&str; 3] {
    let name = answer.header("content-disposition");
    [answer.header("content-type"), name, &answer.body[..5]]
}

#[tokio::test]
async fn a_job_has_a_slip_a_signature_and_a_label_behind_links() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    let made = service.job(&alice).await;
    let id = &made.job_id;
    assert_eq!(made.artifacts.len(), 3);
    let mut seen = Vec::new();
    for artifact in &made.artifacts {
        let file = service.open(&artifact.url).await;
        assert_eq!(file.status, 200, "{file:?}");
        assert_eq!(file.header("cache-control"), "private, no-store");
        assert_eq!(file.header("x-content-type-options"), "nosniff");
        assert_eq!(file.header("referrer-policy"), "no-referrer");
        assert!(!artifact.url.contains(&made.signature));
        seen.push(file);
    }
    let slip = format!("inline; filename=\"packing-slip-{id}.pdf\"");
    assert_eq!(kind(&seen[0]), ["application/pdf", &slip, "%PDF-"]);
    let signature = "attachment; filename=\"SIGNATURE\"";
    let expected = ["application/octet-stream", signature, "versi"];
    assert_eq!(kind(&seen[1]), expected);
    assert_eq!(seen[1].body, made.signature_file_contents);
    let label = format!("inline; filename=\"shipping-label-{id}.pdf\"");
    assert_eq!(kind(&seen[2]), ["application/pdf", &label, "%PDF-"]);
    let words: Vec<_> = made
        .artifacts
        .iter()
        .map(|a| a.description.as_str())
        .collect();
    assert!(words[0].starts_with("Packing slip") && words[2].starts_with("Shipping label"));
    assert_eq!(artifacts(&service, &alice, id).await.len(), 3);
    let (client, all) = (service.objects.client(&alice), ListObjects::default());
    let listed = client.list_objects("alice-bucket", &all).await.unwrap();
    assert_eq!(listed.objects, [], "listing them stores nothing");
}

#[tokio::test]
async fn only_jobs_that_wait_for_their_device_have_artifacts() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    let dry = create(&manifest(&alice), true).form();
    let dry: CreateJobAnswer = read_answer(&service.call(&alice, &dry).await.body).unwrap();
    assert_eq!(dry.artifacts, []);
    let id = service.job(&alice).await.job_id;
    for (validate_only, count) in [(true, 0), (false, 3)] {
        let form = update(&id, &manifest(&alice), validate_only);
        let updated: UpdateJobAnswer =
            read_answer(&service.call(&alice, &form).await.body).unwrap();
        assert_eq!(updated.artifacts.len(), count);
    }
    service.call(&alice, &cancel(&id)).await;
    assert_eq!(artifacts(&service, &alice, &id).await, []);
}

#[tokio::test]
async fn a_facility_without_an_address_prints_slips_and_no_labels() {
    let service = Service::start_with(|settings| settings.facility = None).await;
    let alice = service.customer("alice").await;
    let made = service.job(&alice).await;
    assert_eq!(made.artifacts.len(), 2);
    assert_eq!(service.open(&made.artifacts[0].url).await.status, 200);
    assert_eq!(made.aws_shipping_address, None);
}

#[tokio::test]
async fn links_that_do_not_hold_answer_alike_whatever_the_reason() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    let bob = service.customer("bob").await;
    let slip = |job: &CreateJobAnswer| job.artifacts[0].url.clone();
    let canceled = service.job(&alice).await;
    service.call(&alice, &cancel(&canceled.job_id)).await;
    let rotated = slip(&service.job(&bob).await);
    service
        .store
        .rotate_account("bob", service.now())
        .await
        .unwrap();
    let good = slip(&service.job(&alice).await);
    let base = good.rsplit_once('/').unwrap().0.to_owned();
    let mut forged = good.clone();
    let last = if forged.pop() == Some('A') { 'B' } else { 'A' };
    forged.push(last);
    let long = format!("{base}/{}", "A".repeat(4000));
    let refused = [
        slip(&canceled),
        rotated,
        forged,
        format!("{base}/x"),
        format!("{base}/%FF"),
        format!("{base}/%2e%2e"),
        format!("{base}/a/b"),
        format!("{base}/"),
        base.clone(),
        long,
    ];
    let mut answers = Vec::new();
    for url in refused {
        answers.push(service.open(&url).await);
    }
    let path = good.strip_prefix(&format!("http://{}", service.address));
    let none = axum::http::HeaderMap::new();
    answers.push(service.send("POST", path.unwrap(), &none, b"").await);
    assert_eq!(service.open(&good).await.status, 200);
    service.advance(SignedDuration::from_hours(24));
    answers.push(service.open(&good).await);
    for answer in answers {
        assert_eq!(answer.status, 404);
        assert!(
            answer.body.starts_with("This link is not valid"),
            "{answer:?}"
        );
        assert_eq!(answer.header("cache-control"), "private, no-store");
    }
}

#[tokio::test]
async fn a_device_that_arrived_ends_its_links() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    let made = service.job(&alice).await;
    let claim = packhorse_store::Claim {
        job: JobId::parse(&made.job_id).unwrap(),
        job_type: packhorse_core::job::JobType::Import,
        station: "dock".to_owned(),
        device: "disk".to_owned(),
        ttl: packhorse_server::LEASE_TTL,
    };
    service.store.claim(claim, service.now()).await.unwrap();
    for artifact in &made.artifacts {
        assert_eq!(service.open(&artifact.url).await.status, 404);
    }
    assert_eq!(artifacts(&service, &alice, &made.job_id).await, []);
}

#[tokio::test]
async fn an_account_that_asks_for_too_many_files_waits_and_no_other_does() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    let bob = service.customer("bob").await;
    let slip = |job: &CreateJobAnswer| job.artifacts[0].url.clone();
    let (slip_of_alice, other) = (
        slip(&service.job(&alice).await),
        slip(&service.job(&alice).await),
    );
    let slip_of_bob = slip(&service.job(&bob).await);
    for _ in 0..8 {
        assert_eq!(service.open(&slip_of_alice).await.status, 200);
    }
    for url in [&slip_of_alice, &other] {
        let waits = service.open(url).await;
        assert_eq!((waits.status, waits.header("retry-after")), (429, "1"));
        assert_eq!(waits.header("cache-control"), "private, no-store");
    }
    assert_eq!(service.open(&slip_of_bob).await.status, 200);
    service.advance(SignedDuration::from_secs(1));
    assert_eq!(service.open(&other).await.status, 200);
}
