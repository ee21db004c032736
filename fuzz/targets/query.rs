//! A request's URL and body: decoded or refused, never a panic; what was decoded means the same
//! when it is written again.

#![no_main]

use http::HeaderMap;
use libfuzzer_sys::fuzz_target;
use packhorse_wire::actions::Request;
use packhorse_wire::query::{Call, Parameters, encode_form};

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.splitn(3, '\n');
    let (path, query) = (lines.next().unwrap_or(""), lines.next().unwrap_or(""));
    let body = lines.next().unwrap_or("").as_bytes();
    let headers = HeaderMap::new();
    let call = Call {
        method: "POST",
        path,
        query,
        headers: &headers,
        body,
    };
    let Ok(parameters) = call.parameters() else {
        return;
    };
    let again = encode_form(parameters.iter().map(|p| (&p.name, &p.value)));
    // Encoding makes it longer, perhaps longer than a body may be.
    if let Ok(again) = Parameters::decode("", again.as_bytes()) {
        let pairs = |all: &Parameters| -> Vec<(String, String)> {
            let all = all.iter();
            all.map(|p| (p.name.clone(), p.value.clone())).collect()
        };
        assert_eq!(pairs(&again), pairs(&parameters));
    }
    if let Err(fault) = Request::read(path, &parameters) {
        // A refusal must be a document that its reader understands.
        let document = fault.to_xml("id");
        let read = packhorse_wire::fault::ErrorAnswer::parse(&document).expect("well-formed");
        assert_eq!(read.known_code(), Some(fault.code()));
    }
});
