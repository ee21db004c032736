//! Which request gets which answer.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};

use crate::answer::{Answer, element};
use crate::faults::{Fate, Faults, Knobs};
use crate::http::{Connection, Request, decode};
use crate::listing::{delete_many, list_buckets, list_objects, list_parts, list_uploads, texts};
use crate::objects::{Bucket, Object, Upload, from_base64};

/// A document of a client is no longer than this: 10,000 parts, or 1,000 keys to delete.
const DOCUMENT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The MD5 of nothing.
const EMPTY_MD5: [u8; 16] = [
    0xd4, 0x1d, 0x8c, 0xd9, 0x8f, 0x00, 0xb2, 0x04, 0xe9, 0x80, 0x09, 0x98, 0xec, 0xf8, 0x42, 0x7e,
];
/// Zeros of an object are sent in pieces of this size.
static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

/// The store.
pub struct Store {
    buckets: Mutex<BTreeMap<String, Bucket>>,
    faults: Faults,
    compute_md5: bool,
    next_upload: AtomicU64,
    requests: AtomicU64,
}

impl Store {
    /// An empty store.
    pub fn new(knobs: Knobs, compute_md5: bool) -> Self {
        Self {
            buckets: Mutex::default(),
            faults: Faults::new(knobs),
            compute_md5,
            next_upload: AtomicU64::new(1),
            requests: AtomicU64::new(0),
        }
    }

    /// Answers one request; says whether the connection goes on.
    pub fn answer(&self, connection: &mut Connection, request: &Request) -> io::Result<bool> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let is_put = request.method == "PUT" && request.body_bytes > 0;
        let compute = is_put && (self.compute_md5 || request.content_md5.is_none());
        let keep = if is_put { 0 } else { DOCUMENT_BYTES_MAX };
        let body = connection.drain(request, compute, keep)?;
        self.faults.travel(body.bytes);
        let fate = if is_put {
            self.faults.draw()
        } else {
            Fate::Well
        };
        match fate {
            Fate::Reset => return Ok(false),
            Fate::Hang => loop {
                std::thread::park();
            },
            Fate::SlowDown => {
                let refusal = Answer::refusal("503 Slow Down", "SlowDown");
                connection.send(&refusal.0)?;
                return Ok(true);
            }
            Fate::Well | Fate::Corrupt => {}
        }
        let claimed = request.content_md5.as_deref().map(from_base64);
        let answer = match (claimed, body.md5) {
            (Some(None), _) => Answer::refusal("400 Bad Request", "InvalidDigest"),
            (Some(Some(claimed)), Some(computed)) if claimed != computed => {
                Answer::refusal("400 Bad Request", "BadDigest")
            }
            (claimed, computed) => {
                let mut object = Object {
                    size: body.bytes,
                    md5: claimed.flatten().or(computed).unwrap_or(EMPTY_MD5),
                    parts: 0,
                };
                if fate == Fate::Corrupt {
                    object.md5[0] ^= 1;
                }
                self.route(request, object, &String::from_utf8_lossy(&body.kept))
            }
        };
        connection.send(&answer.0)?;
        send_zeros(connection, answer.1)?;
        Ok(true)
    }

    /// Requests answered so far.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    fn buckets(&self) -> MutexGuard<'_, BTreeMap<String, Bucket>> {
        self.buckets
            .lock()
            .expect("no thread panics with the buckets")
    }

    fn route(&self, request: &Request, object: Object, document: &str) -> Answer {
        let path = request.path.trim_start_matches('/');
        let (name, key) = path.split_once('/').unwrap_or((path, ""));
        let (name, key) = (decode(name, false), decode(key, false));
        let mut buckets = self.buckets();
        match (request.method.as_str(), name.is_empty(), key.is_empty()) {
            ("GET", true, _) => return list_buckets(&buckets),
            ("PUT", false, true) => {
                buckets.entry(name).or_default();
                return Answer::done();
            }
            ("DELETE", false, true) => {
                buckets.remove(&name);
                return Answer::new("204 No Content", "", "");
            }
            _ => {}
        }
        let Some(bucket) = buckets.get_mut(&name) else {
            return Answer::refusal("404 Not Found", "NoSuchBucket");
        };
        if key.is_empty() {
            return match request.method.as_str() {
                "HEAD" => Answer::done(),
                "POST" if request.parameter("delete").is_some() => delete_many(bucket, document),
                "GET" if request.parameter("uploads").is_some() => list_uploads(bucket, request),
                "GET" if request.parameter("location").is_some() => {
                    Answer::document("LocationConstraint", "")
                }
                "GET" => list_objects(bucket, request),
                _ => Answer::refusal("501 Not Implemented", "NotImplemented"),
            };
        }
        let upload = request
            .parameter("uploadId")
            .map(|id| id.parse::<u64>().unwrap_or(0));
        match (request.method.as_str(), upload) {
            ("PUT", Some(id)) => put_part(bucket, request, id, object),
            ("PUT", None) => {
                let etag = object.etag();
                bucket.objects.insert(key.into(), object);
                Answer::etag(&etag)
            }
            ("POST", None) if request.parameter("uploads").is_some() => {
                let id = self.next_upload.fetch_add(1, Ordering::Relaxed);
                let parts = BTreeMap::new();
                let mut inside = String::new();
                element(&mut inside, "Bucket", &name);
                element(&mut inside, "Key", &key);
                element(&mut inside, "UploadId", &id.to_string());
                bucket.uploads.insert(id, Upload { key, parts });
                Answer::document("InitiateMultipartUploadResult", &inside)
            }
            ("POST", Some(id)) => complete(bucket, id, document),
            ("GET", Some(id)) => list_parts(bucket, id),
            ("DELETE", Some(id)) => match bucket.uploads.remove(&id) {
                Some(_) => Answer::new("204 No Content", "", ""),
                None => Answer::refusal("404 Not Found", "NoSuchUpload"),
            },
            ("DELETE", None) => {
                bucket.objects.remove(key.as_str());
                Answer::new("204 No Content", "", "")
            }
            ("HEAD", None) => match bucket.objects.get(key.as_str()) {
                Some(object) => Answer::object(object, 0),
                None => Answer::new("404 Not Found", "", ""),
            },
            ("GET", None) => match bucket.objects.get(key.as_str()) {
                Some(object) => Answer::object(object, object.size),
                None => Answer::refusal("404 Not Found", "NoSuchKey"),
            },
            _ => Answer::refusal("501 Not Implemented", "NotImplemented"),
        }
    }
}

