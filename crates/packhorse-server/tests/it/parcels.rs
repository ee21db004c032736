//! Parcels at the desk, and what the customer sees of them.

use jiff::SignedDuration;
use packhorse_core::job::{Location, Progress};
use packhorse_store::AccessKey;
use packhorse_wire::actions::{CreateJobAnswer, GetStatusAnswer, read_answer};
use packhorse_wire::desk::{Claim, Finished, Lease, RefusalCode, Whereabouts};
use serde_json::json;

use crate::actions::{cancel, get_status};
use crate::harness::{Answer, Service};

/// A service with one job and one station.
struct Scene {
    service: Service,
    alice: AccessKey,
    job: CreateJobAnswer,
    key: String,
}

impl Scene {
    async fn new() -> Self {
        let service = Service::start().await;
        let alice = service.customer("alice").await;
        Self {
            job: service.job(&alice).await,
            key: service.station("dock").await,
            service,
            alice,
        }
    }

    async fn tell(&self, verb: &str, message: serde_json::Value) -> Answer {
        let path = format!("jobs/{}/{verb}", self.job.job_id);
        self.service
            .tell(&self.key, &path, &message.to_string())
            .await
    }

    async fn send_back(&self, number: &str) -> Answer {
        let parcel = json!({"carrier": " Pony Express ", "tracking_number": number});
        self.tell("return", parcel).await
    }

    async fn claimed(&self) -> Lease {
        let claim = Claim {
            device_id: None,
            job_id: None,
            signature_file: Some(self.job.signature_file_contents.clone()),
            device: "disk-1".to_owned(),
        };
        let claim = serde_json::to_string(&claim).unwrap();
        self.service.tell(&self.key, "claim", &claim).await.json()
    }

    async fn status(&self) -> GetStatusAnswer {
        let form = get_status(&self.job.job_id);
        read_answer(&self.service.call(&self.alice, &form).await.body).unwrap()
    }
}

#[tokio::test]
async fn a_parcel_comes_is_loaded_and_goes_back() {
    let scene = Scene::new().await;
    let status = scene.status().await;
    assert_eq!(status.location_code, Location::NotReceived);
    assert_eq!((status.carrier, status.tracking_number), (None, None));
    let came: Whereabouts = scene.tell("receive", json!({"note": "bay 4"})).await.json();
    let expected = Whereabouts {
        location: Location::AtAWS,
        progress: Progress::Pending,
    };
    assert_eq!(came, expected);
    let status = scene.status().await;
    assert_eq!(status.location_code, Location::AtAWS);
    assert_eq!(status.progress_code, Progress::Pending);
    assert_eq!(status.artifacts, [], "there is nothing more to ship");
    let early = scene.send_back("1Z").await;
    assert_eq!(early.refusal(), (409, RefusalCode::WrongState));
    assert!(early.body.contains("the job is Pending"), "{}", early.body);
    let lease = scene.claimed().await;
    let finish = json!({
        "epoch": lease.epoch,
        "counts": packhorse_core::ledger::Counts::default(),
        "log_bucket": "alice-bucket",
        "log_key": "import-log-X",
    });
    let _: Finished = scene.tell("finish", finish).await.json();
    let gone: Whereabouts = scene.send_back("1Z").await.json();
    assert_eq!(gone.location, Location::Returned);
    let status = scene.status().await;
    assert_eq!(status.location_code, Location::Returned);
    assert_eq!(status.progress_code, Progress::Complete);
    assert_eq!(status.carrier.as_deref(), Some("Pony Express"));
    assert_eq!(status.tracking_number.as_deref(), Some("1Z"));
    let _: Whereabouts = scene.send_back("2Z").await.json();
    assert_eq!(scene.status().await.tracking_number.as_deref(), Some("2Z"));
    let again = scene.tell("receive", json!({})).await;
    assert_eq!(again.refusal(), (409, RefusalCode::WrongState));
}

