//! What every recorded request must come to.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use http::HeaderValue;
use packhorse_wire::actions::{
    Action, CancelJob, CreateJob, GetShippingLabel, GetStatus, ListJobs, Request, UpdateJob,
};
use packhorse_wire::authenticate::AuthError;
use packhorse_wire::fault::{Fault, FaultCode};
use packhorse_wire::query::Parameters;
use proptest::prelude::*;

use crate::capture::{self, Capture, Recorded, Refused};

/// The parameters that belong to signatures, in either version.
fn is_authentication(name: &str) -> bool {
    const V2: [&str; 6] = [
        "AWSAccessKeyId",
        "SignatureVersion",
        "SignatureMethod",
        "Timestamp",
        "Signature",
        "SecurityToken",
    ];
    V2.contains(&name) || name.starts_with("X-Amz-")
}

fn decoded(request: &Recorded) -> Parameters {
    request.call().parameters().unwrap()
}

#[test]
fn every_recording_verifies_exactly_if_it_should() {
    let captures = capture::all();
    assert_eq!(captures.len(), 243, "recordings in the index");
    let mut verified: BTreeMap<&str, usize> = BTreeMap::new();
    for capture in &captures {
        let outcome = capture.outcome(&capture.read());
        let expected = match (capture.verifies, capture.signature_version.as_str()) {
            (true, _) => Ok(()),
            (false, "none") => Err(Refused::Unsigned(AuthError::Absent)),
            (false, "1") => {
                let text = "a SignatureVersion other than 2";
                Err(Refused::Unsigned(AuthError::Unsupported(text)))
            }
            (false, _) => Err(Refused::Unsigned(AuthError::Mismatch)),
        };
        assert_eq!(outcome, expected, "{}", capture.file);
        if outcome.is_ok() {
            *verified.entry(&capture.signature_version).or_default() += 1;
        }
    }
    assert_eq!(
        verified,
        BTreeMap::from([("2", 120), ("4", 107), ("4-query", 4)])
    );
}

#[test]
fn every_recording_decodes_to_exactly_its_parameters() {
    for capture in capture::all() {
        let request = capture.read();
        assert_eq!(request.method, capture.method, "{}", capture.file);
        let parameters = decoded(&request);
        let names: Vec<&str> = parameters.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names, capture.wire_order, "{}", capture.file);
        let own: Vec<(String, String)> = parameters
            .iter()
            .filter(|parameter| !is_authentication(&parameter.name))
            .map(|parameter| (parameter.name.clone(), parameter.value.clone()))
            .collect();
        assert_eq!(own, capture.parameters, "{}", capture.file);
    }
}

/// The form that our own client would send for the same request.
fn form(request: &Request) -> String {
    match request {
        Request::CreateJob(action) => action.form(),
        Request::UpdateJob(action) => action.form(),
        Request::CancelJob(action) => action.form(),
        Request::GetStatus(action) => action.form(),
        Request::ListJobs(action) => action.form(),
        Request::GetShippingLabel(action) => action.form(),
        Request::UnlockJob(action) => action.form(),
    }
}

fn value<'a>(capture: &'a Capture, name: &str) -> Option<&'a str> {
    capture
        .parameters
        .iter()
        .find(|(n, _)| n == name)
        .map(|(_, value)| value.as_str())
}

/// What a recording must be refused with, by what is known to be wrong with its parameters.
fn expected_fault(capture: &Capture) -> Option<FaultCode> {
    let max_jobs = value(capture, "MaxJobs").and_then(|text| text.parse::<i64>().ok());
    let no_jobs = value(capture, "jobIds").is_some_and(str::is_empty);
    match () {
        () if max_jobs.is_some_and(|number| !(0..=1000).contains(&number)) => {
            Some(FaultCode::InvalidParameter)
        }
        () if no_jobs => Some(FaultCode::InvalidJobId),
        () => None,
    }
}

