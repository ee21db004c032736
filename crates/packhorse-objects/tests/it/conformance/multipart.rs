//! Objects in parts.

use bytes::Bytes;
use packhorse_objects::client::{Client, CompletedPart, Error, ObjectMeta, UploadId, UploadMarker};
use packhorse_objects::digest::{BodyDigest, multipart_etag};

use super::{awkward_keys, check};
use crate::support::bytes;

const MIB: usize = 1 << 20;

struct Part {
    body: Bytes,
    digest: BodyDigest,
}

fn parts(sizes: &[usize]) -> Vec<Part> {
    sizes
        .iter()
        .enumerate()
        .map(|(index, size)| {
            let body = bytes(*size, index as u64);
            let digest = BodyDigest::of(&body);
            Part { body, digest }
        })
        .collect()
}

fn number(index: usize) -> u32 {
    index as u32 + 1
}

async fn send(
    client: &Client,
    (bucket, key): (&str, &str),
    upload: &UploadId,
    index: usize,
    part: &Part,
) -> Result<String, Error> {
    let body = part.body.clone();
    client
        .upload_part(bucket, key, upload, number(index), body, &part.digest)
        .await
}

fn completion(parts: &[Part]) -> Vec<CompletedPart> {
    parts
        .iter()
        .enumerate()
        .map(|(index, part)| CompletedPart {
            number: number(index),
            etag: part.digest.etag(),
            crc32c: part.digest.crc32c,
        })
        .collect()
}

#[tokio::test]
async fn an_upload_is_resumed_from_the_parts_the_store_has() {
    check(|client, bucket| async move {
        let key = "resumed/ü";
        let parts = parts(&[5 * MIB, 5 * MIB, 6 * MIB + 1, 17]);
        let meta = ObjectMeta {
            content_type: Some("x/y".to_owned()),
            metadata: vec![("a".to_owned(), "b".to_owned())],
            ..ObjectMeta::default()
        };
        let upload = client
            .create_multipart_upload(bucket, key, &meta)
            .await
            .unwrap();
        for index in [0, 2] {
            let etag = send(&client, (bucket, key), &upload, index, &parts[index]).await;
            assert_eq!(etag.unwrap(), parts[index].digest.etag());
        }
        assert!(client.head_object(bucket, key).await.is_err());
        // A station that starts again knows only bucket and prefix.
        let found = client
            .list_multipart_uploads(bucket, "resumed/", None)
            .await
            .unwrap();
        let [found] = found.uploads.as_slice() else {
            panic!("one upload is in progress")
        };
        assert_eq!((&found.id, found.key.as_str()), (&upload, key));
        let have = client
            .list_parts(bucket, key, &found.id, 0)
            .await
            .unwrap()
            .parts;
        let have: Vec<(u32, u64)> = have.iter().map(|part| (part.number, part.size)).collect();
        assert_eq!(have, [(1, 5 << 20), (3, (6 << 20) + 1)]);
        for index in [1, 3] {
            send(&client, (bucket, key), &upload, index, &parts[index])
                .await
                .unwrap();
        }
        let etag = client
            .complete_multipart_upload(bucket, key, &upload, &completion(&parts))
            .await
            .unwrap()
            .unwrap();
        let md5s: Vec<[u8; 16]> = parts.iter().map(|part| part.digest.md5).collect();
        assert_eq!(etag, multipart_etag(&md5s));
        let object = client.get_object(bucket, key, None).await.unwrap();
        assert_eq!(object.etag, etag);
        assert_eq!(object.meta.content_type.as_deref(), Some("x/y"));
        assert_eq!(object.meta.metadata, meta.metadata);
        let whole: Vec<u8> = parts.iter().flat_map(|part| part.body.to_vec()).collect();
        assert_eq!(object.body.collect(32 << 20).await.unwrap(), whole);
        // Across the border of two parts.
        let range = (5 * MIB as u64 - 10, 10 * MIB as u64 + 10);
        let object = client.get_object(bucket, key, Some(range)).await.unwrap();
        let part = object.body.collect(32 << 20).await.unwrap();
        assert_eq!(part, whole[range.0 as usize..=range.1 as usize]);
        let again = client
            .complete_multipart_upload(bucket, key, &upload, &completion(&parts))
            .await
            .unwrap_err();
        assert_eq!(again.code(), Some("NoSuchUpload"));
    })
    .await;
}

