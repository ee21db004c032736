//! What is left of an embedded store after it ends, in good order or not.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use packhorse_objects::client::{Client, CompletedPart, ListObjects, ObjectMeta};
use packhorse_objects::digest::BodyDigest;
use packhorse_objects::embedded::{Embedded, OpenError};

use crate::support::{Room, bytes, client, secret_of};

async fn put(client: &Client, key: &str, size: usize) -> Result<String, String> {
    let body = bytes(size, size as u64);
    let digest = BodyDigest::of(&body);
    client
        .put_object("bucket", key, &ObjectMeta::default(), body, &digest)
        .await
        .map_err(|error| error.to_string())
}

async fn check_body(client: &Client, key: &str, size: usize) {
    let object = client.get_object("bucket", key, None).await.unwrap();
    let body = object.body.collect(1 << 24).await.unwrap();
    assert_eq!(body, bytes(size, size as u64), "{key}");
}

#[tokio::test]
async fn objects_and_uploads_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let room = Room::start_in(folder.path()).await;
    let ann = room.client("ANN");
    ann.create_bucket("bucket").await.unwrap();
    put(&ann, "small", 10).await.unwrap();
    put(&ann, "large", 300_000).await.unwrap();
    let meta = ObjectMeta::default();
    let upload = ann
        .create_multipart_upload("bucket", "parts", &meta)
        .await
        .unwrap();
    let part = bytes(200_000, 1);
    let digest = BodyDigest::of(&part);
    ann.upload_part("bucket", "parts", &upload, 1, part.clone(), &digest)
        .await
        .unwrap();
    room.stop().await;

    let room = Room::start_in(folder.path()).await;
    let ann = room.client("ANN");
    check_body(&ann, "small", 10).await;
    check_body(&ann, "large", 300_000).await;
    let part = CompletedPart {
        number: 1,
        etag: digest.etag(),
        crc32c: digest.crc32c,
    };
    ann.complete_multipart_upload("bucket", "parts", &upload, &[part])
        .await
        .unwrap();
    let info = ann.head_object("bucket", "parts").await.unwrap();
    assert_eq!(info.size, 200_000);
    room.stop().await;
}

fn count_files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap())
        .map(|entry| match entry.file_type().unwrap().is_dir() {
            true => count_files(&entry.path()),
            false => 1,
        })
        .sum()
}

#[tokio::test]
async fn replaced_and_deleted_bodies_leave_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let bodies = folder.path().join("bodies");
    let room = Room::start_in(folder.path()).await;
    let ann = room.client("ANN");
    ann.create_bucket("bucket").await.unwrap();
    for size in [100_000, 200_000, 300_000] {
        put(&ann, "k", size).await.unwrap();
    }
    check_body(&ann, "k", 300_000).await;
    put(&ann, "gone", 100_000).await.unwrap();
    ann.delete_object("bucket", "gone").await.unwrap();
    room.stop().await;
    assert_eq!(count_files(&bodies), 1);
}

#[tokio::test]
async fn a_store_is_open_once() {
    let folder = tempfile::tempdir().unwrap();
    let first = Embedded::open(folder.path()).unwrap();
    assert!(matches!(
        Embedded::open(folder.path()),
        Err(OpenError::InUse)
    ));
    drop(first);
    Embedded::open(folder.path()).unwrap();
}

const SERVE_IN: &str = "OBJECTS_TEST_SERVE_IN";

/// Not a check of its own: the process that the next test kills runs this binary again with a
/// folder in its environment, and then this serves it until it is killed.
#[test]
#[allow(
    clippy::disallowed_methods,
    reason = "the parent hands the folder over this way"
)]
fn serves_when_it_is_the_process_to_kill() {
    let Ok(folder) = std::env::var(SERVE_IN) else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let room = Room::start_in(folder.as_ref()).await;
        eprintln!("serving {}", room.endpoint);
        std::future::pending::<()>().await;
    });
}

fn start_process(folder: &Path) -> (Child, String) {
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "durability::serves_when_it_is_the_process_to_kill",
            "--nocapture",
        ])
        .env(SERVE_IN, folder)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(process.stderr.take().unwrap()).lines();
    let endpoint = lines
        .map(|line| line.unwrap())
        .find_map(|line| line.strip_prefix("serving ").map(str::to_owned));
    (process, endpoint.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answered_put_survives_kill_9_and_no_other_is_torn() {
    let folder = tempfile::tempdir().unwrap();
    let mut answered: Vec<(String, usize)> = Vec::new();
    for round in 0..6_usize {
        let (mut process, endpoint) = start_process(folder.path());
        let ann = client(&endpoint, "ANN", &secret_of("ANN"));
        if round == 0 {
            ann.create_bucket("bucket").await.unwrap();
        }
        for (key, size) in &answered {
            check_body(&ann, key, *size).await;
        }
        let mut puts = tokio::task::JoinSet::new();
        for number in 0..200_usize {
            let ann = ann.clone();
            puts.spawn(async move {
                let size = if number.is_multiple_of(4) {
                    150_000 + number
                } else {
                    3_000 + number
                };
                let key = format!("{round}/{number}");
                put(&ann, &key, size).await.map(|_| (key, size))
            });
        }
        // Killed in the middle: after some answers, before others.
        let mut before = round * 25;
        while let Some(done) = puts.join_next().await {
            answered.extend(done.unwrap());
            if before == 0 {
                process.kill().unwrap();
            }
            before = before.wrapping_sub(1);
        }
        process.wait().unwrap();
    }
    assert!(answered.len() >= 6);
    let room = Room::start_in(folder.path()).await;
    let ann = room.client("ANN");
    for (key, size) in &answered {
        check_body(&ann, key, *size).await;
    }
    let mut wanted = ListObjects::default();
    loop {
        let page = ann.list_objects("bucket", &wanted).await.unwrap();
        for object in &page.objects {
            let size = usize::try_from(object.size).unwrap();
            check_body(&ann, &object.key, size).await;
        }
        wanted.continuation_token = page.next;
        if wanted.continuation_token.is_none() {
            break;
        }
    }
    room.stop().await;
}
