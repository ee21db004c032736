//! UpdateJob: the whole manifest is replaced, or nothing is touched.

use packhorse_core::id::JobId;
use packhorse_core::job::{JobType, Progress};
use packhorse_core::manifest::ERASE_WARNING;
use packhorse_objects::faults::Fault;
use packhorse_store::AccessKey;
use packhorse_wire::actions::{Action, GetStatusAnswer, UpdateJob, UpdateJobAnswer, read_answer};
use packhorse_wire::desk::{Claim, Lease};

use crate::actions::{cancel, get_status, list, status, update};
use crate::harness::{Service, manifest};

pub(crate) fn export(customer: &AccessKey) -> String {
    let name = &customer.account_name;
    manifest(customer)
        .replace("eraseDevice: yes\n", "")
        .replace("prefix: p/\n", "")
        .replace(
            &format!("bucket: {name}-bucket\n"),
            &format!(
                "fileSystem: EXT4\nlogBucket: {name}-bucket\ntrueCryptPassword: swordfish\n\
                 operations:\n  - exportBucket: {name}-bucket\n"
            ),
        )
}

pub(crate) fn to_export(id: &str, text: &str) -> String {
    UpdateJob {
        job_id: id.to_owned(),
        job_type: JobType::Export,
        manifest: text.to_owned(),
        validate_only: false,
        api_version: None,
    }
    .form()
}

async fn updated(service: &Service, customer: &AccessKey, form: &str) -> UpdateJobAnswer {
    let answer = service.call(customer, form).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    read_answer(&answer.body).unwrap()
}

#[tokio::test]
async fn the_kind_of_a_job_can_change_and_every_former_manifest_is_kept() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    let made = service.job(&alice).await;
    let import = manifest(&alice);
    let other = import.replace("prefix: p/", "prefix: q/");
    let answer = updated(&service, &alice, &to_export(&made.job_id, &export(&alice))).await;
    assert!(answer.success);
    let found = status(&service, &alice, &made.job_id).await;
    assert_eq!(found.job_type, JobType::Export);
    assert!(found.current_manifest.contains("exportBucket"));
    assert!(!found.current_manifest.contains("swordfish"));
    let listed = service.call(&alice, &list(10, None)).await.body;
    assert!(listed.contains("<JobType>Export</JobType>"), "{listed}");
    let back = updated(&service, &alice, &update(&made.job_id, &other, false)).await;
    assert_eq!(back.warning_message.as_deref(), Some(ERASE_WARNING));
    let found = status(&service, &alice, &made.job_id).await;
    assert_eq!(
        (found.job_type, found.current_manifest),
        (JobType::Import, other.clone())
    );
    assert_eq!(found.signature_file_contents, made.signature_file_contents);

    let id = JobId::parse(&made.job_id).unwrap();
    let kept = async |number| {
        let revision = service.store.revision(alice.account, &id, number).await;
        let revision = revision.unwrap().unwrap();
        (revision.job_type, revision.manifest.expose().to_owned())
    };
    assert_eq!(kept(1).await, (JobType::Import, import));
    assert_eq!(kept(2).await, (JobType::Export, export(&alice)));
    assert_eq!(kept(3).await, (JobType::Import, other));
}

/// Warnings are those of the new manifest, each time it is sent.
#[tokio::test]
async fn warnings_are_repeated_with_every_update() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    let id = service.job(&alice).await.job_id;
    let odd = manifest(&alice) + "colour: red\n";
    for validate_only in [true, false, false] {
        let answer = updated(&service, &alice, &update(&id, &odd, validate_only)).await;
        let warning = answer.warning_message.unwrap();
        assert!(
            warning.contains("colour") && warning.contains(ERASE_WARNING),
            "{warning}"
        );
    }
    let quiet = manifest(&alice).replace("eraseDevice: yes", "eraseDevice: no");
    let answer = updated(&service, &alice, &update(&id, &quiet, false)).await;
    assert_eq!(answer.warning_message, None);
}

#[tokio::test]
async fn a_device_prepared_before_an_update_is_loaded_with_the_new_manifest() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    let made = service.job(&alice).await;
    let other = manifest(&alice).replace("prefix: p/", "prefix: q/");
    updated(&service, &alice, &update(&made.job_id, &other, false)).await;
    let lease = claim(&service, &made.signature_file_contents).await;
    assert_eq!(lease.manifest, other);
}

