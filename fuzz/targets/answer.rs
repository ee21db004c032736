//! Texts that go into answers come out as they went in; documents of others are read or refused.

#![no_main]

use libfuzzer_sys::fuzz_target;
use packhorse_wire::actions::{ListJobsAnswer, UpdateJobAnswer, read_answer, respond};
use packhorse_wire::fault::{ErrorAnswer, Fault, FaultCode};
use packhorse_wire::xml::unwritable;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let _ = read_answer::<ListJobsAnswer>(&text);
    let _ = ErrorAnswer::parse(&text);
    let answer = UpdateJobAnswer {
        success: true,
        warning_message: Some(text.to_string()),
        artifacts: Vec::new(),
    };
    let document = respond(&answer, "id");
    let read: UpdateJobAnswer = read_answer(&document).expect("our own document");
    let fault = Fault::new(FaultCode::InvalidParameter, text.as_ref());
    let error = ErrorAnswer::parse(&fault.to_xml("id")).expect("our own document");
    if unwritable(&text).is_none() {
        assert_eq!(read.warning_message.as_deref(), Some(text.as_ref()));
        assert_eq!(error.message, text);
    }
});
