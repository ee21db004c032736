//! Every exception that the client references list, action by action: a request that is fine, one
//! thing about it changed, and the exception that this makes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::SignedDuration;
use packhorse_core::id::JobId;
use packhorse_server::expire_once;
use packhorse_store::{AccessKey, Claim};
use packhorse_wire::actions::EXCEPTIONS;
use packhorse_wire::fault::FaultCode;
use packhorse_wire::query::encode_form;

use crate::harness::{CLOSED_JOBS_SHOWN, JOBS_PER_DAY, Service, manifest};

/// What is the case before the request.
#[derive(Clone, Copy)]
enum Scene {
    /// A job waits for its device.
    Waiting,
    /// As many jobs as a day allows were made.
    QuotaUsed,
    /// The job is being loaded.
    Loading,
    /// The job was given up, this long ago.
    Canceled(SignedDuration),
    /// The job expired, this long ago.
    Expired(SignedDuration),
    /// The object store sends whoever asks for a bucket to another region.
    BucketsElsewhere,
}

const JUST_NOW: SignedDuration = SignedDuration::ZERO;
/// Longer than a closed job has a status.
fn long_ago() -> SignedDuration {
    CLOSED_JOBS_SHOWN + SignedDuration::from_hours(1)
}

/// A request, its parameters by name.
struct Form(BTreeMap<String, String>);

impl Form {
    /// A request that is fine.
    fn good(action: &str, manifest: &str, id: &str) -> Self {
        let mut form = Self(BTreeMap::new());
        form.set("Action", action);
        let members: &[(&str, &str)] = match action {
            "CreateJob" => &[("JobType", "Import"), ("Manifest", manifest)],
            "UpdateJob" => &[("JobId", id), ("JobType", "Import"), ("Manifest", manifest)],
            "CancelJob" | "GetStatus" => &[("JobId", id)],
            "ListJobs" => &[("MaxJobs", "10")],
            "GetShippingLabel" => &[("jobIds.member.1", id), ("name", "A Name")],
            other => panic!("{other} is no action"),
        };
        for (name, value) in members {
            form.set(name, value);
        }
        form
    }

    fn set(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), value.to_owned());
    }

    fn leave_out(&mut self, name: &str) {
        assert!(self.0.remove(name).is_some(), "{name} was not there");
    }

    /// Replaces a piece of the manifest.
    fn rewrite(&mut self, from: &str, to: &str) {
        let text = self.0.get_mut("Manifest").unwrap();
        assert!(text.contains(from), "{from} is not in {text}");
        *text = text.replace(from, to);
    }

    /// Adds lines to the manifest.
    fn add_lines(&mut self, lines: &str) {
        self.0.get_mut("Manifest").unwrap().push_str(lines);
    }
}

/// An exception and how it comes about.
struct Row {
    actions: &'static [&'static str],
    exception: &'static str,
    scene: Scene,
    change: fn(&mut Form),
    /// What the text must say: the parameter or field, the line, what to do.
    says: &'static [&'static str],
}

const ALL: &[&str] = &[
    "CreateJob",
    "UpdateJob",
    "CancelJob",
    "GetStatus",
    "ListJobs",
    "GetShippingLabel",
];
const WITH_MANIFEST: &[&str] = &["CreateJob", "UpdateJob"];

fn row(
    actions: &'static [&'static str],
    exception: &'static str,
    scene: Scene,
    change: fn(&mut Form),
    says: &'static [&'static str],
) -> Row {
    Row {
        actions,
        exception,
        scene,
        change,
        says,
    }
}

/// An export onto a file system that nobody writes.
fn to_export_on_hfs(form: &mut Form) {
    form.set("JobType", "Export");
    form.rewrite(
        "manifestVersion: 2.0\n",
        "manifestVersion: 2.0\npinCode: '1'\nfileSystem: HFS\n",
    );
    for line in ["eraseDevice: yes\n", "prefix: p/\n"] {
        form.rewrite(line, "");
    }
    form.rewrite("bucket: ", "logBucket: ");
    form.add_lines("operations:\n  - exportBucket: any-bucket\n");
}

