//! Jobs of other kinds than S3 imports.

use packhorse_core::job::{JobType, Progress};
use packhorse_store::AccessKey;
use packhorse_wire::actions::{
    Action, CreateJob, CreateJobAnswer, GetStatusAnswer, ListJobsAnswer, UpdateJob, read_answer,
};
use packhorse_wire::desk::{Claim, Lease};

use crate::actions::{get_status, list};
use crate::harness::{Service, create, manifest};

const ADDRESS: &str = "returnAddress:\n  name: N\n  street1: 1 Street\n  city: Town\n  \
                       stateOrProvince: WA\n  postalCode: 98000\n  phoneNumber: 206\n  \
                       country: USA\n";

fn export(customer: &AccessKey) -> String {
    let bucket = format!("{}-bucket", customer.account_name);
    format!(
        "manifestVersion: 2.0\ndeviceId: 1\nfileSystem: EXT4\nlogBucket: {bucket}\npinCode: '1'\n\
         {ADDRESS}operations:\n  - exportBucket: {bucket}\n"
    )
}

fn create_export(manifest: &str) -> String {
    CreateJob {
        job_type: JobType::Export,
        ..create(manifest, false)
    }
    .form()
}

#[tokio::test]
async fn an_export_is_lent_to_a_station_as_such() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    let answer = service.call(&alice, &create_export(&export(&alice))).await;
    let made: CreateJobAnswer = read_answer(&answer.body).unwrap();
    assert_eq!(made.warning_message, None);
    let claim = Claim {
        job_id: None,
        signature_file: Some(made.signature_file_contents),
        device: "disk".to_owned(),
        device_id: None,
    };
    let claim = serde_json::to_string(&claim).unwrap();
    let key = service.station("dock").await;
    let lease: Lease = service.tell(&key, "claim", &claim).await.json();
    assert_eq!(lease.job_type, JobType::Export);
    assert_eq!(lease.manifest, export(&alice));
}

#[tokio::test]
async fn an_export_to_be_encrypted_is_handed_out_and_can_become_another_job() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    let secret = export(&alice).replace("pinCode: '1'", "trueCryptPassword: geheim");
    let answer = service.call(&alice, &create_export(&secret)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let made: CreateJobAnswer = read_answer(&answer.body).unwrap();
    assert_eq!(made.job_type, JobType::Export);
    assert_eq!(made.warning_message, None);

    let answer = service.call(&alice, &list(10, None)).await;
    let listed: ListJobsAnswer = read_answer(&answer.body).unwrap();
    assert_eq!(listed.jobs[0].job_type, JobType::Export);

    let update = |job_type, manifest: String| {
        UpdateJob {
            job_id: made.job_id.clone(),
            job_type,
            manifest,
            validate_only: false,
            api_version: None,
        }
        .form()
    };
    for (job_type, text) in [
        (JobType::Import, manifest(&alice)),
        (JobType::Export, export(&alice).replace("EXT4", "NTFS")),
    ] {
        let answer = service.call(&alice, &update(job_type, text)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let answer = service.call(&alice, &get_status(&made.job_id)).await;
        let status: GetStatusAnswer = read_answer(&answer.body).unwrap();
        assert_eq!(status.job_type, job_type);
        assert_eq!(status.progress_code, Progress::Pending);
    }
    let answer = service
        .call(&alice, &update(JobType::Export, secret.clone()))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let claim = Claim {
        device_id: None,
        job_id: None,
        signature_file: Some(made.signature_file_contents),
        device: "disk".to_owned(),
    };
    let claim = serde_json::to_string(&claim).unwrap();
    let key = service.station("dock").await;
    let lease: Lease = service.tell(&key, "claim", &claim).await.json();
    assert_eq!(lease.manifest, secret);
}

#[tokio::test]
async fn wrong_exports_and_all_images_are_refused_and_nothing_changes() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    let before = service.database();
    let export = export(&alice);
    let image = |destination: &str, more: &str| {
        format!(
            "manifestVersion: 3.0\ndeviceId: 1\neraseDevice: no\nlogBucket: alice-bucket\n\
             {ADDRESS}operations:\n  - destination: {destination}\n    source: device\n    region: \
             us-east-1\n{more}"
        )
    };
    let archive = "    vaultName: v\n    archiveComment: c\n";
    for (form, code, said) in [
        (
            create_export(&export.replace("EXT4", "HFS")),
            "InvalidFileSystemException",
            "line 3, column 13: fileSystem: `HFS` is not allowed",
        ),
        (
            create_export(&export.replace("exportBucket: alice", "exportBucket: no")),
            "NoSuchBucketException",
            "no-bucket",
        ),
        (
            create_export(&export.replace("fileSystem", "filesystem")),
            "MissingManifestFieldException",
            "(line 3 has `filesystem` instead)",
        ),
        (
            create(&image("ebs", ""), false).form(),
            "InvalidManifestFieldException",
            "operations[0].destination: this facility has no target for EBS imports",
        ),
        (
            create(&image("glacier", archive), true).form(),
            "InvalidManifestFieldException",
            "operations[0].destination: this facility has no target for Glacier imports",
        ),
    ] {
        let answer = service.call(&alice, &form).await;
        let (status, got, message) = answer.fault();
        assert_eq!((status, got.as_str()), (400, code), "{message}");
        assert!(message.contains(said), "{message}");
    }
    assert_eq!(service.database(), before);
}
