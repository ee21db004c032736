//! The desk, as a station sees it.

use jiff::SignedDuration;
use packhorse_core::id::{Epoch, JobId};
use packhorse_core::job::Progress;
use packhorse_core::ledger::Counts;
use packhorse_store::AccessKey;
use packhorse_wire::actions::{CreateJobAnswer, GetStatusAnswer, read_answer};
use packhorse_wire::desk::{Abort, Claim, Finish, Finished, Lease, RefusalCode, Renew, Renewed};

use crate::actions::{cancel, get_status, update};
use crate::harness::{Answer, Service, manifest};

fn claim(job_id: Option<&str>, signature_file: Option<&str>) -> String {
    let claim = Claim {
        device_id: None,
        job_id: job_id.map(|id| JobId::parse(id).unwrap()),
        signature_file: signature_file.map(str::to_owned),
        device: "disk-1".to_owned(),
    };
    serde_json::to_string(&claim).unwrap()
}

fn counts(stored: u64, failed: u64) -> Counts {
    Counts {
        listed: stored + failed,
        stored,
        failed,
        ..Counts::default()
    }
}

fn renew(epoch: Epoch, counts: Counts) -> String {
    serde_json::to_string(&Renew { epoch, counts }).unwrap()
}

fn finish(epoch: Epoch, counts: Counts) -> String {
    let finish = Finish {
        epoch,
        counts,
        log_bucket: "alice-bucket".to_owned(),
        log_key: "import-log-X".to_owned(),
    };
    serde_json::to_string(&finish).unwrap()
}

fn abort(epoch: Option<Epoch>, code: Progress) -> String {
    let abort = Abort {
        epoch,
        code,
        reason: "it hums".to_owned(),
        counts: Counts::default(),
        log: None,
    };
    serde_json::to_string(&abort).unwrap()
}

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

    async fn claim(&self, json: &str) -> Answer {
        self.service.tell(&self.key, "claim", json).await
    }

    async fn claimed(&self) -> Lease {
        let file = self.job.signature_file_contents.as_str();
        self.claim(&claim(None, Some(file))).await.json()
    }

    async fn tell(&self, verb: &str, json: &str) -> Answer {
        let path = format!("jobs/{}/{verb}", self.job.job_id);
        self.service.tell(&self.key, &path, json).await
    }

    async fn status(&self) -> GetStatusAnswer {
        let answer = self
            .service
            .call(&self.alice, &get_status(&self.job.job_id))
            .await;
        read_answer(&answer.body).unwrap()
    }
}

