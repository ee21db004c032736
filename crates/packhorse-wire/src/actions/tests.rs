//! Requests and answers of all six actions, from both ends.

use jiff::Timestamp;
use packhorse_core::job::{Location, Progress};
use packhorse_core::secret::Secret;
use proptest::prelude::*;

use super::*;

fn read(form: &str) -> Result<Request, Fault> {
    Request::read("/", &Parameters::decode("", form.as_bytes())?)
}

fn check_fault(form: &str, code: &str, message: &str) {
    let fault = read(form).unwrap_err();
    assert_eq!(
        (fault.code().wire(), fault.message()),
        (code, message),
        "{form}"
    );
}

#[test]
fn a_request_may_leave_out_what_the_original_let_it() {
    let create = read("Operation=CreateJob&JobType=import&Manifest=a%3A+1&Colour=red").unwrap();
    let expected = CreateJob {
        job_type: JobType::Import,
        manifest: "a: 1".into(),
        manifest_addendum: None,
        validate_only: false,
        api_version: None,
    };
    assert_eq!(create, Request::CreateJob(expected));
    assert_eq!(
        read("Action=ListJobs").unwrap(),
        Request::ListJobs(ListJobs::default())
    );
    let version = "Action=ListJobs&Version=2010-06-03&MaxJobs=0&Marker=";
    let expected = ListJobs {
        max_jobs: 0,
        ..ListJobs::default()
    };
    assert_eq!(read(version).unwrap(), Request::ListJobs(expected));
}

#[test]
fn what_is_missing_or_wrong_has_the_services_own_fault() {
    let missing = "MissingParameterException";
    check_fault(
        "Action=CreateJob&JobType=Import",
        missing,
        "Manifest must be specified",
    );
    check_fault(
        "Action=CreateJob&JobType=Import&Manifest=",
        missing,
        "Manifest must be specified",
    );
    check_fault(
        "Action=CreateJob&Manifest=x",
        missing,
        "JobType must be specified",
    );
    check_fault(
        "Action=UpdateJob&JobType=Import&Manifest=x",
        missing,
        "JobId must be specified",
    );
    let id = "InvalidJobIdException";
    check_fault("Action=CancelJob", id, "JobId must be specified");
    check_fault("Action=GetStatus&JobId=", id, "JobId must be specified");
    check_fault(
        "Action=GetShippingLabel&jobIds=",
        id,
        "jobIds must be specified",
    );
    check_fault(
        "Action=UnlockJob&JobId=4K7PQ2XB&Password=",
        missing,
        "Password must be specified",
    );
    let invalid = "InvalidParameterException";
    check_fault(
        "Action=UnlockJob&JobId=4K7PQ2XB&Password=a%0A",
        invalid,
        "The parameter Password contains a control character, perhaps a line break",
    );
    check_fault(
        "Action=CreateJob&JobType=Bogus&Manifest=x",
        invalid,
        "The parameter JobType must be Import or Export",
    );
    check_fault(
        "Action=CreateJob&JobType=Import&Manifest=x&ValidateOnly=1",
        invalid,
        "The parameter ValidateOnly must be true or false",
    );
    for number in [
        "-1",
        "1001",
        "+5",
        "1.0",
        "x",
        "2147483648",
        "99999999999999999999",
    ] {
        check_fault(
            &format!("Action=ListJobs&MaxJobs={}", number.replace('+', "%2B")),
            invalid,
            "The parameter MaxJobs must be a number from 0 to 1000",
        );
    }
    check_fault(
        "Action=CreateJob&JobType=Import&Manifest=a%0A%00",
        invalid,
        "The parameter Manifest has the character U+0000 in line 2, which XML cannot carry",
    );
    check_fault(
        "Action=DropTables",
        "InvalidAction",
        "Could not find action DropTables for version 2010-06-01",
    );
    check_fault(
        "Action=ListJobs&Version=2009-05-20",
        "InvalidAction",
        "Could not find action ListJobs for version 2009-05-20",
    );
    check_fault(
        "Version=2010-06-01",
        "InvalidAction",
        "The request is missing an action: send the parameter Action",
    );
}