/// Nothing about the request is wrong: the scene is.
fn as_it_is(_: &mut Form) {}

fn rows() -> Vec<Row> {
    let mut rows = parameter_rows();
    rows.extend(manifest_rows());
    rows.extend(bucket_rows());
    rows.extend(job_rows());
    rows
}

fn parameter_rows() -> Vec<Row> {
    use Scene::Waiting;
    vec![
        row(
            WITH_MANIFEST,
            "MissingParameter",
            Waiting,
            |form| form.leave_out("Manifest"),
            &["Manifest must be specified"],
        ),
        row(
            WITH_MANIFEST,
            "MissingParameter",
            Waiting,
            |form| form.leave_out("JobType"),
            &["JobType must be specified"],
        ),
        row(
            WITH_MANIFEST,
            "InvalidParameter",
            Waiting,
            |form| form.set("JobType", "Sideways"),
            &["JobType", "must be Import or Export"],
        ),
        row(
            WITH_MANIFEST,
            "InvalidParameter",
            Waiting,
            |form| form.set("ValidateOnly", "perhaps"),
            &["ValidateOnly", "must be true or false"],
        ),
        row(
            &["ListJobs"],
            "InvalidParameter",
            Waiting,
            |form| form.set("MaxJobs", "1001"),
            &["MaxJobs", "0 to 1000"],
        ),
        row(
            &["ListJobs"],
            "InvalidParameter",
            Waiting,
            |form| form.set("Marker", "99999999"),
            &["Marker", "the id of one of your jobs"],
        ),
        row(
            &["GetStatus"],
            "InvalidParameter",
            Waiting,
            |form| form.set("IncludeManifestSecrets", "perhaps"),
            &["IncludeManifestSecrets", "must be true or false"],
        ),
        row(
            &["GetShippingLabel"],
            "InvalidParameter",
            Waiting,
            |form| form.set("jobIds", "A,B"),
            &["jobIds", "jobIds.member.1"],
        ),
        row(
            ALL,
            "InvalidVersion",
            Waiting,
            |form| form.set("APIVersion", "1.0\u{e9}"),
            &["APIVersion", "1.0\u{e9}", "may be left out"],
        ),
        row(
            ALL,
            "InvalidAccessKeyId",
            Waiting,
            |form| form.set("AWSAccessKeyId", "AKIASOMEBODYELSE"),
            &["AWSAccessKeyId", "leave it out"],
        ),
        row(
            &["CreateJob"],
            "InvalidJobId",
            Waiting,
            |form| form.set("JobId", "AB12CD34"),
            &["AB12CD34", "leave the parameter out, or use UpdateJob"],
        ),
        row(
            &["UpdateJob", "CancelJob", "GetStatus"],
            "InvalidJobId",
            Waiting,
            |form| form.set("JobId", "fake_job"),
            &["No such job fake_job for your account"],
        ),
        row(
            &["CancelJob", "GetStatus"],
            "InvalidJobId",
            Waiting,
            |form| form.leave_out("JobId"),
            &["JobId must be specified"],
        ),
        row(
            &["GetShippingLabel"],
            "InvalidJobId",
            Waiting,
            |form| form.set("jobIds.member.2", "fake_job"),
            &["No such job fake_job for your account"],
        ),
    ]
}

