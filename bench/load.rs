//! Sends signed requests over kept connections as fast as they are answered, and measures.
//!
//! `load ADDRESS ACTION CONNECTIONS SECONDS < keys.json` prints one JSON line: requests answered,
//! seconds, median and 99th percentile of the latency in microseconds, and how often each status
//! came. ACTION is `get-status`, `create-job`, or, to compare what a refusal takes, `unknown-key`
//! or `wrong-signature`. The keys are a list of
//! `{"id": …, "secret": …, "bucket": …, "job": …}`, used in turn.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a program for measuring: it stops at the first thing that is not as expected"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use packhorse_core::job::JobType;
use packhorse_core::secret::Secret;
use packhorse_wire::actions::{Action, CreateJob, GetStatus};
use packhorse_wire::sigv4::{AmzDate, Dialect, Payload, Scope, SignAs, SigningKey, sign_headers};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longest answer read: GetStatus with a manifest of some hundred bytes has 2 KiB.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

#[derive(serde::Deserialize)]
struct Key {
    id: String,
    secret: String,
    bucket: String,
    job: String,
}

/// What one connection saw: latencies in microseconds, and statuses.
#[derive(Default)]
struct Seen {
    micros: Vec<u32>,
    statuses: BTreeMap<u16, u64>,
}

fn manifest(bucket: &str) -> String {
    format!(
        "manifestVersion: 2.0\nbucket: {bucket}\ndeviceId: 3QD0T87T\neraseDevice: no\n\
         notificationEmail: jane@example.com\nprefix: imported/\nreturnAddress:\n\
         \x20   name: Jane Roe\n    company: Example Corp\n    street1: 123 Any Street\n\
         \x20   city: Anytown\n    stateOrProvince: WA\n    postalCode: 91111\n\
         \x20   phoneNumber: 206-555-1000\n    country: USA\n"
    )
}

fn form(action: &str, key: &Key) -> String {
    let status = || GetStatus {
        job_id: key.job.clone(),
        manifest_secrets: false,
        api_version: None,
    };
    match action {
        "create-job" => CreateJob {
            job_type: JobType::Import,
            manifest: manifest(&key.bucket),
            manifest_addendum: None,
            validate_only: false,
            api_version: None,
        }
        .form(),
        "get-status" | "unknown-key" | "wrong-signature" => status().form(),
        other => panic!("{other} is no action"),
    }
}

/// A signed request as bytes.
fn request(address: &str, action: &str, key: &Key, body: &str) -> Vec<u8> {
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_str(address).unwrap());
    let form_type = "application/x-www-form-urlencoded; charset=utf-8";
    headers.insert("content-type", HeaderValue::from_static(form_type));
    let date = AmzDate::new(Timestamp::now());
    let secret = match action {
        "wrong-signature" => "a secret that is not the key's, as long..",
        _ => &key.secret,
    };
    let scope = Scope::new(&date, "us-east-1", "IngestionService");
    let signer = SignAs {
        access_key_id: match action {
            "unknown-key" => "AKIAQQQQQQQQQQQQQQQQ",
            _ => &key.id,
        },
        key: &SigningKey::derive(&Secret::new(secret), scope),
        dialect: Dialect::Query,
    };
    let payload = Payload::of(body.as_bytes());
    sign_headers(signer, "POST", ("/", ""), &mut headers, payload, &date);
    let mut bytes = b"POST / HTTP/1.1\r\n".to_vec();
    for (name, value) in &headers {
        bytes.extend_from_slice(format!("{name}: {}\r\n", value.to_str().unwrap()).as_bytes());
    }
    bytes.extend_from_slice(format!("content-length: {}\r\n\r\n{body}", body.len()).as_bytes());
    bytes
}

/// Reads one answer; gives its status.
async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> u16 {
    buffer.clear();
    let mut whole = None;
    loop {
        assert!(
            stream.read_buf(buffer).await.unwrap() > 0,
            "the server closed a connection"
        );
        assert!(buffer.len() < ANSWER_BYTES_MAX, "an answer is too long");
        if whole.is_none()
            && let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n")
        {
            let head = std::str::from_utf8(&buffer[..end]).unwrap();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            whole = Some(end + 4 + length.unwrap().parse::<usize>().unwrap());
        }
        if whole.is_some_and(|length| buffer.len() >= length) {
            let status = std::str::from_utf8(&buffer[9..12]).unwrap();
            return status.parse().unwrap();
        }
    }
}

async fn connection(
    address: Arc<str>,
    action: Arc<str>,
    keys: Arc<Vec<Key>>,
    first: usize,
    until: Instant,
) -> Seen {
    let mut stream = TcpStream::connect(&*address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut seen = Seen::default();
    let mut buffer = Vec::new();
    for turn in first.. {
        if Instant::now() >= until {
            break;
        }
        let key = &keys[turn % keys.len()];
        let bytes = request(&address, &action, key, &form(&action, key));
        let begun = Instant::now();
        stream.write_all(&bytes).await.unwrap();
        let status = answer(&mut stream, &mut buffer).await;
        seen.micros.push(begun.elapsed().as_micros() as u32);
        *seen.statuses.entry(status).or_default() += 1;
    }
    seen
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, action, connections, seconds] = &arguments[..] else {
        panic!("load ADDRESS ACTION CONNECTIONS SECONDS < keys.json");
    };
    let keys: Vec<Key> = serde_json::from_reader(std::io::stdin()).unwrap();
    let keys = Arc::new(keys);
    let connections: usize = connections.parse().unwrap();
    let begun = Instant::now();
    let until = begun + Duration::from_secs_f64(seconds.parse().unwrap());
    let running: Vec<_> = (0..connections)
        .map(|number| {
            let first = number * 7919;
            let (address, action) = (address.as_str().into(), action.as_str().into());
            tokio::spawn(connection(address, action, keys.clone(), first, until))
        })
        .collect();
    let mut all = Seen::default();
    for task in running {
        let seen = task.await.unwrap();
        all.micros.extend(seen.micros);
        for (status, count) in seen.statuses {
            *all.statuses.entry(status).or_default() += count;
        }
    }
    let elapsed = begun.elapsed().as_secs_f64();
    all.micros.sort_unstable();
    let quantile = |part: f64| all.micros[((all.micros.len() - 1) as f64 * part) as usize];
    let line = serde_json::json!({
        "requests": all.micros.len(),
        "seconds": elapsed,
        "per_second": all.micros.len() as f64 / elapsed,
        "p50_us": quantile(0.5),
        "p99_us": quantile(0.99),
        "statuses": all.statuses,
    });
    println!("{line}");
}
