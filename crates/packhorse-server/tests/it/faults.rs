//! What is refused, why, and that nothing changes.

use axum::http::{HeaderMap, HeaderValue};
use jiff::SignedDuration;
use packhorse_core::secret::Secret;
use packhorse_store::AccessKey;
use packhorse_wire::actions::Action;
use packhorse_wire::query::encode_form;

use crate::actions::{cancel, get_status, list, update};
use crate::harness::{Service, create, manifest};

#[tokio::test]
async fn who_is_not_who_they_say_is_refused_and_changes_nothing() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    let gone = service.customer("gone").await;
    service.store.disable_account("gone").await.unwrap();
    let id = service.job(&alice).await.job_id;
    let before = service.database();
    let form = cancel(&id);
    let now = service.now();
    let minutes = |n| now.checked_add(SignedDuration::from_mins(n)).unwrap();
    let wrong = AccessKey {
        secret: Secret::new("x".repeat(40)),
        ..alice.clone()
    };
    let unknown = AccessKey {
        id: "AKIANOBODY".to_owned(),
        ..alice.clone()
    };
    for (key, at, status, code) in [
        (&wrong, now, 403, "SignatureDoesNotMatch"),
        (&unknown, now, 403, "InvalidClientTokenId"),
        (&gone, now, 403, "InvalidClientTokenId"),
        (&alice, minutes(16), 400, "RequestExpired"),
        (&alice, minutes(-16), 400, "RequestExpired"),
        (&unknown, minutes(-16), 400, "RequestExpired"),
    ] {
        let headers = service.signed(key, &form, at);
        let answer = service.send("POST", "/", &headers, form.as_bytes()).await;
        let (got_status, got, text) = answer.fault();
        assert_eq!((got_status, got.as_str()), (status, code), "{text}");
        assert!(!text.contains(&id), "nothing is said about the job");
    }
    let unsigned = service
        .send("POST", "/", &HeaderMap::new(), form.as_bytes())
        .await;
    let (status, code, _) = unsigned.fault();
    assert_eq!((status, code.as_str()), (403, "MissingAuthenticationToken"));
    let headers = service.signed(&alice, &form, now);
    let changed = service
        .send("POST", "/", &headers, get_status(&id).as_bytes())
        .await;
    assert_eq!(changed.fault().1, "SignatureDoesNotMatch");
    assert_eq!(service.database(), before);
    let headers = service.signed(&alice, &form, minutes(14));
    let accepted = service.send("POST", "/", &headers, form.as_bytes()).await;
    assert_eq!(accepted.status, 200);
}

#[tokio::test]
async fn wrong_parameters_have_their_faults_and_change_nothing() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    let id = service.job(&alice).await.job_id;
    let good = manifest(&alice);
    let before = service.database();
    let cases: &[(&[(&str, &str)], &str)] = &[
        (&[("Action", "NoSuchAction")], "InvalidAction"),
        (&[("Action", "listjobs")], "InvalidAction"),
        (&[("Version", "2010-06-01")], "InvalidAction"),
        (
            &[("Action", "ListJobs"), ("Version", "1999-01-01")],
            "InvalidAction",
        ),
        (
            &[("Action", "CreateJob"), ("JobType", "Import")],
            "MissingParameterException",
        ),
        (
            &[("Action", "CreateJob"), ("Manifest", &good)],
            "MissingParameterException",
        ),
        (
            &[
                ("Action", "CreateJob"),
                ("JobType", "Bogus"),
                ("Manifest", &good),
            ],
            "InvalidParameterException",
        ),
        (
            &[
                ("Action", "CreateJob"),
                ("JobType", "Import"),
                ("Manifest", &good),
                ("ValidateOnly", "maybe"),
            ],
            "InvalidParameterException",
        ),
        (&[("Action", "GetStatus")], "InvalidJobIdException"),
        (&[("Action", "CancelJob")], "InvalidJobIdException"),
        (
            &[("Action", "GetStatus"), ("JobId", "fake_job")],
            "InvalidJobIdException",
        ),
        (
            &[("Action", "CancelJob"), ("JobId", "../x")],
            "InvalidJobIdException",
        ),
        (
            &[("Action", "ListJobs"), ("MaxJobs", "1001")],
            "InvalidParameterException",
        ),
        (
            &[("Action", "ListJobs"), ("MaxJobs", "-1")],
            "InvalidParameterException",
        ),
        (
            &[("Action", "ListJobs"), ("Marker", "fake_job")],
            "InvalidParameterException",
        ),
        (
            &[("Action", "ListJobs"), ("Marker", "99999999")],
            "InvalidParameterException",
        ),
        (
            &[("Action", "CancelJob"), ("JobId", "a\u{1}")],
            "InvalidJobIdException",
        ),
    ];
    for (pairs, code) in cases {
        let form = encode_form(pairs.iter().copied());
        let (status, got, text) = service.call(&alice, &form).await.fault();
        assert_eq!((status, got.as_str()), (400, *code), "{pairs:?}: {text}");
    }
    let answer = service
        .call(&alice, "Action=CancelJob&Action=GetStatus")
        .await;
    assert_eq!(answer.fault().1, "InvalidParameterException");
    assert_eq!(service.database(), before);
    assert_eq!(service.call(&alice, &get_status(&id)).await.status, 200);
}