#[tokio::test]
async fn a_job_is_claimed_renewed_and_finished() {
    let scene = Scene::new().await;
    let lease = scene.claimed().await;
    assert_eq!(lease.job_id.as_str(), scene.job.job_id);
    assert_eq!((lease.epoch, lease.ttl_seconds), (Epoch(1), 60));
    assert_eq!(lease.manifest, manifest(&scene.alice));
    assert_eq!(lease.credentials.access_key_id, scene.alice.id);
    let secret = &lease.credentials.secret_access_key;
    assert!(secret.matches(scene.alice.secret.expose()));
    assert!(lease.object_store.endpoint.starts_with("http://127.0.0.1:"));
    assert_eq!(scene.status().await.progress_code, Progress::InProgress);

    let half = Counts {
        listed: 10,
        stored: 4,
        ..Counts::default()
    };
    let renewed: Renewed = scene.tell("renew", &renew(lease.epoch, half)).await.json();
    assert_eq!(renewed.ttl_seconds, 60);
    assert!(
        scene
            .status()
            .await
            .progress_message
            .contains("4 of 10 files")
    );
    for form in [
        (
            update(&scene.job.job_id, &manifest(&scene.alice), false),
            "UnableToUpdateJobId",
        ),
        (cancel(&scene.job.job_id), "UnableToCancelJobId"),
    ] {
        let (_, code, _) = scene.service.call(&scene.alice, &form.0).await.fault();
        assert_eq!(code, format!("{}Exception", form.1));
    }

    for _ in 0..2 {
        let done: Finished = scene
            .tell("finish", &finish(lease.epoch, counts(8, 2)))
            .await
            .json();
        assert_eq!(done.progress, Progress::SuccessWithErrors);
    }
    let status = scene.status().await;
    assert_eq!(status.error_count, 2);
    assert_eq!(status.log_bucket.as_deref(), Some("alice-bucket"));
    assert_eq!(status.log_key.as_deref(), Some("import-log-X"));
    assert!(status.progress_message.contains("import-log-X"));
    let late = scene.tell("renew", &renew(lease.epoch, half)).await;
    assert_eq!(late.refusal(), (409, RefusalCode::StaleEpoch));
    let file = scene.job.signature_file_contents.as_str();
    let again = scene.claim(&claim(None, Some(file))).await;
    assert_eq!(again.refusal(), (409, RefusalCode::WrongState));
    let id = JobId::parse(&scene.job.job_id).unwrap();
    scene.service.store.verify_events(&id).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_thirty_two_stations_exactly_one_gets_the_job() {
    let scene = std::sync::Arc::new(Scene::new().await);
    let mut tasks = Vec::new();
    for n in 0..32 {
        let key = scene.service.station(&format!("dock-{n}")).await;
        let (scene, file) = (scene.clone(), scene.job.signature_file_contents.clone());
        tasks.push(tokio::spawn(async move {
            scene
                .service
                .tell(&key, "claim", &claim(None, Some(&file)))
                .await
        }));
    }
    let mut won = 0;
    for task in tasks {
        let answer = task.await.unwrap();
        match answer.status {
            200 => won += 1,
            _ => assert_eq!(answer.refusal(), (409, RefusalCode::Leased)),
        }
    }
    assert_eq!(won, 1);
}

#[tokio::test]
async fn a_lost_lease_is_stale_and_its_messages_change_nothing() {
    let scene = Scene::new().await;
    let first = scene.claimed().await;
    let other = scene.service.station("dock-2").await;
    let file = scene.job.signature_file_contents.clone();
    let wish = claim(None, Some(&file));
    let early = scene.service.tell(&other, "claim", &wish).await;
    assert_eq!(early.refusal(), (409, RefusalCode::Leased));
    scene.service.advance(SignedDuration::from_secs(61));
    let second: Lease = scene.service.tell(&other, "claim", &wish).await.json();
    assert_eq!(second.epoch, Epoch(2));
    let before = scene.service.database();
    for (verb, json) in [
        ("renew", renew(first.epoch, counts(1, 0))),
        ("finish", finish(first.epoch, counts(1, 0))),
        ("abort", abort(Some(first.epoch), Progress::DeviceError)),
        // The right epoch in the wrong hands.
        ("finish", finish(second.epoch, counts(1, 0))),
    ] {
        let refused = scene.tell(verb, &json).await;
        assert_eq!(refused.refusal(), (409, RefusalCode::StaleEpoch), "{verb}");
    }
    assert_eq!(scene.service.database(), before);
}

#[tokio::test]
async fn a_signature_file_is_accepted_in_every_form_and_refused_when_it_is_not_true() {
    let scene = Scene::new().await;
    let bob = scene.service.customer("bob").await;
    let bobs = scene.service.job(&bob).await;
    let good = scene.job.signature_file_contents.clone();
    let own = scene.job.job_id.as_str();
    let swapped = good.replace(&scene.job.signature, &bobs.signature);
    let before = scene.service.snapshot(own).await;
    for (file, status, code) in [
        (None, 403, RefusalCode::MissingSignature),
        (Some("hello"), 403, RefusalCode::InvalidSignature),
        (Some(swapped.as_str()), 403, RefusalCode::InvalidSignature),
        (
            Some(good.replace(own, "99999999").as_str()),
            404,
            RefusalCode::UnknownJob,
        ),
        (
            Some(good.replace(own, &bobs.job_id).as_str()),
            403,
            RefusalCode::InvalidSignature,
        ),
    ] {
        for _ in 0..3 {
            let refused = scene.claim(&claim(None, file)).await;
            assert_eq!(refused.refusal(), (status, code), "{file:?}");
        }
    }
    assert_eq!(
        scene.service.snapshot(own).await,
        before,
        "nobody's claim ends a job"
    );
    let events = scene
        .service
        .store
        .events(&JobId::parse(own).unwrap())
        .await
        .unwrap();
    let what: Vec<_> = events
        .iter()
        .map(|(event, _)| event.what.as_str())
        .collect();
    assert_eq!(what, ["Create", "Refused"]);
    let forms = [
        good.clone(),
        good.replace('\n', "\r\n"),
        good.replace(own, &own.to_lowercase()),
    ];
    for (n, form) in forms.iter().enumerate() {
        let lease: Lease = scene.claim(&claim(None, Some(form))).await.json();
        assert_eq!(lease.epoch, Epoch(n as i64 + 1));
    }
}

#[tokio::test]
async fn with_the_operators_word_a_wrong_signature_ends_the_job() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    let key = service.station("dock").await;
    let decoy = service.job(&alice).await.signature_file_contents;
    for (file, code, progress) in [
        (
            None,
            RefusalCode::MissingSignature,
            Progress::MissingSignature,
        ),
        (
            Some("junk"),
            RefusalCode::InvalidSignature,
            Progress::InvalidSignature,
        ),
        (
            Some(decoy.as_str()),
            RefusalCode::InvalidSignature,
            Progress::InvalidSignature,
        ),
    ] {
        let job = service.job(&alice).await;
        let refused = service
            .tell(&key, "claim", &claim(Some(&job.job_id), file))
            .await;
        assert_eq!(refused.refusal(), (403, code));
        let found = service
            .store
            .find_job(&JobId::parse(&job.job_id).unwrap())
            .await;
        assert_eq!(found.unwrap().unwrap().state.progress, progress);
        let good = claim(Some(&job.job_id), Some(&job.signature_file_contents));
        let late = service.tell(&key, "claim", &good).await;
        assert_eq!(late.refusal(), (409, RefusalCode::WrongState));
    }
}

