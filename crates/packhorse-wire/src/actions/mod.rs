//! The six actions, and one of our own: one file each, with the request and its answer, for both ends of the wire.
//!
//! A server reads a [`Request`] out of [`Parameters`] and renders the answer with [`respond`]. A
//! client sends [`Action::form`] and reads the answer with [`read_answer`].

mod artifact;
mod cancel_job;
mod create_job;
mod exceptions;
mod get_shipping_label;
mod get_status;
mod list_jobs;
#[cfg(test)]
mod tests;
mod unlock_job;
mod update_job;

pub use artifact::Artifact;
pub use cancel_job::{CancelJob, CancelJobAnswer};
pub use create_job::{CreateJob, CreateJobAnswer};
pub use exceptions::{EXCEPTIONS, Exceptions};
pub use get_shipping_label::{GetShippingLabel, GetShippingLabelAnswer, LabelAddress};
pub use get_status::{GetStatus, GetStatusAnswer};
pub use list_jobs::{JOBS_PER_PAGE_MAX, ListJobs, ListJobsAnswer, ListedJob};
pub use unlock_job::{UnlockJob, UnlockJobAnswer};
pub use update_job::{UpdateJob, UpdateJobAnswer};

use packhorse_core::job::JobType;

use crate::fault::Fault;
use crate::query::{Parameters, encode_form};
use crate::xml::{self, Element, Members};

/// The protocol's version, as clients send it.
pub const VERSION: &str = "2010-06-01";
/// The version of the older reference's samples; the same protocol.
const VERSION_OF_THE_GUIDE: &str = "2010-06-03";

/// Longest `APIVersion`; the longest that a client is known to send has ten characters.
const API_VERSION_BYTES_MAX: usize = 64;

/// A form in the making: names and values.
type Pairs = Vec<(String, String)>;

/// An action and its answer.
pub trait Action: Sized {
    /// Its name on the wire.
    const NAME: &'static str;
    /// What comes back.
    type Answer: Answer;

    /// Reads the parameters of a request.
    fn read(parameters: &Parameters) -> Result<Self, Fault>;

    /// The parameters of a request, but `Action` and `Version`.
    fn pairs(&self) -> Vec<(String, String)>;

    /// The body of a POST that asks for this.
    fn form(&self) -> String {
        let fixed = [("Action", Self::NAME), ("Version", VERSION)];
        let fixed = fixed.map(|(name, value)| (name.to_owned(), value.to_owned()));
        encode_form(fixed.into_iter().chain(self.pairs()))
    }
}

/// What an action answers.
pub trait Answer: Sized {
    /// The action's name.
    const ACTION: &'static str;

    /// Writes the members of the result element.
    fn write(&self, out: &mut Members);

    /// Reads them.
    fn read(result: &Element) -> Result<Self, xml::Error>;
}

/// A request that names one of the actions.
#[expect(
    clippy::large_enum_variant,
    reason = "one lives at a time and it is never copied about"
)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Makes a job.
    CreateJob(CreateJob),
    /// Replaces the manifest of a job.
    UpdateJob(UpdateJob),
    /// Gives a job up.
    CancelJob(CancelJob),
    /// Tells where a job stands.
    GetStatus(GetStatus),
    /// Lists the account's jobs.
    ListJobs(ListJobs),
    /// Makes a label for a parcel.
    GetShippingLabel(GetShippingLabel),
    /// Gives the password of a device.
    UnlockJob(UnlockJob),
}

impl Request {
    /// Reads the action and its parameters; unknown parameters are ignored, as the original did.
    pub fn read(path: &str, parameters: &Parameters) -> Result<Self, Fault> {
        let name = parameters.action(path)?;
        check_version(&name, parameters)?;
        match name.as_str() {
            CreateJob::NAME => CreateJob::read(parameters).map(Self::CreateJob),
            UpdateJob::NAME => UpdateJob::read(parameters).map(Self::UpdateJob),
            CancelJob::NAME => CancelJob::read(parameters).map(Self::CancelJob),
            GetStatus::NAME => GetStatus::read(parameters).map(Self::GetStatus),
            ListJobs::NAME => ListJobs::read(parameters).map(Self::ListJobs),
            GetShippingLabel::NAME => {
                GetShippingLabel::read(parameters).map(Self::GetShippingLabel)
            }
            UnlockJob::NAME => UnlockJob::read(parameters).map(Self::UnlockJob),
            _ => Err(Fault::unknown_action(&name, VERSION)),
        }
    }