fn manifest_rows() -> Vec<Row> {
    let made = |exception, change: fn(&mut Form), says| {
        row(WITH_MANIFEST, exception, Scene::Waiting, change, says)
    };
    vec![
        made(
            "MalformedManifest",
            |form| form.set("Manifest", "INVALID MANIFEST"),
            &[
                "Your manifest is not well-formed",
                "line 1",
                "option: value",
            ],
        ),
        made(
            "MalformedManifest",
            |form| form.add_lines("ignore: [a\n"),
            &["Your manifest is not well-formed", "line 1"],
        ),
        made(
            "MissingManifestField",
            |form| form.rewrite("deviceId: 123\n", ""),
            &["deviceId", "lacks"],
        ),
        made(
            "InvalidManifestField",
            |form| form.add_lines("acl: everybody\n"),
            &["acl", "line 16", "everybody", "public-read"],
        ),
        made(
            "InvalidAccessKeyId",
            |form| form.rewrite("accessKeyId: ", "accessKeyId: X"),
            &["accessKeyId", "line 2", "leave it out"],
        ),
        made(
            "InvalidAddress",
            |form| form.rewrite("postalCode: 98000", "postalCode: 9"),
            &["returnAddress.postalCode", "line 13", "five digits"],
        ),
        made(
            "InvalidCustoms",
            |form| form.add_lines("customs:\n    deviceValue: cheap\n"),
            &["customs.deviceValue", "line 17", "US dollars"],
        ),
        made(
            "MissingCustoms",
            |form| form.rewrite("country: USA", "country: Germany"),
            &["customs: is missing", "encryptedData"],
        ),
        made(
            "InvalidFileSystem",
            to_export_on_hfs,
            &["fileSystem", "line 3", "HFS", "EXT4"],
        ),
    ]
}

fn bucket_rows() -> Vec<Row> {
    let made = |exception, scene, change: fn(&mut Form), says| {
        row(WITH_MANIFEST, exception, scene, change, says)
    };
    vec![
        made(
            "NoSuchBucket",
            Scene::Waiting,
            |form| form.add_lines("logBucket: no-such-logs\n"),
            &["no-such-logs", "create it, or name another"],
        ),
        made(
            "BucketPermission",
            Scene::Waiting,
            |form| form.add_lines("logBucket: stranger-bucket\n"),
            &["stranger-bucket"],
        ),
        made(
            "MultipleRegions",
            Scene::BucketsElsewhere,
            as_it_is,
            &["bucket", "region"],
        ),
    ]
}

fn job_rows() -> Vec<Row> {
    let changing: &[&str] = &["UpdateJob", "CancelJob", "GetShippingLabel"];
    vec![
        row(
            &["CreateJob"],
            "CreateJobQuotaExceeded",
            Scene::QuotaUsed,
            as_it_is,
            &["5 jobs in 24 hours", "try again later"],
        ),
        row(
            changing,
            "CanceledJobId",
            Scene::Canceled(JUST_NOW),
            as_it_is,
            &["has been canceled", "create another"],
        ),
        row(
            changing,
            "ExpiredJobId",
            Scene::Expired(JUST_NOW),
            as_it_is,
            &["has expired", "create another"],
        ),
        row(
            &["GetStatus"],
            "CanceledJobId",
            Scene::Canceled(long_ago()),
            as_it_is,
            &["has been canceled"],
        ),
        row(
            &["GetStatus"],
            "ExpiredJobId",
            Scene::Expired(long_ago()),
            as_it_is,
            &["has expired"],
        ),
        row(
            &["GetShippingLabel"],
            "InvalidAddress",
            Scene::Waiting,
            |form| form.set("phoneNumber", "none"),
            &["phoneNumber"],
        ),
        row(
            &["UpdateJob"],
            "UnableToUpdateJobId",
            Scene::Loading,
            as_it_is,
            &["can no longer be updated", "InProgress"],
        ),
        row(
            &["CancelJob"],
            "UnableToCancelJobId",
            Scene::Loading,
            as_it_is,
            &["can no longer be canceled", "InProgress"],
        ),
    ]
}

