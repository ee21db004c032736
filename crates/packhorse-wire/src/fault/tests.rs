//! The table and the texts.

use packhorse_core::job::JobType;
use packhorse_core::manifest::{self, Position, Problem, ProblemKind};

use super::*;
use crate::authenticate::AuthError;

#[test]
fn every_code_is_read_back_and_belongs_to_the_party_its_status_says() {
    for code in FaultCode::ALL {
        assert_eq!(FaultCode::parse(code.wire()), Some(*code));
        let ours = code.status() >= 500;
        assert_eq!(code.party() == Party::Receiver, ours, "{code:?}");
        assert!(code.status() != 500 || !code.wire().ends_with("Exception"));
    }
    let service = FaultCode::ALL
        .iter()
        .filter(|code| code.wire().ends_with("Exception"));
    assert_eq!(service.count(), 20, "the model has twenty exceptions");
}

#[test]
fn a_fault_is_read_back_from_its_document() {
    let fault = Fault::no_such_job("ABC-<123>");
    let document = fault.to_xml("43b66094");
    assert_eq!(
        document,
        "<ErrorResponse xmlns=\"http://importexport.amazonaws.com/doc/2010-06-01/\"><Error>\
         <Type>Sender</Type><Code>InvalidJobIdException</Code>\
         <Message>No such job ABC-&lt;123&gt; for your account</Message></Error>\
         <RequestId>43b66094</RequestId></ErrorResponse>"
    );
    let answer = ErrorAnswer::parse(&document).unwrap();
    assert_eq!(answer.known_code(), Some(FaultCode::InvalidJobId));
    assert_eq!(answer.message, "No such job ABC-<123> for your account");
    assert_eq!(answer.request_id, "43b66094");
}

#[test]
fn a_5xx_text_is_fixed() {
    let fault = Fault::new(FaultCode::InternalFailure, "password is swordfish");
    assert_eq!(fault, Fault::internal());
    assert!(!fault.message().contains("swordfish"));
    assert!(
        Fault::service_unavailable()
            .to_xml("1")
            .contains("<Type>Receiver</Type>")
    );
}

#[test]
fn long_input_is_not_repeated_whole() {
    let fault = Fault::no_such_job(&"é".repeat(10_000));
    assert!(fault.message().chars().count() < 120, "{}", fault.message());
}

fn problem(kind: ProblemKind, line: usize, field: &str) -> Problem {
    let position = Some(Position { line, column: 1 });
    Problem {
        kind,
        span: position.map(Position::span),
        field: field.into(),
        message: "is wrong".into(),
    }
}

#[test]
fn problems_become_one_fault_that_lists_them_all() {
    let problems = [
        problem(ProblemKind::Warning, 1, "colour"),
        problem(ProblemKind::InvalidCustoms, 2, "customs.typeOfExport"),
        problem(ProblemKind::MissingField, 3, "bucket"),
        problem(ProblemKind::InvalidField, 4, "eraseDevice"),
    ];
    let fault = Fault::from_problems(&problems).unwrap();
    assert_eq!(fault.code(), FaultCode::MissingManifestField);
    assert_eq!(
        fault.message(),
        "Your manifest lacks one or more required fields\n\
         line 2, column 1: customs.typeOfExport: is wrong\n\
         line 3, column 1: bucket: is wrong\n\
         line 4, column 1: eraseDevice: is wrong"
    );
    assert_eq!(Fault::from_problems(&problems[..1]), None);
}

#[test]
fn a_crowd_of_problems_is_counted_to_the_last() {
    let lines: String = (0..63).map(|n| format!("  odd{n}: x\n")).collect();
    let text = format!("bucket: [a]\nlogPrefix: [a]\npackhorse:\n{lines}");
    let problems = manifest::read(text, JobType::Import).unwrap_err();
    let fault = Fault::from_problems(&problems).unwrap();
    assert_eq!(fault.code(), FaultCode::MissingManifestField);
    // The first line, 4 that are missing, 50 that are wrong, and how many more.
    assert_eq!(fault.message().lines().count(), 1 + 4 + 50 + 1, "{fault}");
    let last = "and 15 more invalid options or values";
    assert_eq!(fault.message().lines().last(), Some(last));
}

#[test]
fn a_refused_signature_has_the_frameworks_codes() {
    let check = |error: AuthError, code: &str| {
        let fault = Fault::from(error);
        assert_eq!(fault.code().wire(), code);
        assert!(fault.message().starts_with(char::is_uppercase), "{fault}");
    };
    let now = "2026-11-22T04:31:52Z".parse().unwrap();
    check(AuthError::Absent, "MissingAuthenticationToken");
    check(AuthError::Missing("Signature"), "IncompleteSignature");
    check(AuthError::UnknownKey, "InvalidClientTokenId");
    check(AuthError::Mismatch, "SignatureDoesNotMatch");
    check(
        AuthError::Skewed {
            signed_at: now,
            now,
        },
        "RequestExpired",
    );
    check(
        AuthError::WrongService {
            expected: "importexport",
        },
        "SignatureDoesNotMatch",
    );
}
