//! The six actions, as a customer sees them.

use jiff::SignedDuration;
use packhorse_core::id::JobId;
use packhorse_core::job::{JobType, Location, Progress};
use packhorse_core::manifest::ERASE_WARNING;
use packhorse_core::signature_file::SignatureFile;
use packhorse_server::expire_once;
use packhorse_store::AccessKey;
use packhorse_wire::actions::{
    Action, CancelJob, CreateJobAnswer, GetShippingLabel, GetStatus, GetStatusAnswer, LabelAddress,
    ListJobs, ListJobsAnswer, UpdateJob, UpdateJobAnswer, read_answer,
};

use crate::harness::{JOBS_PER_DAY, Service, create, manifest};

pub(crate) fn cancel(id: &str) -> String {
    CancelJob {
        job_id: id.to_owned(),
        api_version: None,
    }
    .form()
}

pub(crate) fn get_status(id: &str) -> String {
    GetStatus {
        job_id: id.to_owned(),
        manifest_secrets: false,
        api_version: None,
    }
    .form()
}

pub(crate) fn update(id: &str, manifest: &str, validate_only: bool) -> String {
    UpdateJob {
        job_id: id.to_owned(),
        job_type: JobType::Import,
        manifest: manifest.to_owned(),
        validate_only,
        api_version: None,
    }
    .form()
}

pub(crate) fn list(max_jobs: u32, marker: Option<&str>) -> String {
    ListJobs {
        max_jobs,
        marker: marker.map(str::to_owned),
        api_version: None,
    }
    .form()
}

pub(crate) fn label(id: &str) -> String {
    GetShippingLabel {
        job_ids: vec![id.to_owned()],
        address: LabelAddress::default(),
        api_version: None,
    }
    .form()
}

pub(crate) async fn status(service: &Service, customer: &AccessKey, id: &str) -> GetStatusAnswer {
    let answer = service.call(customer, &get_status(id)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    read_answer(&answer.body).unwrap()
}

async fn listed(service: &Service, customer: &AccessKey, form: &str) -> ListJobsAnswer {
    let answer = service.call(customer, form).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    read_answer(&answer.body).unwrap()
}

#[tokio::test]
async fn a_new_job_has_a_signature_an_address_and_the_status_of_the_original() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    let made = service.job(&alice).await;
    assert!(JobId::parse(&made.job_id).is_ok());
    let file = SignatureFile::parse(made.signature_file_contents.as_bytes()).unwrap();
    assert_eq!(file.job_id.as_str(), made.job_id);
    assert_eq!(file.signature.to_base64(), made.signature);
    assert_eq!(made.warning_message.as_deref(), Some(ERASE_WARNING));
    let address = format!("Dock 7\nJOBID {}\n1 Quay\nPort 12345", made.job_id);
    assert_eq!(made.aws_shipping_address.as_deref(), Some(address.as_str()));

    let found = status(&service, &alice, &made.job_id.to_lowercase()).await;
    assert_eq!(found.job_id, made.job_id);
    assert_eq!((found.job_type, found.error_count), (JobType::Import, 0));
    assert_eq!(found.location_code, Location::NotReceived);
    assert_eq!(found.location_message, "AWS has not received your device.");
    assert_eq!(found.progress_code, Progress::Pending);
    assert_eq!(found.progress_message, "The specified job has not started.");
    assert_eq!(found.current_manifest, manifest(&alice));
    assert_eq!(found.signature_file_contents, made.signature_file_contents);
    assert_eq!(found.signature, made.signature);
    assert_eq!(found.creation_date, service.now());
    assert_eq!(found.aws_shipping_address, made.aws_shipping_address);
    let absent = [
        found.carrier,
        found.tracking_number,
        found.log_bucket,
        found.log_key,
    ];
    assert_eq!(absent, [None, None, None, None]);
}

#[tokio::test]
async fn a_dry_run_checks_everything_and_leaves_nothing() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    let before = service.database();
    let answer = service
        .call(&alice, &create(&manifest(&alice), true).form())
        .await;
    let made: CreateJobAnswer = read_answer(&answer.body).unwrap();
    let stem = made.job_id.strip_suffix("-VALIDATE-ONLY").unwrap();
    assert!(JobId::parse(stem).is_ok());
    assert!(
        made.signature_file_contents
            .contains(&format!("jobId:{}", made.job_id))
    );
    assert_eq!(made.warning_message.as_deref(), Some(ERASE_WARNING));
    for form in [
        get_status(&made.job_id),
        cancel(&made.job_id),
        label(&made.job_id),
    ] {
        let (status, code, text) = service.call(&alice, &form).await.fault();
        assert_eq!((status, code.as_str()), (400, "InvalidJobIdException"));
        assert_eq!(
            text,
            format!("No such job {} for your account", made.job_id)
        );
    }
    for text in ["foo: bar", "bucket: x"] {
        let refused = service.call(&alice, &create(text, true).form()).await;
        assert_eq!(refused.fault().1, "MissingManifestFieldException");
    }
    assert!(
        listed(&service, &alice, &list(10, None))
            .await
            .jobs
            .is_empty()
    );
    assert_eq!(service.database(), before);
}

