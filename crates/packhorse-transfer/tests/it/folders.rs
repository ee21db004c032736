//! Folders of every kind become objects and rows.

use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

use bytes::Bytes;
use md5::{Digest, Md5};
use packhorse_objects::client::ObjectMeta;
use packhorse_objects::digest::BodyDigest;

use crate::bench_of_one::{BUCKET, Bench, noise};

#[tokio::test(flavor = "multi_thread")]
async fn every_file_becomes_its_object_and_a_row() {
    let bench = Bench::new().await;
    bench.write("SIGNATURE", b"version:2.0");
    bench.write("empty", b"");
    bench.write("photos/été 1.jpg", &noise(5000, 1));
    bench.write("a/+b/%41 c", b"x");
    bench.write("large.bin", &noise((16 << 20) + 1, 2));
    let report = bench.load("prefix: p/\n").await;
    let mut expected = bench.files();
    expected.remove("SIGNATURE");
    let expected = expected
        .into_iter()
        .map(|(key, bytes)| (format!("p/{key}"), bytes))
        .collect();
    assert_eq!(bench.objects().await, expected);
    let large = hex::encode(Md5::digest(noise((16 << 20) + 1, 2)));
    let photo = hex::encode(Md5::digest(noise(5000, 1)));
    assert_eq!(
        report,
        [
            "File,Status,Code,Key,MD5,Bytes,Content-Type".to_owned(),
            "SIGNATURE,103,Ignored,,,11,".to_owned(),
            format!(
                "a/+b/%41 c,200,OK,{BUCKET}/p/a/+b/%41 c,9dd4e461268c8034f5c8564e155c67a6,1,\
                 binary/octet-stream"
            ),
            format!(
                "empty,200,OK,{BUCKET}/p/empty,d41d8cd98f00b204e9800998ecf8427e,0,\
                 binary/octet-stream"
            ),
            format!(
                "large.bin,200,OK,{BUCKET}/p/large.bin,{large},16777217,application/octet-stream"
            ),
            format!("photos/été 1.jpg,200,OK,{BUCKET}/p/photos/été 1.jpg,{photo},5000,image/jpeg"),
        ]
    );
    assert_eq!(bench.open_uploads().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_file_is_a_failed_row_and_is_never_opened() {
    let bench = Bench::new().await;
    bench.write("file", b"x");
    symlink("..", bench.disk.path().join("loop")).unwrap();
    let _socket = UnixListener::bind(bench.disk.path().join("socket")).unwrap();
    let report = bench.load("").await;
    assert!(
        report.contains(&"loop,400,SymbolicLink,,,0,".to_owned()),
        "{report:?}"
    );
    assert!(
        report.contains(&"socket,400,SpecialFile,,,0,".to_owned()),
        "{report:?}"
    );
    assert_eq!(bench.objects().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_files_with_one_key_the_first_path_wins_and_the_other_is_a_row() {
    let bench = Bench::new().await;
    bench.write("a_b", b"first");
    bench.write("a-b", b"second");
    let report = bench.load("substitutions:\n  \"_\": \"-\"\n").await;
    assert_eq!(
        bench.objects().await,
        [("a-b".to_owned(), b"second".to_vec())].into()
    );
    assert!(
        report.contains(&"a_b,409,KeyCollision,,,5,".to_owned()),
        "{report:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_device_has_an_empty_report() {
    let bench = Bench::new().await;
    assert_eq!(
        bench.load("").await,
        ["File,Status,Code,Key,MD5,Bytes,Content-Type"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn other_peoples_objects_between_the_keys_do_not_confuse_verification() {
    let bench = Bench::new().await;
    for name in ["IMG_2", "IMG_3", "z"] {
        bench.write(name, name.as_bytes());
    }
    let client = bench.client(&bench.endpoint);
    let digest = BodyDigest::of(b"");
    for number in 0..1100 {
        let key = format!("IMG_1{number}");
        let meta = ObjectMeta::default();
        client
            .put_object(BUCKET, &key, &meta, Bytes::new(), &digest)
            .await
            .unwrap();
    }
    let report = bench.load("").await;
    assert_eq!(
        report.iter().filter(|row| row.contains(",200,OK,")).count(),
        3,
        "{report:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_and_little_memory_are_enough() {
    let bench = Bench::new().await;
    for number in 0..4 {
        bench.write(&format!("large{number}"), &noise(17 << 20, number));
        bench.write(&format!("middle{number}"), &noise(7 << 20, number));
    }
    let mut import = bench.import("");
    import.limits.connections = 1;
    import.limits.memory_bytes = 8 << 20;
    import.run().await.unwrap();
    assert_eq!(bench.objects().await, bench.files());
}

#[tokio::test(flavor = "multi_thread")]
async fn files_on_both_sides_of_every_size_limit_have_their_bytes_and_their_md5() {
    let bench = Bench::new().await;
    // One PUT or parts, one part or more, in a group of small files or beside other larger ones.
    let limits = [128 << 10, 8 << 20, 16 << 20, 24 << 20];
    let sizes = limits
        .iter()
        .flat_map(|limit| [limit - 1, *limit, limit + 1]);
    for (number, size) in sizes.chain((0..100).map(|n| 97 * n)).enumerate() {
        bench.write(&format!("f{number:03}"), &noise(size, number as u64));
    }
    let report = bench.load("").await;
    let files = bench.files();
    for (row, (name, bytes)) in report.iter().skip(1).zip(&files) {
        let md5 = hex::encode(Md5::digest(bytes));
        let expected = format!("{name},200,OK,{BUCKET}/{name},{md5},{},", bytes.len());
        assert!(row.starts_with(&expected), "{row} {expected}");
    }
    assert_eq!(report.len(), files.len() + 1);
    assert_eq!(bench.objects().await, files);
}
