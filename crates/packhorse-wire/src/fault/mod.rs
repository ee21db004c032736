//! What a customer reads when a request is refused: one table of codes, one place for the texts.
//!
//! A 4xx text is written for the customer. A 5xx text is fixed: what went wrong inside goes to the
//! log under the request id, never into an answer.

mod code;
mod from_auth;
mod from_problems;
mod render;
#[cfg(test)]
mod tests;

use packhorse_core::manifest::Position;

pub use code::{FaultCode, Party};
pub use render::ErrorAnswer;

/// Longest piece of the request that a message repeats.
const ECHO_CHARS_MAX: usize = 80;

/// A refusal as the customer gets it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", code.wire())]
pub struct Fault {
    code: FaultCode,
    message: String,
}

impl Fault {
    /// A fault with a text of its own. The constructors below have the texts in use.
    pub fn new(code: FaultCode, message: impl Into<String>) -> Self {
        let message = code
            .fixed_text()
            .map_or_else(|| message.into(), str::to_owned);
        Self { code, message }
    }

    /// The code.
    pub fn code(&self) -> FaultCode {
        self.code
    }

    /// The text for the customer.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// A required parameter is missing or empty.
    pub fn missing_parameter(name: &str) -> Self {
        Self::new(
            FaultCode::MissingParameter,
            format!("{name} must be specified"),
        )
    }

    /// A parameter cannot be used; `why` completes "The parameter NAME …".
    pub fn invalid_parameter(name: &str, why: &str) -> Self {
        let name = echo(name);
        Self::new(
            FaultCode::InvalidParameter,
            format!("The parameter {name} {why}"),
        )
    }

    /// The request itself cannot be read.
    pub fn invalid_request(message: impl Into<String>) -> Self {
        Self::new(FaultCode::InvalidParameter, message)
    }

    /// The job does not exist or belongs to somebody else: both read the same.
    pub fn no_such_job(id: &str) -> Self {
        let text = format!("No such job {} for your account", echo(id));
        Self::new(FaultCode::InvalidJobId, text)
    }

    /// The job id is missing where the service calls that an invalid id.
    pub fn missing_job_id(name: &str) -> Self {
        Self::new(FaultCode::InvalidJobId, format!("{name} must be specified"))
    }

    /// CreateJob was given a job id, which only the service can choose.
    pub fn job_id_on_create(id: &str) -> Self {
        let text = format!(
            "CreateJob takes no JobId ({} was given), since it makes a new job: leave the \
             parameter out, or use UpdateJob to change that job",
            echo(id)
        );
        Self::new(FaultCode::InvalidJobId, text)
    }

    /// The job was canceled.
    pub fn canceled_job(id: &str) -> Self {
        let text = format!(
            "The job {} has been canceled and is no longer valid: create another",
            echo(id)
        );
        Self::new(FaultCode::CanceledJobId, text)
    }

    /// The job expired.
    pub fn expired_job(id: &str) -> Self {
        let text = format!(
            "The job {} has expired because no device arrived in time: create another",
            echo(id)
        );
        Self::new(FaultCode::ExpiredJobId, text)
    }

    /// The job's state forbids UpdateJob; `state` is its progress code.
    pub fn unable_to_update(id: &str, state: &str) -> Self {
        let text = format!(
            "The job {} can no longer be updated: it is {state}",
            echo(id)
        );
        Self::new(FaultCode::UnableToUpdateJobId, text)
    }

    /// The job's state forbids CancelJob; `state` is its progress code.
    pub fn unable_to_cancel(id: &str, state: &str) -> Self {
        let text = format!(
            "The job {} can no longer be canceled: it is {state}",
            echo(id)
        );
        Self::new(FaultCode::UnableToCancelJobId, text)
    }

    /// The manifest names another access key than the request's, in this line of it.
    pub fn foreign_access_key(at: Option<Position>) -> Self {
        let place = at.map_or(String::new(), |Position { line, column }| {
            format!(" (line {line}, column {column})")
        });
        let text = format!(
            "The accessKeyId in your manifest{place} is not the access key that signed the \
             request: leave it out, or sign with that key"
        );
        Self::new(FaultCode::InvalidAccessKeyId, text)
    }