#[tokio::test]
async fn a_canceled_jobs_parcel_must_come_before_it_goes_back() {
    let scene = Scene::new().await;
    let form = cancel(&scene.job.job_id);
    scene.service.call(&scene.alice, &form).await;
    let early = scene.send_back("1Z").await;
    assert_eq!(early.refusal(), (409, RefusalCode::WrongState));
    assert!(early.body.contains("never received"), "{}", early.body);
    let _: Whereabouts = scene.tell("receive", json!({})).await.json();
    let gone: Whereabouts = scene.send_back("1Z").await.json();
    assert_eq!(gone.progress, Progress::Canceled);
}

#[tokio::test]
async fn what_cannot_be_a_parcel_is_refused_and_changes_nothing() {
    let scene = Scene::new().await;
    let form = cancel(&scene.job.job_id);
    scene.service.call(&scene.alice, &form).await;
    let _: Whereabouts = scene.tell("receive", json!({})).await.json();
    let before = scene.service.database();
    let long = "x".repeat(101);
    for (verb, message) in [
        ("return", json!({"carrier": "", "tracking_number": "1"})),
        ("return", json!({"carrier": "a", "tracking_number": " "})),
        ("return", json!({"carrier": long, "tracking_number": "1"})),
        (
            "return",
            json!({"carrier": "a\u{0}", "tracking_number": "1"}),
        ),
        ("return", json!({"carrier": "a", "tracking_number": "1\n2"})),
        ("return", json!({"carrier": "a"})),
        (
            "return",
            json!({"carrier": "a", "tracking_number": "1", "more": 1}),
        ),
        ("receive", json!({"note": "x".repeat(501)})),
        ("receive", json!({"note": 1})),
        ("give-up", json!({"code": "Complete", "reason": ""})),
        ("give-up", json!({"code": "Broken", "reason": ""})),
    ] {
        let refused = scene.tell(verb, message.clone()).await;
        let expected = (400, RefusalCode::BadRequest);
        assert_eq!(refused.refusal(), expected, "{verb} {message}");
    }
    for verb in ["receive", "return", "give-up"] {
        let path = format!("jobs/ZZZZZZZZ/{verb}");
        let all = json!({"carrier": "a", "tracking_number": "1"});
        let message = match verb {
            "receive" => json!({}),
            "return" => all,
            _ => json!({"code": "DeviceError", "reason": ""}),
        };
        let (key, message) = (&scene.key, message.to_string());
        let unknown = scene.service.tell(key, &path, &message).await;
        assert_eq!(unknown.refusal(), (404, RefusalCode::UnknownJob));
        let nobody = scene.service.tell("x", &path, &message).await;
        assert_eq!(nobody.status, 401);
    }
    assert_eq!(scene.service.database(), before);
}

#[tokio::test]
async fn a_load_that_cannot_end_is_given_up_once_nobody_works_on_it() {
    let scene = Scene::new().await;
    scene.claimed().await;
    let give_up = || json!({"code": "DeviceError", "reason": "the bucket is gone"});
    let early = scene.tell("give-up", give_up()).await;
    assert_eq!(early.refusal(), (409, RefusalCode::Leased));
    assert_eq!(scene.status().await.progress_code, Progress::InProgress);
    scene.service.advance(SignedDuration::from_secs(60));
    for _ in 0..2 {
        let ended: Finished = scene.tell("give-up", give_up()).await.json();
        assert_eq!(ended.progress, Progress::DeviceError);
    }
    assert_eq!(scene.status().await.progress_code, Progress::DeviceError);
    let other = json!({"code": "MissingDevice", "reason": ""});
    let other = scene.tell("give-up", other).await;
    assert_eq!(other.refusal(), (409, RefusalCode::WrongState));
    let gone: Whereabouts = scene.send_back("1Z").await.json();
    assert_eq!(gone.location, Location::Returned);
}
