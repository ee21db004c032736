//! What a request says about its signature: read or refused, and never accepted without the key.

#![no_main]

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use packhorse_core::secret::Secret;
use packhorse_wire::authenticate::Claim;
use packhorse_wire::query::Call;

/// Headers that signatures are read from; each may be given twice.
const NAMES: [&str; 8] = [
    "host",
    "authorization",
    "x-amz-date",
    "x-amz-content-sha256",
    "x-amz-security-token",
    "content-type",
    "authorization",
    "x-amz-date",
];

fuzz_target!(|data: &[u8]| {
    // Method, URL and body in lines, then the headers' values.
    let mut lines = data.split(|byte| *byte == b'\n');
    let mut text = || String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let (method, path, query, body) = (text(), text(), text(), text());
    let mut headers = HeaderMap::new();
    for (name, value) in NAMES.iter().zip(lines) {
        if let Ok(value) = HeaderValue::from_bytes(value)
            && !value.is_empty()
        {
            headers.append(HeaderName::from_static(name), value);
        }
    }
    let call = Call {
        method: if method.starts_with('G') { "GET" } else { "POST" },
        path: &path,
        query: &query,
        headers: &headers,
        body: body.as_bytes(),
    };
    let Ok(parameters) = call.parameters() else {
        return;
    };
    let Ok(claim) = Claim::find(&call, &parameters) else {
        return;
    };
    let now = Timestamp::UNIX_EPOCH;
    // No input can hold a signature under a key that no input can know.
    let secret = Secret::new("a secret that is not in any corpus");
    assert!(claim.verify(&call, &parameters, Some(&secret), now).is_err());
    assert!(claim.verify(&call, &parameters, None, now).is_err());
    let _ = format!("{claim:?} {:?}", claim.region());
});
