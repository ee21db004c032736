//! PutObject.

use http::StatusCode;
use http::header::ETAG;

use super::Ask;
use crate::clock;
use crate::embedded::answer::{Answer, checksum_headers, empty, quoted, set};
use crate::embedded::attributes::Attributes;
use crate::embedded::checksum::{Algorithm, Checksum};
use crate::embedded::fault::{Code, Fault};
use crate::embedded::head::Head;
use crate::embedded::index::objects::Object;
use crate::embedded::intake::{Received, Source, receive};
use crate::embedded::limits::OBJECT_BYTES_MAX;

pub(super) async fn put(mut ask: Ask<'_>) -> Result<Answer, Fault> {
    let bucket = ask.bucket_to_write()?;
    check_length(&ask.head, OBJECT_BYTES_MAX)?;
    let attributes = Attributes::of_request(&ask.head.headers)?;
    let condition = ask.condition()?;
    let expected = ask.expected(None)?;
    let algorithm = expected.algorithm();
    let key = ask.key().to_owned();
    let store = ask.store;
    let received = receive(
        &store.files,
        Source::Request(Box::new(ask.payload()?)),
        expected,
    )
    .await?;
    let object = object_of(&received, attributes, algorithm);
    let answer = stored(&object);
    store
        .index
        .change(move |changes| {
            changes.put_object(bucket.id, &key, object, received.body, &condition)
        })
        .await?;
    Ok(answer)
}

/// Refuses a body that is announced as too long before a byte of it is read.
pub(super) fn check_length(head: &Head, limit: u64) -> Result<(), Fault> {
    let announced = head
        .header("x-amz-decoded-content-length")
        .or_else(|| head.header("content-length"))
        .and_then(|text| text.parse::<u64>().ok());
    match announced {
        Some(length) if length > limit => Err(Code::EntityTooLarge.into()),
        Some(_) | None => Ok(()),
    }
}

/// The object that a body makes when it is stored in one piece.
pub(super) fn object_of(
    received: &Received,
    mut attributes: Attributes,
    algorithm: Option<Algorithm>,
) -> Object {
    if let (Some(algorithm), Some(value)) = (algorithm, &received.found.checksum) {
        attributes.checksum = Some(Checksum::of_body(algorithm, value));
    }
    Object {
        size: received.size,
        etag: hex::encode(received.found.md5),
        modified: clock::now().as_millisecond(),
        body: 0,
        parts: 0,
        attributes,
    }
}

fn stored(object: &Object) -> Answer {
    let mut answer = empty(StatusCode::OK);
    let headers = answer.headers_mut();
    set(headers, ETAG, &quoted(&object.etag));
    if let Some(checksum) = &object.attributes.checksum {
        checksum_headers(headers, checksum);
    }
    answer
}