/// Sets a scene with a customer of its own; gives the id of the job.
async fn set(service: &Service, scene: Scene, customer: &AccessKey) -> String {
    let id = service.job(customer).await.job_id;
    let job = JobId::parse(&id).unwrap();
    match scene {
        Scene::Waiting => {}
        Scene::QuotaUsed => {
            for _ in 1..JOBS_PER_DAY {
                service.job(customer).await;
            }
        }
        Scene::Loading => {
            let claim = Claim {
                job,
                job_type: packhorse_core::job::JobType::Import,
                station: "dock".to_owned(),
                device: "disk".to_owned(),
                ttl: Duration::from_secs(60),
            };
            service.store.claim(claim, service.now()).await.unwrap();
        }
        Scene::Canceled(ago) => {
            let now = service.now();
            let canceled = service
                .store
                .cancel_job(customer.account, &job, &customer.id, now);
            canceled.await.unwrap();
            service.advance(ago);
        }
        Scene::Expired(ago) => {
            let month = SignedDuration::from_hours(30 * 24);
            service.advance(month + SignedDuration::from_hours(1));
            let expired = expire_once(service.store.as_ref(), month, service.now());
            assert!(expired.await.unwrap() > 0);
            service.advance(ago);
        }
        Scene::BucketsElsewhere => {
            service.objects.answer_with(301, "PermanentRedirect");
        }
    }
    id
}

/// A facility that knows which devices cross a border.
async fn in_the_usa() -> Service {
    Service::start_with(|settings| {
        let facility = settings.facility.as_mut().unwrap();
        facility.country = Some("USA".to_owned());
    })
    .await
}

#[tokio::test]
async fn every_listed_exception_has_its_request() {
    let service = in_the_usa().await;
    service.customer("stranger").await;
    let mut number = 0;
    for row in rows() {
        for action in row.actions {
            number += 1;
            let customer = service.customer(&format!("c{number}")).await;
            let id = set(&service, row.scene, &customer).await;
            let mut form = Form::good(action, &manifest(&customer), &id);
            (row.change)(&mut form);
            let before = service.database();
            let answer = service.call(&customer, &encode_form(&form.0)).await;
            let (status, code, text) = answer.fault();
            let exception = format!("{}Exception", row.exception);
            assert_eq!((status, &code), (400, &exception), "{action}: {text}");
            assert!(answer.body.contains("<Type>Sender</Type>"));
            for word in row.says {
                assert!(
                    text.contains(word),
                    "{action} {code} without {word}: {text}"
                );
            }
            assert_eq!(
                service.database(),
                before,
                "{action} {code} changed something"
            );
            service.objects.proxy.clear();
        }
    }
}

#[tokio::test]
async fn the_unchanged_requests_are_fine() {
    let service = in_the_usa().await;
    for action in ALL {
        let customer = service.customer(&action.to_lowercase()).await;
        let id = service.job(&customer).await.job_id;
        let form = Form::good(action, &manifest(&customer), &id);
        let answer = service.call(&customer, &encode_form(&form.0)).await;
        assert_eq!(answer.status, 200, "{action}: {}", answer.body);
    }
}

#[test]
fn no_listed_exception_is_forgotten() {
    let rows = rows();
    let covered: BTreeSet<(&str, &str)> = rows
        .iter()
        .flat_map(|row| row.actions.iter().map(|action| (*action, row.exception)))
        .collect();
    let named = |action: &'static str, codes: &'static [FaultCode]| {
        let name = |code: &FaultCode| code.wire().trim_end_matches("Exception");
        codes.iter().map(move |code| (action, name(code)))
    };
    let listed: BTreeSet<_> = EXCEPTIONS
        .iter()
        .flat_map(|of| named(of.action, of.model))
        .collect();
    assert_eq!(listed.len(), 16 + 18 + 6 + 5 + 3 + 7);
    let missing: Vec<_> = listed.difference(&covered).collect();
    assert!(missing.is_empty(), "without a request: {missing:?}");
    let beyond: BTreeSet<_> = EXCEPTIONS
        .iter()
        .flat_map(|of| named(of.action, of.beyond))
        .collect();
    let unlisted: BTreeSet<_> = covered.difference(&listed).copied().collect();
    assert!(
        unlisted.is_subset(&beyond),
        "documented: {beyond:?}, seen: {unlisted:?}"
    );
}
