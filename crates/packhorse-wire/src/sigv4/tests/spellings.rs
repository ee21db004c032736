//! What other clients sign in another way: a `Date`, a host without its port, a path in normal form.

use http::HeaderMap;
use packhorse_core::secret::Secret;

use super::headers;
use crate::authenticate::AuthError;
use crate::sigv4::canonical::Spelling;
use crate::sigv4::sign::sign_digest;
use crate::sigv4::{AmzDate, Dialect, Payload, Presented, Request, Scope, SigningKey};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const DATE: &str = "20150830T123600Z";

/// The key of the public suite, for this service.
fn key(service: &str) -> SigningKey {
    let date = AmzDate::parse(DATE).unwrap();
    let scope = Scope::new(&date, "us-east-1", service);
    SigningKey::derive(&Secret::new(SECRET), scope)
}

/// A GET that a client signed over `signed` names and `spelling`, as the server sees it.
fn outcome(
    sent: &[(&str, &str)],
    signed: &[&str],
    path: &str,
    spelling: &Spelling,
) -> Result<(), AuthError> {
    let mut headers = headers(sent);
    let payload = Payload::of(b"");
    let date = AmzDate::parse(DATE).unwrap();
    let digest = request(path, &headers).digest(spelling, signed, payload)?;
    let signature = sign_digest(&key("importexport"), &date, &digest).to_hex();
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/importexport/aws4_request, \
         SignedHeaders={}, Signature={signature}",
        signed.join(";")
    );
    headers.insert("authorization", authorization.parse().unwrap());
    let request = request(path, &headers);
    let presented = Presented::find(&request)?.ok_or(AuthError::Absent)?;
    let secret = Secret::new(SECRET);
    let now = date.timestamp();
    let verified = presented.verify(&request, Dialect::Query, payload, &secret, now);
    verified.map(|_| ())
}

fn request<'a>(path: &'a str, headers: &'a HeaderMap) -> Request<'a> {
    Request {
        method: "GET",
        path,
        query: "",
        headers,
    }
}

fn spelling(path: &str, host: Option<&str>) -> Spelling {
    Spelling {
        path: path.to_owned(),
        host: host.map(str::to_owned),
    }
}

#[test]
fn a_date_stands_in_for_the_protocols_own_header() {
    let signed = ["date", "host"];
    let root = spelling("/", None);
    let with = |date| {
        outcome(
            &[("host", "a.example"), ("date", date)],
            &signed,
            "/",
            &root,
        )
    };
    assert_eq!(with("Sun, 30 Aug 2015 12:36:00 GMT"), Ok(()));
    assert_eq!(with("20150830T123600Z"), Ok(()));
    for wrong in [
        "yesterday",
        "2015-08-30T12:36:00Z",
        "Mon, 30 Aug 2015 12:36:00 GMT",
    ] {
        let refused = with(wrong);
        assert!(
            matches!(refused, Err(AuthError::Malformed { what: "Date", .. })),
            "{wrong}: {refused:?}"
        );
    }
    assert_eq!(
        with("Sun, 30 Aug 2015 12:36:01 GMT"),
        Err(AuthError::Mismatch),
        "the time is signed"
    );
    let none = outcome(&[("host", "a.example")], &["host"], "/", &root);
    assert_eq!(none, Err(AuthError::Missing("X-Amz-Date or Date")));
    let both = [
        ("host", "a.example"),
        ("date", "Sat, 01 Jan 2000 00:00:00 GMT"),
        ("x-amz-date", DATE),
    ];
    assert_eq!(outcome(&both, &["host", "x-amz-date"], "/", &root), Ok(()));
}

#[test]
fn the_port_may_be_left_out_of_what_is_signed() {
    let sent = |host| outcome_of_host(host, "a.example");
    assert_eq!(sent("a.example:8080"), Ok(()));
    assert_eq!(sent("a.example"), Ok(()));
    assert_eq!(sent("b.example:8080"), Err(AuthError::Mismatch));
    assert_eq!(sent("a.example:80x"), Err(AuthError::Mismatch));
    assert_eq!(outcome_of_host("[::1]:8080", "[::1]"), Ok(()));
    assert_eq!(
        outcome_of_host("a.example", "a.example:8080"),
        Err(AuthError::Mismatch)
    );
}

fn outcome_of_host(sent: &str, signed: &str) -> Result<(), AuthError> {
    let sent = [("host", sent), ("x-amz-date", DATE)];
    let spelling = spelling("/", Some(signed));
    outcome(&sent, &["host", "x-amz-date"], "/", &spelling)
}

#[test]
fn a_path_may_be_signed_in_normal_form_or_as_it_was_sent() {
    let sent = [("host", "a.example:80"), ("x-amz-date", DATE)];
    let names = ["host", "x-amz-date"];
    let signed =
        |path: &str, canonical: &str| outcome(&sent, &names, path, &spelling(canonical, None));
    // The paths of the public suite's folder "normalize-path".
    for (path, normal) in [
        ("/example/..", "/"),
        ("/example1/example2/../..", "/"),
        ("/./", "/"),
        ("/./example", "/example"),
        ("//", "/"),
        ("//example//", "/example/"),
        ("/a%20b/./c", "/a%2520b/c"),
        ("/../../etc/passwd", "/etc/passwd"),
    ] {
        assert_eq!(signed(path, normal), Ok(()), "{path}");
        let as_sent = path.replace('%', "%25");
        assert_eq!(signed(path, &as_sent), Ok(()), "{path}");
        let other = signed(path, "/other");
        assert_eq!(other, Err(AuthError::Mismatch), "{path}");
    }
    let twice = [
        ("host", "a.example:80"),
        ("host", "b.example"),
        ("x-amz-date", DATE),
    ];
    let bare = spelling("/", Some("a.example"));
    let refused = outcome(&twice, &names, "/", &bare);
    assert_eq!(refused, Err(AuthError::Mismatch), "all hosts are signed");
    let bare = spelling("/example", Some("a.example"));
    assert_eq!(outcome(&sent, &names, "/./example", &bare), Ok(()));
}

/// get-relative, get-relative-relative, get-slash and get-slash-dot-slash: their signature is that
/// of a plain `/`; get-slash-pointless-dot and get-slashes have their own.
#[test]
fn the_public_suites_paths_make_its_signatures() {
    let root = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
    let date = AmzDate::parse(DATE).unwrap();
    for (path, expected) in [
        ("/example/..", root),
        ("/example1/example2/../..", root),
        ("//", root),
        ("/./", root),
        (
            "/./example",
            "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5",
        ),
        (
            "//example//",
            "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84",
        ),
    ] {
        let headers = headers(&[("host", "example.amazonaws.com"), ("x-amz-date", DATE)]);
        let request = request(path, &headers);
        let names = ["host", "x-amz-date"];
        let made = request
            .spellings(Dialect::Query)
            .into_iter()
            .map(|spelling| {
                let digest = request.digest(&spelling, &names, Payload::of(b""));
                sign_digest(&key("service"), &date, &digest.unwrap()).to_hex()
            });
        let made: Vec<_> = made.collect();
        assert!(made.iter().any(|made| made == expected), "{path}: {made:?}");
    }
}