#[tokio::test]
async fn the_wrong_disk_does_not_end_a_job_that_is_being_loaded() {
    let scene = Scene::new().await;
    let lease = scene.claimed().await;
    let id = scene.job.job_id.as_str();
    let before = scene.service.database();
    for json in [claim(Some(id), None), claim(Some(id), Some("junk"))] {
        let refused = scene.claim(&json).await;
        assert_eq!(refused.refusal(), (409, RefusalCode::Leased));
    }
    let unopened = scene
        .tell("abort", &abort(None, Progress::DeviceError))
        .await;
    assert_eq!(unopened.refusal(), (409, RefusalCode::Leased));
    assert_eq!(scene.service.database(), before);
    let done: Finished = scene
        .tell("finish", &finish(lease.epoch, counts(1, 0)))
        .await
        .json();
    assert_eq!(done.progress, Progress::Complete);
}

#[tokio::test]
async fn a_device_that_cannot_be_loaded_aborts_its_job_with_or_without_a_lease() {
    let scene = Scene::new().await;
    let lease = scene.claimed().await;
    let code = Progress::UnsupportedFileFormat;
    for _ in 0..2 {
        let done: Finished = scene
            .tell("abort", &abort(Some(lease.epoch), code))
            .await
            .json();
        assert_eq!(done.progress, code);
    }
    assert_eq!(scene.status().await.progress_code, code);
    let other = scene.service.job(&scene.alice).await;
    let path = format!("jobs/{}/abort", other.job_id);
    for _ in 0..2 {
        let json = abort(None, Progress::DeviceError);
        let done: Finished = scene.service.tell(&scene.key, &path, &json).await.json();
        assert_eq!(done.progress, Progress::DeviceError);
    }
}

#[tokio::test]
async fn only_known_stations_are_heard() {
    let scene = Scene::new().await;
    let before = scene.service.database();
    let json = claim(None, Some(&scene.job.signature_file_contents));
    for key in [
        "",
        "x",
        &"0".repeat(64),
        &"x".repeat(10_000),
        &scene.alice.id,
    ] {
        let answer = scene.service.tell(key, "claim", &json).await;
        assert_eq!(answer.status, 401);
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    let nobody = axum::http::HeaderMap::new();
    let answer = scene
        .service
        .send("POST", "/desk/v1/claim", &nobody, json.as_bytes())
        .await;
    assert_eq!(answer.status, 401);
    assert_eq!(scene.service.database(), before);
}

#[tokio::test]
async fn messages_that_cannot_be_right_are_refused_and_change_nothing() {
    let scene = Scene::new().await;
    let lease = scene.claimed().await;
    let before = scene.service.database();
    let overflow = Counts {
        stored: u64::MAX,
        failed: u64::MAX,
        ..counts(1, 0)
    };
    let open = Counts {
        listed: 9,
        ..counts(1, 0)
    };
    let nowhere = finish(lease.epoch, counts(1, 0)).replace("import-log-X", "");
    let control = finish(lease.epoch, counts(1, 0)).replace("import-log-X", "\\u0001");
    for (verb, json) in [
        ("renew", "{}".to_owned()),
        ("renew", "not json".to_owned()),
        ("renew", renew(lease.epoch, overflow)),
        (
            "renew",
            renew(lease.epoch, counts(1, 0)).replace('{', "{\"x\":1,"),
        ),
        ("finish", finish(lease.epoch, open)),
        ("finish", nowhere),
        ("finish", control),
        ("abort", abort(Some(lease.epoch), Progress::Complete)),
        ("renew", format!("\"{}\"", "x".repeat(100_000))),
    ] {
        let refused = scene.tell(verb, &json).await;
        assert_eq!(
            refused.refusal(),
            (400, RefusalCode::BadRequest),
            "{verb} {json:.200}"
        );
    }
    let device = "x".repeat(2000);
    let json = claim(None, Some(&scene.job.signature_file_contents)).replace("disk-1", &device);
    assert_eq!(
        scene.claim(&json).await.refusal(),
        (400, RefusalCode::BadRequest)
    );
    let good = renew(lease.epoch, counts(1, 0));
    for (path, status) in [
        ("jobs/99999999/renew", 404),
        ("jobs/x/renew", 404),
        ("nothing", 404),
    ] {
        let refused = scene.service.tell(&scene.key, path, &good).await;
        assert_eq!(refused.refusal().0, status, "{path}");
    }
    assert_eq!(scene.service.get("/desk/v1/claim", "*/*").await.status, 405);
    assert_eq!(scene.service.database(), before);
}

#[tokio::test]
async fn a_job_whose_owner_has_no_key_left_cannot_be_loaded() {
    let scene = Scene::new().await;
    let new = scene
        .service
        .store
        .rotate_account("alice", scene.service.now())
        .await
        .unwrap();
    let lease = scene.claimed().await;
    assert_eq!(lease.credentials.access_key_id, new.id);
    scene.service.store.disable_account("alice").await.unwrap();
    let json = claim(None, Some(&scene.job.signature_file_contents));
    assert_eq!(
        scene.claim(&json).await.refusal(),
        (409, RefusalCode::NoOwnerKey)
    );
}