    /// The action's name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::CreateJob(_) => CreateJob::NAME,
            Self::UpdateJob(_) => UpdateJob::NAME,
            Self::CancelJob(_) => CancelJob::NAME,
            Self::GetStatus(_) => GetStatus::NAME,
            Self::ListJobs(_) => ListJobs::NAME,
            Self::GetShippingLabel(_) => GetShippingLabel::NAME,
            Self::UnlockJob(_) => UnlockJob::NAME,
        }
    }
}

/// The body of a successful answer.
pub fn respond<A: Answer>(answer: &A, request_id: &str) -> String {
    xml::document(&format!("{}Response", A::ACTION), |root| {
        root.group(&format!("{}Result", A::ACTION), |result| {
            answer.write(result)
        });
        root.group("ResponseMetadata", |metadata| {
            metadata.text("RequestId", request_id)
        });
    })
}

/// Reads the body of a successful answer. Error documents are
/// [`ErrorAnswer`](crate::fault::ErrorAnswer)s.
pub fn read_answer<A: Answer>(document: &str) -> Result<A, xml::Error> {
    let root = Element::parse(document)?;
    root.expect_name(&format!("{}Response", A::ACTION))?;
    let result = root.child(&format!("{}Result", A::ACTION));
    A::read(result.ok_or(xml::Error::Missing("result"))?)
}

/// `Version` may be either of the two known ones, or absent: one real client sends none.
fn check_version(action: &str, parameters: &Parameters) -> Result<(), Fault> {
    match parameters.get("Version") {
        None | Some("" | VERSION | VERSION_OF_THE_GUIDE) => Ok(()),
        Some(other) => Err(Fault::unknown_action(action, other)),
    }
}

/// `JobType`, in any case.
fn read_job_type(parameters: &Parameters) -> Result<JobType, Fault> {
    let text = parameters.required_text("JobType")?;
    JobType::parse(&text)
        .ok_or_else(|| Fault::invalid_parameter("JobType", "must be Import or Export"))
}

/// `JobId` where the service calls a missing one invalid, and one that cannot be an id too: these
/// actions know no fault of parameters.
fn read_job_id(parameters: &Parameters) -> Result<String, Fault> {
    let id = parameters.get("JobId").unwrap_or_default();
    match id {
        "" => Err(Fault::missing_job_id("JobId")),
        id if xml::unwritable(id).is_some() => Err(Fault::no_such_job(id)),
        id => Ok(id.to_owned()),
    }
}

/// `APIVersion`: what a client tool calls itself. Free text, so only what no tool would call
/// itself is refused; an empty one counts as absent.
fn read_api_version(parameters: &Parameters) -> Result<Option<String>, Fault> {
    let Some(version) = parameters.get("APIVersion").filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let plain = version.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    match plain && version.len() <= API_VERSION_BYTES_MAX {
        true => Ok(Some(version.to_owned())),
        false => Err(Fault::invalid_version(version)),
    }
}

/// Adds a pair to a form.
fn push(pairs: &mut Pairs, name: &str, value: &str) {
    pairs.push((name.to_owned(), value.to_owned()));
}

/// Adds a pair that may be missing.
fn push_optional(pairs: &mut Pairs, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        push(pairs, name, value);
    }
}

/// Adds a flag.
fn push_flag(pairs: &mut Pairs, name: &str, value: bool) {
    push(pairs, name, if value { "true" } else { "false" });
}

/// Stands in `Debug` for a text that must not be printed.
struct Hidden;

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(hidden)")
    }
}

/// The member that three answers share.
fn write_job_type(out: &mut Members, job_type: JobType) {
    out.text("JobType", job_type.code());
}