#[test]
fn every_recording_is_one_of_the_six_actions() {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut refused = 0;
    for capture in capture::all() {
        let request = capture.read();
        let read = Request::read(&request.path, &decoded(&request));
        let expected = expected_fault(&capture);
        assert_eq!(
            read.as_ref().err().map(Fault::code),
            expected,
            "{}",
            capture.file
        );
        let Ok(read) = read else {
            refused += 1;
            continue;
        };
        let name = value(&capture, "Action").or_else(|| value(&capture, "Operation"));
        assert_eq!(Some(read.name()), name, "{}", capture.file);
        for (name, text) in [("Manifest", manifest(&read)), ("JobId", job_id(&read))] {
            assert_eq!(text, value(&capture, name), "{} {name}", capture.file);
        }
        let again = Parameters::decode("", form(&read).as_bytes()).unwrap();
        assert_eq!(
            Request::read("/", &again),
            Ok(read.clone()),
            "{}",
            capture.file
        );
        *seen.entry(read.name()).or_default() += 1;
    }
    let names = [
        CancelJob::NAME,
        CreateJob::NAME,
        GetShippingLabel::NAME,
        GetStatus::NAME,
        ListJobs::NAME,
        UpdateJob::NAME,
    ];
    assert_eq!(seen.keys().copied().collect::<Vec<_>>(), names);
    assert!(
        refused > 0 && refused < 10,
        "{refused} recordings hold a value that is refused"
    );
}

fn manifest(request: &Request) -> Option<&str> {
    match request {
        Request::CreateJob(create) => Some(&create.manifest),
        Request::UpdateJob(update) => Some(&update.manifest),
        Request::CancelJob(_)
        | Request::GetStatus(_)
        | Request::ListJobs(_)
        | Request::GetShippingLabel(_)
        | Request::UnlockJob(_) => None,
    }
}

fn job_id(request: &Request) -> Option<&str> {
    match request {
        Request::UpdateJob(update) => Some(&update.job_id),
        Request::CancelJob(cancel) => Some(&cancel.job_id),
        Request::GetStatus(status) => Some(&status.job_id),
        Request::UnlockJob(unlock) => Some(&unlock.job_id),
        Request::CreateJob(_) | Request::ListJobs(_) | Request::GetShippingLabel(_) => None,
    }
}

/// A place in a request that its signature covers.
#[derive(Clone, Debug)]
enum Place {
    Path,
    Query,
    Body,
    Header(String),
}

/// The places of one recording that have any bytes.
fn places(capture: &Capture, request: &Recorded) -> Vec<Place> {
    let mut places = vec![Place::Path];
    if !request.query.is_empty() {
        places.push(Place::Query);
    }
    if !request.body.is_empty() {
        places.push(Place::Body);
    }
    let headers = capture.signed_headers.as_deref().unwrap_or_default();
    places.extend(
        headers
            .split(';')
            .filter(|h| !h.is_empty())
            .map(|h| Place::Header(h.into())),
    );
    places
}

/// Changes one byte; `None` when the result could not even be sent.
fn spoil(request: &Recorded, place: &Place, at: usize, mask: u8) -> Option<Recorded> {
    let change = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        let index = at % bytes.len();
        bytes[index] ^= mask;
        bytes
    };
    let change_text = |text: &str| String::from_utf8(change(text.as_bytes())).ok();
    let mut spoilt = request.clone();
    match place {
        Place::Path => spoilt.path = change_text(&request.path)?,
        Place::Query => spoilt.query = change_text(&request.query)?,
        Place::Body => spoilt.body = change(&request.body),
        Place::Header(name) => {
            let value = HeaderValue::from_bytes(&change(request.headers[name].as_bytes())).ok()?;
            spoilt
                .headers
                .insert(name.parse::<http::HeaderName>().unwrap(), value);
        }
    }
    Some(spoilt)
}

/// Whether a change is one of spelling alone (`%2a` for `%2A`), which the signed normal form does
/// not see. A body under version 4 is signed as sent.
fn means_the_same(capture: &Capture, request: &Recorded, spoilt: &Recorded, place: &Place) -> bool {
    let decodable = match place {
        Place::Query => true,
        Place::Body => capture.signature_version == "2",
        Place::Path | Place::Header(_) => false,
    };
    let same = |parameters: Parameters| {
        let pairs = |p: &Parameters| -> BTreeMap<String, String> {
            p.iter()
                .map(|p| (p.name.clone(), p.value.clone()))
                .collect()
        };
        pairs(&parameters) == pairs(&decoded(request))
    };
    decodable && spoilt.call().parameters().is_ok_and(same)
}