#[tokio::test]
async fn a_completion_that_does_not_fit_is_refused_and_changes_nothing() {
    check(|client, bucket| async move {
        let parts = parts(&[5 * MIB, 100, 5 * MIB]);
        let upload = client
            .create_multipart_upload(bucket, "k", &ObjectMeta::default())
            .await
            .unwrap();
        for (index, part) in parts.iter().enumerate() {
            send(&client, (bucket, "k"), &upload, index, part)
                .await
                .unwrap();
        }
        let all = completion(&parts);
        let mut reversed = all.clone();
        reversed.reverse();
        let mut unknown = all.clone();
        unknown[2].number = 9;
        let mut other_etag = all.clone();
        other_etag[0].etag = other_etag[1].etag.clone();
        let mut other_sum = all.clone();
        other_sum[0].crc32c ^= 1;
        for (named, code) in [
            (reversed, "InvalidPartOrder"),
            (unknown, "InvalidPart"),
            (other_etag, "InvalidPart"),
            (other_sum, "InvalidPart"),
            (all.clone(), "EntityTooSmall"),
            (Vec::new(), "MalformedXML"),
        ] {
            let refused = client
                .complete_multipart_upload(bucket, "k", &upload, &named)
                .await;
            assert_eq!(refused.unwrap_err().code(), Some(code));
        }
        // Leaving the small one out makes it an object of two parts.
        let two = [all[0].clone(), all[2].clone()];
        client
            .complete_multipart_upload(bucket, "k", &upload, &two)
            .await
            .unwrap();
        let info = client.head_object(bucket, "k").await.unwrap();
        assert_eq!(info.size, 10 * MIB as u64);
        let md5s = [parts[0].digest.md5, parts[2].digest.md5];
        assert_eq!(info.etag, multipart_etag(&md5s));
    })
    .await;
}

#[tokio::test]
async fn a_part_sent_again_replaces_the_former_and_a_wrong_one_is_refused() {
    check(|client, bucket| async move {
        let upload = client
            .create_multipart_upload(bucket, "k", &ObjectMeta::default())
            .await
            .unwrap();
        let versions = parts(&[200_000, 100]);
        for part in &versions {
            send(&client, (bucket, "k"), &upload, 0, part)
                .await
                .unwrap();
        }
        let wrong = Part {
            body: versions[0].body.clone(),
            digest: versions[1].digest,
        };
        let error = send(&client, (bucket, "k"), &upload, 0, &wrong).await;
        assert_eq!(error.unwrap_err().code(), Some("BadDigest"));
        let have = client.list_parts(bucket, "k", &upload, 0).await.unwrap();
        assert_eq!(have.parts.len(), 1);
        assert_eq!(have.parts[0].etag, versions[1].digest.etag());
        assert_eq!(have.parts[0].size, 100);
        let named = completion(&versions[1..]);
        client
            .complete_multipart_upload(bucket, "k", &upload, &named)
            .await
            .unwrap();
    })
    .await;
}

#[tokio::test]
async fn an_aborted_upload_leaves_nothing() {
    check(|client, bucket| async move {
        let upload = client
            .create_multipart_upload(bucket, "k", &ObjectMeta::default())
            .await
            .unwrap();
        let part = &parts(&[70_000])[0];
        send(&client, (bucket, "k"), &upload, 0, part)
            .await
            .unwrap();
        client
            .abort_multipart_upload(bucket, "k", &upload)
            .await
            .unwrap();
        for result in [
            send(&client, (bucket, "k"), &upload, 0, part).await.err(),
            client.list_parts(bucket, "k", &upload, 0).await.err(),
            client
                .abort_multipart_upload(bucket, "k", &upload)
                .await
                .err(),
        ] {
            assert_eq!(result.unwrap().code(), Some("NoSuchUpload"));
        }
        let left = client
            .list_multipart_uploads(bucket, "", None)
            .await
            .unwrap();
        assert_eq!(left.uploads, []);
    })
    .await;
}

#[tokio::test]
async fn uploads_of_awkward_keys_are_listed_by_key_and_age() {
    check(|client, bucket| async move {
        let mut keys = awkward_keys();
        keys.extend(["same".to_owned(), "same".to_owned()]);
        keys.sort_unstable();
        let mut expected = Vec::new();
        for key in &keys {
            let meta = ObjectMeta::default();
            let id = client.create_multipart_upload(bucket, key, &meta).await;
            expected.push((key.clone(), id.unwrap()));
        }
        let mut marker: Option<UploadMarker> = None;
        let mut listed = Vec::new();
        loop {
            let page = client
                .list_multipart_uploads(bucket, "", marker.as_ref())
                .await
                .unwrap();
            listed.extend(
                page.uploads
                    .into_iter()
                    .map(|upload| (upload.key, upload.id)),
            );
            marker = page.next;
            if marker.is_none() {
                break;
            }
        }
        assert_eq!(listed, expected);
        let (first, middle) = (&expected[0], expected.len() / 2);
        let marker = UploadMarker {
            key: expected[middle].0.clone(),
            id: expected[middle].1.0.clone(),
        };
        let rest = client
            .list_multipart_uploads(bucket, "", Some(&marker))
            .await
            .unwrap();
        assert_eq!(rest.uploads.len(), expected.len() - middle - 1);
        let page = client
            .list_multipart_uploads(bucket, &first.0, None)
            .await
            .unwrap();
        assert!(page.uploads.iter().all(|u| u.key.starts_with(&first.0)));
    })
    .await;
}
