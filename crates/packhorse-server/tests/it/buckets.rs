//! The buckets of a manifest are tried before a job is made, and nothing is left in them.

use bytes::Bytes;
use packhorse_objects::client::{ListObjects, ObjectMeta};
use packhorse_objects::digest::BodyDigest;
use packhorse_objects::faults::{Fault, Seen};
use packhorse_store::AccessKey;
use packhorse_wire::actions::Action;

use crate::actions::update;
use crate::harness::{Service, create, manifest};
use crate::updates::{export, to_export};

/// Nothing is in the bucket: no object, no upload in progress.
async fn assert_untouched(service: &Service, owner: &AccessKey, bucket: &str) {
    let client = service.objects.client(owner);
    let all = ListObjects::default();
    let objects = client.list_objects(bucket, &all);
    assert_eq!(objects.await.unwrap().objects, []);
    let uploads = client.list_multipart_uploads(bucket, "", None).await;
    assert_eq!(uploads.unwrap().uploads, []);
}

fn begins(seen: &Seen) -> bool {
    seen.method == "POST" && seen.query.starts_with("uploads")
}

fn aborts(seen: &Seen) -> bool {
    seen.method == "DELETE"
}

#[tokio::test]
async fn a_trial_leaves_nothing_in_the_buckets() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    service.objects.add_bucket("alice-logs", &alice).await;
    let text = format!(
        "{}logBucket: alice-logs\nlogPrefix: l/\nacl: public-read\n",
        manifest(&alice)
    );
    for validate_only in [true, false] {
        let form = create(&text, validate_only).form();
        assert_eq!(service.call(&alice, &form).await.status, 200);
    }
    let tried: Vec<_> = service.objects.proxy.seen();
    let tried: Vec<_> = tried.iter().filter(|seen| begins(seen)).collect();
    let paths: Vec<_> = tried.iter().map(|seen| seen.path.as_str()).collect();
    assert!(paths.contains(&"/alice-bucket/p/"), "{paths:?}");
    assert!(paths.contains(&"/alice-logs/l/import-log-"), "{paths:?}");
    for bucket in ["alice-bucket", "alice-logs"] {
        assert_untouched(&service, &alice, bucket).await;
    }
}

#[tokio::test]
async fn a_trial_whose_answers_are_lost_leaves_nothing_either() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    let form = create(&manifest(&alice), true).form();
    // Aborts that fail in passing are sent again.
    let proxy = &service.objects.proxy;
    proxy.fail_next_if(1, Fault::SLOW_DOWN, aborts);
    proxy.fail_next_if(1, Fault::ResetAfter, aborts);
    assert_eq!(service.call(&alice, &form).await.status, 200);
    assert_untouched(&service, &alice, "alice-bucket").await;
    // The upload was begun, but its id is not known here.
    proxy.fail_next_if(1, Fault::ResetAfter, begins);
    let (status, code, _) = service.call(&alice, &form).await.fault();
    assert_eq!((status, code.as_str()), (503, "ServiceUnavailable"));
    let client = service.objects.client(&alice);
    loop {
        let left = client.list_multipart_uploads("alice-bucket", "", None);
        if left.await.unwrap().uploads.is_empty() {
            break;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_the_customer_may_not_do_is_named() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    let bob = service.customer("bob").await;
    let good = manifest(&alice);
    let proxy = &service.objects.proxy;
    let refuse = async |text: String| {
        let form = create(&text, true).form();
        service.call(&alice, &form).await.fault()
    };
    let both = good.replace("alice-bucket", "bob-bucket") + "logBucket: not-there\n";
    let (status, code, text) = refuse(both).await;
    assert_eq!((status, code.as_str()), (400, "NoSuchBucketException"));
    assert_eq!(
        text,
        "Your account may not write to the bucket bob-bucket\n\
         The bucket not-there does not exist: create it, or name another in your manifest\n\
         Warning: **** Device will be erased before being returned. ****"
    );
    assert_untouched(&service, &bob, "bob-bucket").await;
    for (fault, matches, word) in [
        (
            403,
            (|seen| seen.query.contains("list-type")) as fn(&Seen) -> bool,
            "may not list the",
        ),
        (
            403,
            |seen| seen.method == "GET" && seen.query.contains("uploads"),
            "list the uploads in",
        ),
        (403, aborts, "abort uploads to"),
    ] {
        proxy.fail_if(Fault::Status(fault, "AccessDenied"), matches);
        let (_, code, text) = refuse(good.clone()).await;
        assert_eq!(code, "BucketPermissionException");
        assert!(text.contains(word), "{text}");
        proxy.clear();
    }
    for unknown in ["InvalidAccessKeyId", "SignatureDoesNotMatch"] {
        proxy.fail_if(Fault::Status(403, unknown), |_| true);
        let (status, code, text) = refuse(good.clone()).await;
        assert_eq!(
            (status, code.as_str()),
            (400, "InvalidAccessKeyIdException")
        );
        assert!(text.contains(unknown), "{text}");
        proxy.clear();
    }
}

#[tokio::test]
async fn what_the_store_cannot_do_for_the_manifest_is_refused_now() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    let text = manifest(&alice) + "packhorse:\n  serverSideEncryption: AES256\n";
    let (status, code, text) = service
        .call(&alice, &create(&text, false).form())
        .await
        .fault();
    assert_eq!(
        (status, code.as_str()),
        (400, "InvalidManifestFieldException")
    );
    assert!(
        text.contains("serverSideEncryption: AES256") && text.contains("NotImplemented"),
        "{text}"
    );
}

