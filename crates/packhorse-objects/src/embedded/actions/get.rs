//! GetObject and HeadObject: conditions, ranges, parts, overrides.

use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH,
    CONTENT_RANGE, CONTENT_TYPE, EXPIRES, HeaderMap, HeaderName,
};
use http::{Method, Response, StatusCode};

use super::Ask;
use super::conditions::{self, READ};
use super::rights::readable;
use crate::embedded::answer::{Answer, checksum_headers, object_headers, set};
use crate::embedded::fault::{Code, Fault};
use crate::embedded::index::objects::{self, Opened};
use crate::embedded::limits::PARTS_MAX;
use crate::embedded::outlet::{AnswerBody, Run, StoredBytes};
use crate::embedded::range::{self, Range};

const OVERRIDES: [(&str, HeaderName); 6] = [
    ("response-cache-control", CACHE_CONTROL),
    ("response-content-disposition", CONTENT_DISPOSITION),
    ("response-content-encoding", CONTENT_ENCODING),
    ("response-content-language", CONTENT_LANGUAGE),
    ("response-content-type", CONTENT_TYPE),
    ("response-expires", EXPIRES),
];

pub(super) async fn get(ask: &Ask<'_>) -> Result<Answer, Fault> {
    let with_body = ask.head.method == Method::GET;
    let lease = ask.store.files.lease();
    let opened = open(ask).await?;
    let object = &opened.object;
    conditions::check(&ask.head, &READ, object)?;
    let range = wanted(ask, &opened)?;
    let mut headers = HeaderMap::new();
    object_headers(&mut headers, object)?;
    let whole = Range::whole(object.size);
    let sent = range.unwrap_or(whole);
    set(&mut headers, CONTENT_LENGTH, &sent.length.to_string());
    if range.is_some() {
        set(&mut headers, CONTENT_RANGE, &sent.header(object.size));
    }
    let asks_checksum = ask.head.header("x-amz-checksum-mode").is_some();
    if let Some(checksum) = &object.attributes.checksum
        && asks_checksum
        && sent == whole
    {
        checksum_headers(&mut headers, checksum);
    }
    if ask.head.asks("partNumber") && object.parts > 0 {
        let name = HeaderName::from_static("x-amz-mp-parts-count");
        set(&mut headers, name, &object.parts.to_string());
    }
    override_headers(ask, &mut headers)?;
    let body = match with_body {
        true => {
            let runs = range::runs(&opened, sent);
            AnswerBody::Stored(StoredBytes::new(ask.store.files.clone(), lease, runs))
        }
        false => AnswerBody::empty(),
    };
    let mut answer = Response::new(body);
    *answer.headers_mut() = headers;
    if range.is_some() {
        *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(answer)
}

async fn open(ask: &Ask<'_>) -> Result<Opened, Fault> {
    let bucket = ask.bucket_to_look()?;
    let (id, key) = (bucket.id, ask.key().to_owned());
    let found = ask
        .store
        .index
        .read(move |db| objects::open(db, id, &key))
        .await?;
    readable(&ask.caller, &bucket, found, |opened| &opened.object)
}

/// The range or part that is asked for; `None` for all of it.
fn wanted(ask: &Ask<'_>, opened: &Opened) -> Result<Option<Range>, Fault> {
    if let Some(number) = ask.head.number("partNumber", (1, PARTS_MAX))? {
        return part(opened, number).map(Some);
    }
    match ask.head.header("range") {
        Some(text) => range::parse(text, opened.object.size),
        None => Ok(None),
    }
}

fn part(opened: &Opened, number: u32) -> Result<Range, Fault> {
    let mut offset = 0;
    for piece in &opened.pieces {
        if piece.number == number {
            return Ok(Range {
                offset,
                length: piece.size,
            });
        }
        offset += piece.size;
    }
    Err(Code::InvalidRange.into())
}

/// `response-…` parameters; only somebody who signed may set them.
fn override_headers(ask: &Ask<'_>, headers: &mut HeaderMap) -> Result<(), Fault> {
    for (parameter, name) in OVERRIDES {
        let Some(value) = ask.head.query(parameter) else {
            continue;
        };
        if ask.caller.account.is_none() {
            return Err(Fault::new(
                Code::InvalidRequest,
                "response headers can be overridden by signed requests only",
            ));
        }
        let value = value.parse().map_err(|_| {
            Fault::new(
                Code::InvalidArgument,
                format!("{parameter} is not a header value"),
            )
        })?;
        headers.insert(name, value);
    }
    Ok(())
}

/// All bytes of an object or a range of it, for the store's own use.
pub(super) fn bytes(
    ask: &Ask<'_>,
    lease: crate::embedded::files::ReadLease,
    opened: &Opened,
    range: Range,
) -> StoredBytes {
    let runs: Vec<Run> = range::runs(opened, range);
    StoredBytes::new(ask.store.files.clone(), lease, runs)
}