#[tokio::test]
async fn an_update_replaces_the_manifest_and_keeps_the_signature() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    let made = service.job(&alice).await;
    let second = manifest(&alice).replace("prefix: p/", "prefix: q/");
    let before = service.database();
    for (validate_only, shown) in [(true, manifest(&alice)), (false, second.clone())] {
        let form = update(&made.job_id, &second, validate_only);
        let answer = service.call(&alice, &form).await;
        let updated: UpdateJobAnswer = read_answer(&answer.body).unwrap();
        assert!(updated.success);
        assert_eq!(updated.warning_message.as_deref(), Some(ERASE_WARNING));
        if validate_only {
            assert_eq!(service.database(), before, "a dry run changes nothing");
        }
        let found = status(&service, &alice, &made.job_id).await;
        assert_eq!(found.current_manifest, shown);
        assert_eq!(
            found.signature, made.signature,
            "prepared devices stay valid"
        );
    }
}

#[tokio::test]
async fn passwords_are_shown_again_only_when_asked_for() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    let text = format!(
        "{}trueCryptPassword: swordfish\npinCode: 7391\n",
        manifest(&alice)
    );
    let made = service.call(&alice, &create(&text, false).form()).await;
    let made: CreateJobAnswer = read_answer(&made.body).unwrap();
    let found = status(&service, &alice, &made.job_id).await;
    assert!(found.current_manifest.starts_with(&manifest(&alice)));
    assert!(!found.current_manifest.contains("swordfish"));
    assert!(!found.current_manifest.contains("7391"));
    let asked = GetStatus {
        job_id: made.job_id,
        manifest_secrets: true,
        api_version: None,
    };
    let shown = service.call(&alice, &asked.form()).await;
    let shown: GetStatusAnswer = read_answer(&shown.body).unwrap();
    assert_eq!(shown.current_manifest, text, "unless the owner asks for it");
}

#[tokio::test]
async fn a_canceled_job_still_has_a_status_and_nothing_else() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    let id = service.job(&alice).await.job_id;
    assert_eq!(service.call(&alice, &cancel(&id)).await.status, 200);
    assert_eq!(
        status(&service, &alice, &id).await.progress_code,
        Progress::Canceled
    );
    let page = listed(&service, &alice, &list(10, None)).await;
    assert!(page.jobs[0].is_canceled);
    let before = service.database();
    for form in [cancel(&id), update(&id, &manifest(&alice), false)] {
        let (status, code, _) = service.call(&alice, &form).await.fault();
        assert_eq!((status, code.as_str()), (400, "CanceledJobIdException"));
    }
    assert_eq!(service.database(), before);
}

#[tokio::test]
async fn an_expired_job_still_has_a_status_and_nothing_else() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    let id = service.job(&alice).await.job_id;
    service.advance(SignedDuration::from_hours(30 * 24 + 1));
    let month = SignedDuration::from_hours(30 * 24);
    for expected in [1, 0] {
        let expired = expire_once(service.store.as_ref(), month, service.now())
            .await
            .unwrap();
        assert_eq!(expired, expected);
    }
    assert_eq!(
        status(&service, &alice, &id).await.progress_code,
        Progress::Expired
    );
    let before = service.database();
    for form in [cancel(&id), update(&id, &manifest(&alice), false)] {
        let (status, code, _) = service.call(&alice, &form).await.fault();
        assert_eq!((status, code.as_str()), (400, "ExpiredJobIdException"));
    }
    assert_eq!(service.database(), before);
}

#[tokio::test]
async fn jobs_are_listed_newest_first_in_pages() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    let bob = service.customer("bob").await;
    let empty = service.call(&alice, &list(10, None)).await;
    assert!(empty.body.contains("<Jobs></Jobs>") || empty.body.contains("<Jobs/>"));
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(service.job(&alice).await.job_id);
    }
    service.job(&bob).await;
    made.reverse();
    let mut seen = Vec::new();
    let mut marker = None;
    loop {
        let page = listed(&service, &alice, &list(2, marker.as_deref())).await;
        seen.extend(page.jobs.iter().map(|job| job.job_id.clone()));
        marker = seen.last().cloned();
        if !page.is_truncated {
            break;
        }
    }
    assert_eq!(seen, made);
    let none = listed(&service, &alice, &list(0, None)).await;
    assert!(none.jobs.is_empty() && none.is_truncated);
}

#[tokio::test]
async fn the_daily_quota_has_its_own_fault_and_ends() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    for _ in 0..JOBS_PER_DAY {
        service.job(&alice).await;
    }
    let before = service.database();
    let form = create(&manifest(&alice), false).form();
    let (status, code, _) = service.call(&alice, &form).await.fault();
    assert_eq!(
        (status, code.as_str()),
        (400, "CreateJobQuotaExceededException")
    );
    assert_eq!(service.database(), before);
    service.advance(SignedDuration::from_hours(25));
    service.job(&alice).await;
}

#[tokio::test]
async fn another_accounts_job_answers_exactly_like_one_that_does_not_exist() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    let mallory = service.customer("mallory").await;
    let id = service.job(&alice).await.job_id;
    let before = service.database();
    let own = manifest(&mallory);
    type Form = Box<dyn Fn(&str) -> String>;
    let forms: [Form; 7] = [
        Box::new(get_status),
        Box::new(cancel),
        Box::new(label),
        Box::new(|id| list(10, Some(id))),
        Box::new(move |id| update(id, &own, false)),
        Box::new(|id| update(id, "not even a manifest", false)),
        Box::new(|id| update(id, "foo: bar", true)),
    ];
    for form in forms {
        let foreign = service.call(&mallory, &form(&id)).await.fault();
        let (status, code, text) = service.call(&mallory, &form("99999999")).await.fault();
        assert_eq!(foreign, (status, code, text.replace("99999999", &id)));
        assert_eq!(status, 400);
    }
    let page = listed(&service, &mallory, &list(10, None)).await;
    assert!(page.jobs.is_empty());
    assert_eq!(service.database(), before);
}