fn put_part(bucket: &mut Bucket, request: &Request, id: u64, part: Object) -> Answer {
    let number = request.parameter("partNumber").and_then(|n| n.parse().ok());
    match (bucket.uploads.get_mut(&id), number) {
        (Some(upload), Some(number)) => {
            let etag = part.etag();
            upload.parts.insert(number, part);
            Answer::etag(&etag)
        }
        (None, _) => Answer::refusal("404 Not Found", "NoSuchUpload"),
        (_, None) => Answer::refusal("400 Bad Request", "InvalidArgument"),
    }
}

fn complete(bucket: &mut Bucket, id: u64, document: &str) -> Answer {
    let numbers: Vec<u32> = texts(document, "PartNumber")
        .filter_map(|number| number.parse().ok())
        .collect();
    if !bucket.uploads.contains_key(&id) {
        return Answer::refusal("404 Not Found", "NoSuchUpload");
    }
    match bucket.complete(id, &numbers) {
        Some((key, object)) => {
            let mut inside = String::new();
            element(&mut inside, "Key", &key);
            element(&mut inside, "ETag", &format!("\"{}\"", object.etag()));
            Answer::document("CompleteMultipartUploadResult", &inside)
        }
        None => Answer::refusal("400 Bad Request", "InvalidPart"),
    }
}

fn send_zeros(connection: &mut Connection, mut left: u64) -> io::Result<()> {
    while left > 0 {
        let here = ZEROS
            .len()
            .min(usize::try_from(left).unwrap_or(ZEROS.len()));
        connection.send(&ZEROS[..here])?;
        left -= here as u64;
    }
    Ok(())
}