#[test]
fn manifests_and_addresses_stay_out_of_debug() {
    for form in [
        "Action=CreateJob&JobType=Import&Manifest=swordfish&ManifestAddendum=swordfish",
        "Action=UpdateJob&JobId=A&JobType=Import&Manifest=swordfish",
        "Action=GetShippingLabel&jobIds.member.1=A&name=swordfish",
    ] {
        let text = format!("{:?}", read(form).unwrap());
        assert!(!text.contains("swordfish"), "{text}");
    }
    let text = format!("{:?} {:?}", created(), status("swordfish"));
    assert!(
        !text.contains("swordfish") && !text.contains("ktKDX"),
        "{text}"
    );
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn created() -> CreateJobAnswer {
    CreateJobAnswer {
        job_id: "EX1ID".into(),
        job_type: JobType::Import,
        signature: "ktKDXpdbEXAMPLEyGFJmQO744UHw=".into(),
        signature_file_contents: "version:2.0\njobId:EX1ID".into(),
        warning_message: Some("a & b".into()),
        aws_shipping_address: None,
        artifacts: vec![Artifact {
            description: "Label".into(),
            url: "http://x/?a=1&b=2".into(),
        }],
    }
}

fn status(manifest: &str) -> GetStatusAnswer {
    GetStatusAnswer {
        job_id: "EX1ID".into(),
        job_type: JobType::Export,
        location_code: Location::NotReceived,
        location_message: "Your device has not arrived.".into(),
        progress_code: Progress::Pending,
        progress_message: "The specified job has not started.".into(),
        carrier: None,
        tracking_number: None,
        log_bucket: Some("logs".into()),
        log_key: Some("logs/import-log-EX1ID".into()),
        error_count: 0,
        signature: "ktKDXpdbEXAMPLEyGFJmQO744UHw=".into(),
        signature_file_contents: "version:2.0\n".into(),
        current_manifest: manifest.into(),
        creation_date: at("2010-09-21T16:22:10Z"),
        aws_shipping_address: Some("Dock 1\nRoad".into()),
        artifacts: Vec::new(),
    }
}

#[test]
fn the_result_comes_first_and_the_request_id_second() {
    let answer = ListJobsAnswer {
        jobs: vec![ListedJob {
            job_id: "ADP7B".into(),
            creation_date: at("2010-04-21T22:21:51Z"),
            is_canceled: false,
            job_type: JobType::Import,
        }],
        is_truncated: true,
    };
    assert_eq!(
        respond(&answer, "cc6ea8c0"),
        "<ListJobsResponse xmlns=\"http://importexport.amazonaws.com/doc/2010-06-01/\">\
         <ListJobsResult><Jobs><member><JobId>ADP7B</JobId>\
         <CreationDate>2010-04-21T22:21:51Z</CreationDate><IsCanceled>false</IsCanceled>\
         <JobType>Import</JobType></member></Jobs><IsTruncated>true</IsTruncated></ListJobsResult>\
         <ResponseMetadata><RequestId>cc6ea8c0</RequestId></ResponseMetadata></ListJobsResponse>"
    );
    let empty = ListJobsAnswer {
        jobs: Vec::new(),
        is_truncated: false,
    };
    assert!(respond(&empty, "1").contains("<Jobs></Jobs><IsTruncated>false</IsTruncated>"));
}

fn check_answer<A: Answer + PartialEq + std::fmt::Debug>(answer: &A) {
    let document = respond(answer, "1");
    assert_eq!(
        read_answer::<A>(&document).as_ref(),
        Ok(answer),
        "{document}"
    );
}

#[test]
fn every_answer_is_read_back_by_the_client() {
    check_answer(&created());
    check_answer(&CreateJobAnswer {
        warning_message: None,
        artifacts: Vec::new(),
        ..created()
    });
    check_answer(&UpdateJobAnswer {
        success: true,
        warning_message: Some("**** Device will be erased before being returned. ****".into()),
        artifacts: Vec::new(),
    });
    check_answer(&CancelJobAnswer { success: true });
    check_answer(&UnlockJobAnswer { success: true });
    check_answer(&status("a: 1\r\n<b>: \"ü\" ]]>\n"));
    check_answer(&GetStatusAnswer {
        error_count: 3,
        carrier: Some(String::new()),
        ..status("")
    });
    check_answer(&ListJobsAnswer {
        jobs: Vec::new(),
        is_truncated: false,
    });
    check_answer(&GetShippingLabelAnswer {
        shipping_label_url: "http://x/artifacts/1".into(),
        warning: None,
    });
}

#[test]
fn an_answer_to_another_question_is_refused() {
    let document = respond(&CancelJobAnswer { success: true }, "1");
    let read = read_answer::<UpdateJobAnswer>(&document);
    assert!(
        matches!(read, Err(xml::Error::Unexpected { .. })),
        "{read:?}"
    );
    let odd = document.replace("true", "True");
    assert_eq!(
        read_answer::<CancelJobAnswer>(&odd),
        Err(xml::Error::Invalid("Success"))
    );
}

/// A text that a request may hold, never empty.
fn text() -> impl Strategy<Value = String> {
    "[ -~äß€😀\r\n\t]{1,40}"
}

fn job_type() -> impl Strategy<Value = JobType> {
    prop_oneof![Just(JobType::Import), Just(JobType::Export)]
}

fn round_trip<A: Action>(action: &A) -> Result<Request, Fault> {
    read(&action.form())
}

proptest! {
    #[test]
    fn create_and_update_are_read_back(
        job_id in text(), job_type in job_type(), manifest in text(),
        manifest_addendum in proptest::option::of(text()), validate_only: bool,
        api_version in proptest::option::of("[ -~]{1,64}"),
    ) {
        let update = UpdateJob {
            job_id, job_type, manifest: manifest.clone(), validate_only,
            api_version: api_version.clone(),
        };
        prop_assert_eq!(round_trip(&update), Ok(Request::UpdateJob(update)));
        let create = CreateJob { job_type, manifest, manifest_addendum, validate_only, api_version };
        prop_assert_eq!(round_trip(&create), Ok(Request::CreateJob(create)));
    }

    #[test]
    fn the_others_are_read_back(
        job_id in text(), max_jobs in 0..=JOBS_PER_PAGE_MAX,
        marker in proptest::option::of(text()), job_ids in proptest::collection::vec(text(), 1..30),
        street1 in proptest::option::of(text()), api_version in proptest::option::of("[ -~]{1,64}"),
        manifest_secrets: bool, password in "\\PC{1,200}",
    ) {
        let unlock = UnlockJob {
            job_id: job_id.clone(), password: Secret::new(&*password), api_version: api_version.clone(),
        };
        prop_assert_eq!(round_trip(&unlock), Ok(Request::UnlockJob(unlock)));
        let cancel = CancelJob { job_id: job_id.clone(), api_version: api_version.clone() };
        prop_assert_eq!(round_trip(&cancel), Ok(Request::CancelJob(cancel)));
        let status = GetStatus { job_id, manifest_secrets, api_version: api_version.clone() };
        prop_assert_eq!(round_trip(&status), Ok(Request::GetStatus(status)));
        let list = ListJobs { max_jobs, marker, api_version: api_version.clone() };
        prop_assert_eq!(round_trip(&list), Ok(Request::ListJobs(list)));
        let address = LabelAddress { street1, ..LabelAddress::default() };
        let label = GetShippingLabel { job_ids, address, api_version };
        prop_assert_eq!(round_trip(&label), Ok(Request::GetShippingLabel(label)));
    }

    #[test]
    fn a_manifest_comes_back_to_the_letter(manifest in text()) {
        let answer = status(&manifest);
        prop_assert_eq!(read_answer::<GetStatusAnswer>(&respond(&answer, "1")), Ok(answer));
    }
}

#[test]
fn a_client_tool_may_call_itself_almost_anything() {
    let version = |text: &str| {
        let form = encode_form([("Action", "ListJobs"), ("APIVersion", text)]);
        read(&form).map_err(|fault| fault.code().wire())
    };
    for good in ["", "1.0", "2010-06-03", "x y+z~", &"v".repeat(64)] {
        assert!(version(good).is_ok(), "{good}");
    }
    for bad in ["1.0\u{e9}", "1\n", "\u{1}", &"v".repeat(65)] {
        assert_eq!(version(bad), Err("InvalidVersionException"), "{bad}");
    }
}