async fn claim(service: &Service, signature_file: &str) -> Lease {
    let key = service.station("dock").await;
    let claim = Claim {
        device_id: None,
        job_id: None,
        signature_file: Some(signature_file.to_owned()),
        device: "disk".to_owned(),
    };
    let json = serde_json::to_string(&claim).unwrap();
    service.tell(&key, "claim", &json).await.json()
}

/// What a customer sees of a job, but for the times.
async fn seen(service: &Service, customer: &AccessKey, id: &str) -> (GetStatusAnswer, String) {
    let answer = status(service, customer, id).await;
    (answer, service.snapshot(id).await)
}

#[tokio::test]
async fn a_refused_update_leaves_the_manifest_as_it_was_to_the_bit() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    let made = service.job(&alice).await;
    // Everything a text can hold must come back as it was sent.
    let odd = manifest(&alice).replace('\n', "\r\n") + "# caf\u{e9} \u{1f40e}\t\r\n\r\n";
    updated(&service, &alice, &update(&made.job_id, &odd, false)).await;
    let before = seen(&service, &alice, &made.job_id).await;
    assert_eq!(before.0.current_manifest, odd);
    let database = service.database();
    let good = manifest(&alice);
    for (text, code) in [
        ("", "MissingParameterException"),
        ("INVALID MANIFEST", "MalformedManifestException"),
        (
            &good.replace("deviceId: 123\n", ""),
            "MissingManifestFieldException",
        ),
        (
            &(good.clone() + "acl: all\n"),
            "InvalidManifestFieldException",
        ),
        (
            &good.replace("alice-bucket", "nowhere"),
            "NoSuchBucketException",
        ),
        (
            &good.replace(&alice.id, "AKIAOTHER"),
            "InvalidAccessKeyIdException",
        ),
    ] {
        let form = update(&made.job_id, text, false);
        let (_, got, message) = service.call(&alice, &form).await.fault();
        assert_eq!(got, code, "{message}");
    }
    service
        .objects
        .proxy
        .fail_if(Fault::INTERNAL_ERROR, |_| true);
    let form = update(&made.job_id, &good, false);
    assert_eq!(
        service.call(&alice, &form).await.fault().1,
        "ServiceUnavailable"
    );
    service.objects.proxy.clear();
    assert_eq!(service.database(), database);
    assert_eq!(seen(&service, &alice, &made.job_id).await, before);
}

#[tokio::test]
async fn a_job_that_has_begun_or_ended_keeps_its_manifest_to_the_bit() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    let other = manifest(&alice).replace("prefix: p/", "prefix: q/");
    let loading = service.job(&alice).await;
    claim(&service, &loading.signature_file_contents).await;
    let canceled = service.job(&alice).await;
    let form = cancel(&canceled.job_id);
    assert_eq!(service.call(&alice, &form).await.status, 200);
    for (job, progress, code) in [
        (
            loading,
            Progress::InProgress,
            "UnableToUpdateJobIdException",
        ),
        (canceled, Progress::Canceled, "CanceledJobIdException"),
    ] {
        let before = seen(&service, &alice, &job.job_id).await;
        assert_eq!(before.0.progress_code, progress);
        for form in [
            update(&job.job_id, &other, false),
            update(&job.job_id, &other, true),
            to_export(&job.job_id, &export(&alice)),
        ] {
            assert_eq!(service.call(&alice, &form).await.fault().1, code);
        }
        assert_eq!(seen(&service, &alice, &job.job_id).await, before);
        assert!(
            service
                .call(&alice, &get_status(&job.job_id))
                .await
                .body
                .contains("p/")
        );
    }
}

#[tokio::test]
async fn a_job_that_was_updated_too_often_is_no_further_updated_not_even_to_check() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    let id = service.job(&alice).await.job_id;
    let text = manifest(&alice);
    for _ in 0..packhorse_store::REVISIONS_MAX {
        let update = packhorse_store::Update {
            account: alice.account,
            access_key_id: alice.id.clone(),
            job_type: JobType::Import,
            manifest: packhorse_core::secret::Secret::new(text.as_str()),
        };
        let id = JobId::parse(&id).unwrap();
        let updated = service.store.update_job(&id, update, service.now()).await;
        updated.unwrap();
    }
    for validate_only in [true, false] {
        let form = update(&id, &text, validate_only);
        let (_, code, text) = service.call(&alice, &form).await.fault();
        assert_eq!(code, "UnableToUpdateJobIdException");
        assert!(text.contains("updated 100 times"), "{text}");
    }
}