#[tokio::test]
async fn a_manifest_that_is_not_fine_is_refused_by_create_and_update_alike() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    service.customer("bob").await;
    let id = service.job(&alice).await.job_id;
    let good = manifest(&alice);
    let long = format!("{good}# {}\n", "x".repeat(1024 * 1024));
    let before = service.database();
    for (text, code, word) in [
        (
            "INVALID MANIFEST",
            "MalformedManifestException",
            "Your manifest is not well-formed",
        ),
        (long.as_str(), "MalformedManifestException", "1048576"),
        ("foo: bar", "MissingManifestFieldException", "returnAddress"),
        (
            &good.replace("deviceId: 123\n", ""),
            "MissingManifestFieldException",
            "deviceId",
        ),
        (
            &format!("{good}acl: everybody\n"),
            "InvalidManifestFieldException",
            "acl",
        ),
        (
            &good.replace(&alice.id, "AKIAOTHER"),
            "InvalidAccessKeyIdException",
            "accessKeyId",
        ),
        (
            &good.replace("alice-bucket", "no-bucket"),
            "NoSuchBucketException",
            "no-bucket",
        ),
        (
            &format!("{good}logBucket: no-logs\n"),
            "NoSuchBucketException",
            "no-logs",
        ),
        (
            &good.replace("alice-bucket", "bob-bucket"),
            "BucketPermissionException",
            "bob-bucket",
        ),
        (
            &format!("{good}logBucket: bob-bucket\n"),
            "BucketPermissionException",
            "bob-bucket",
        ),
    ] {
        for form in [
            create(text, true).form(),
            create(text, false).form(),
            update(&id, text, true),
            update(&id, text, false),
        ] {
            let (status, got, message) = service.call(&alice, &form).await.fault();
            assert_eq!((status, got.as_str()), (400, code), "{message}");
            assert!(message.contains(word), "{message}");
        }
    }
    assert_eq!(service.database(), before);
}

#[tokio::test]
async fn an_operation_in_the_url_and_any_path_are_understood() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("text/plain"));
    let wrong_type = service
        .send("POST", "/", &headers, list(1, None).as_bytes())
        .await;
    assert_eq!(wrong_type.fault().1, "InvalidParameterException");
    for method in ["PUT", "DELETE", "PATCH"] {
        let refused = service.send(method, "/", &HeaderMap::new(), b"").await;
        assert_eq!(refused.status, 400, "{method}");
    }
    let elsewhere = service
        .send("POST", "/some/prefix/", &HeaderMap::new(), b"")
        .await;
    assert_eq!(elsewhere.fault().1, "MissingAuthenticationToken");
    assert_eq!(service.call(&alice, "Operation=ListJobs").await.status, 200);
}