/// The recordings that verify.
static VERIFYING: LazyLock<Vec<(Capture, Recorded)>> = LazyLock::new(|| {
    let verifying = capture::all()
        .into_iter()
        .filter(|capture| capture.verifies);
    verifying
        .map(|capture| (capture.read(), capture))
        .map(|(r, c)| (c, r))
        .collect()
});

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn one_changed_byte_in_what_was_signed_is_refused(
        which: prop::sample::Index, place: prop::sample::Index, at: u32, mask in 1..=255_u8,
    ) {
        let (capture, request) = which.get(&VERIFYING);
        let places = places(capture, request);
        let place = place.get(&places);
        if let Some(spoilt) = spoil(request, place, at as usize, mask) {
            let same = means_the_same(capture, request, &spoilt, place);
            let outcome = capture.outcome(&spoilt);
            prop_assert_eq!(outcome.is_ok(), same, "{} {:?} {:?}", capture.file, place, outcome);
        }
    }
}

/// So many bytes of a place are all tried; of the longer ones the property above takes samples.
const SHORT_BYTES: usize = 120;

#[test]
fn no_byte_of_a_short_place_may_change() {
    let mut tried = 0;
    for (capture, request) in VERIFYING.iter() {
        for place in places(capture, request) {
            let length = match &place {
                Place::Path => request.path.len(),
                Place::Query => request.query.len(),
                Place::Body => request.body.len(),
                Place::Header(name) => request.headers[name].len(),
            };
            // The lowest bit makes another letter, the sixth another case.
            for (at, mask) in (0..length.min(SHORT_BYTES)).flat_map(|at| [(at, 1), (at, 32)]) {
                let Some(spoilt) = spoil(request, &place, at, mask) else {
                    continue;
                };
                tried += 1;
                let same = means_the_same(capture, request, &spoilt, &place);
                let outcome = capture.outcome(&spoilt);
                let file = &capture.file;
                assert_eq!(outcome.is_ok(), same, "{file} {place:?} {at}: {outcome:?}");
            }
        }
    }
    assert!(tried > 50_000, "{tried}");
}

#[test]
fn another_secret_host_method_or_time_is_refused() {
    for (capture, request) in VERIFYING.iter() {
        let refused = |capture: &Capture, request: &Recorded, what: &str| {
            assert!(capture.outcome(request).is_err(), "{} {what}", capture.file);
        };
        let other = |change: &dyn Fn(&mut Capture)| {
            let mut other = capture::all()
                .into_iter()
                .find(|c| c.file == capture.file)
                .unwrap();
            change(&mut other);
            other
        };
        if capture.file.ends_with("-1.http") {
            let secret = other(&|c| c.secret_access_key = Some("another".into()));
            refused(&secret, request, "secret");
            let unknown = other(&|c| c.access_key_id = Some("AKIDOTHER".into()));
            refused(&unknown, request, "access key");
            let late = jiff::SignedDuration::from_hours(3);
            refused(&other(&|c| c.request_time += late), request, "late");
            refused(&other(&|c| c.request_time -= late), request, "early");
        }
        let mut elsewhere = request.clone();
        elsewhere
            .headers
            .insert("host", HeaderValue::from_static("elsewhere:8099"));
        refused(capture, &elsewhere, "host");
        let mut method = request.clone();
        method.method = if request.method == "GET" {
            "POST".into()
        } else {
            "GET".into()
        };
        refused(capture, &method, "method");
    }
}

#[test]
fn recordings_of_every_client_are_there() {
    let mut clients: Vec<String> = capture::all().into_iter().map(|c| c.client).collect();
    clients.sort();
    clients.dedup();
    assert!(clients.len() >= 17, "{clients:?}");
}