    /// The request is signed with one access key and names another.
    pub fn other_access_key() -> Self {
        let text = "The parameter AWSAccessKeyId is not the access key that signed the request: \
                    leave it out, or sign with that key";
        Self::new(FaultCode::InvalidAccessKeyId, text)
    }

    /// The signature is scoped to a region that this service is not in; `regions` are those it
    /// answers to.
    pub fn wrong_region(region: &str, regions: &[String]) -> Self {
        let text = format!(
            "Credential should be scoped to a valid region, not '{}': sign for {}",
            echo(region),
            regions.join(" or ")
        );
        Self::new(FaultCode::SignatureDoesNotMatch, text)
    }

    /// The account made all the jobs it may make in a day.
    pub fn quota_exceeded(jobs_per_day: u32) -> Self {
        let text = format!(
            "Your account may create {jobs_per_day} jobs in 24 hours and has done so: try again \
             later, or ask the facility for more"
        );
        Self::new(FaultCode::CreateJobQuotaExceeded, text)
    }

    /// A bucket of the manifest does not exist.
    pub fn no_such_bucket(bucket: &str) -> Self {
        let text = format!(
            "The bucket {} does not exist: create it, or name another in your manifest",
            echo(bucket)
        );
        Self::new(FaultCode::NoSuchBucket, text)
    }

    /// The account may not use a bucket; `right` is what it lacks, "write to" or "list".
    pub fn bucket_permission(bucket: &str, right: &str) -> Self {
        let text = format!("Your account may not {right} the bucket {}", echo(bucket));
        Self::new(FaultCode::BucketPermission, text)
    }

    /// The buckets of one manifest lie in several regions.
    pub fn multiple_regions() -> Self {
        let text = "The buckets in your manifest must all be in the same region";
        Self::new(FaultCode::MultipleRegions, text)
    }

    /// An export names a file system that is not offered.
    pub fn invalid_file_system(name: &str) -> Self {
        let text = format!(
            "The fileSystem {} in your manifest is not supported",
            echo(name)
        );
        Self::new(FaultCode::InvalidFileSystem, text)
    }

    /// An address cannot be shipped to or from; `why` is a sentence without a full stop.
    pub fn invalid_address(why: &str) -> Self {
        Self::new(FaultCode::InvalidAddress, why)
    }

    /// The version of the client tool is not accepted.
    pub fn invalid_version(version: &str) -> Self {
        let text = format!(
            "The client tool version {} is not valid: the parameter APIVersion takes up to 64 \
             visible ASCII characters and may be left out",
            echo(version)
        );
        Self::new(FaultCode::InvalidVersion, text)
    }

    /// The request does not say clearly which action it wants.
    pub fn invalid_action(message: impl Into<String>) -> Self {
        Self::new(FaultCode::InvalidAction, message)
    }

    /// The action is none of the six, or not in this version of the protocol.
    pub fn unknown_action(action: &str, version: &str) -> Self {
        let (action, version) = (echo(action), echo(version));
        Self::invalid_action(format!(
            "Could not find action {action} for version {version}"
        ))
    }

    /// The access key is unknown or disabled.
    pub fn unknown_access_key() -> Self {
        let text = "The access key id included in the request is unknown";
        Self::new(FaultCode::InvalidClientTokenId, text)
    }

    /// Too many requests of one account or address.
    pub fn throttling() -> Self {
        Self::new(
            FaultCode::Throttling,
            "Rate exceeded: wait a moment and try again",
        )
    }

    /// The service cannot answer now; the text is fixed.
    pub fn service_unavailable() -> Self {
        Self::new(FaultCode::ServiceUnavailable, "")
    }

    /// Something broke inside; the text is fixed.
    pub fn internal() -> Self {
        Self::new(FaultCode::InternalFailure, "")
    }
}

/// A piece of the request, short enough to be repeated.
fn echo(text: &str) -> String {
    match text.char_indices().nth(ECHO_CHARS_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