#[tokio::test]
async fn a_store_that_says_nothing_of_a_bucket_makes_the_service_unavailable() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    let id = service.job(&alice).await.job_id;
    let before = service.database();
    let good = manifest(&alice);
    let proxy = &service.objects.proxy;
    for fault in [
        Fault::SLOW_DOWN,
        Fault::INTERNAL_ERROR,
        Fault::ResetBefore,
        Fault::TruncateAnswer,
        Fault::Status(403, "RequestTimeTooSkewed"),
    ] {
        proxy.fail_if(fault.clone(), |_| true);
        for form in [create(&good, false).form(), update(&id, &good, false)] {
            let (status, code, _) = service.call(&alice, &form).await.fault();
            assert_eq!(
                (status, code.as_str()),
                (503, "ServiceUnavailable"),
                "{fault:?}"
            );
        }
        proxy.clear();
    }
    assert_eq!(service.database(), before);
    assert_eq!(
        service
            .call(&alice, &create(&good, true).form())
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn a_store_that_hangs_is_not_waited_for() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    let form = create(&manifest(&alice), false).form();
    let proxy = &service.objects.proxy;
    let before = proxy.seen().len();
    proxy.fail_if(Fault::Hang, |_| true);
    let waiting = async {
        while proxy.seen().len() == before {
            tokio::task::yield_now().await;
        }
        // Now everybody waits for the store, so that the seconds until the answer pass at once.
        tokio::time::pause();
    };
    let (answer, ()) = tokio::join!(service.call(&alice, &form), waiting);
    let (status, code, _) = answer.fault();
    assert_eq!((status, code.as_str()), (503, "ServiceUnavailable"));
}

#[tokio::test]
async fn an_export_needs_to_list_and_read() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    let id = service.job(&alice).await.job_id;
    let form = to_export(&id, &export(&alice));
    let (client, meta) = (service.objects.client(&alice), ObjectMeta::default());
    let body = Bytes::from_static(b"x");
    let digest = BodyDigest::of(&body);
    let put = client.put_object("alice-bucket", "k", &meta, body, &digest);
    put.await.unwrap();
    let proxy = &service.objects.proxy;
    for (denied, word) in [
        (
            (|seen| seen.query.contains("list-type")) as fn(&Seen) -> bool,
            "may not list the bucket alice-bucket",
        ),
        (
            |seen| seen.method == "HEAD" && seen.path.ends_with("/k"),
            "may not read the objects in the bucket alice-bucket",
        ),
        (begins, "may not write to the bucket alice-bucket"),
    ] {
        proxy.fail_if(Fault::Status(403, "AccessDenied"), denied);
        let (_, code, text) = service.call(&alice, &form).await.fault();
        assert_eq!(code, "BucketPermissionException");
        assert!(text.contains(word), "{text}");
        proxy.clear();
    }
    assert_eq!(service.call(&alice, &form).await.status, 200);
}
