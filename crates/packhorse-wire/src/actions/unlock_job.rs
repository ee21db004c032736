//! UnlockJob, which the original did not have: the password of an encrypted device, given when the
//! device is there.

use packhorse_core::secret::Secret;

use super::{Action, Answer, Pairs, push, push_optional, read_api_version, read_job_id};
use crate::fault::Fault;
use crate::query::Parameters;
use crate::xml::{Element, Error, Members};

/// Longest password, as in a manifest.
const PASSWORD_BYTES_MAX: usize = 1024;

/// The request.
#[derive(Clone, Debug)]
pub struct UnlockJob {
    /// The job, as the customer wrote it.
    pub job_id: String,
    /// What opens the device.
    pub password: Secret,
    /// The version of the client tool, free text.
    pub api_version: Option<String>,
}

impl PartialEq for UnlockJob {
    fn eq(&self, other: &Self) -> bool {
        self.job_id == other.job_id
            && self.password.matches(other.password.expose())
            && self.api_version == other.api_version
    }
}

impl Eq for UnlockJob {}

impl UnlockJob {
    /// The request with this password; the fault says why it can be none.
    pub fn new(job_id: String, password: &str) -> Result<Self, Fault> {
        let wrong = |what: &str| Err(Fault::invalid_parameter("Password", what));
        if password.is_empty() {
            return Err(Fault::missing_parameter("Password"));
        }
        if password.len() > PASSWORD_BYTES_MAX {
            return wrong("must have at most 1024 bytes");
        }
        if password.chars().any(char::is_control) {
            return wrong("contains a control character, perhaps a line break");
        }
        Ok(Self {
            job_id,
            password: Secret::new(password),
            api_version: None,
        })
    }
}

impl Action for UnlockJob {
    const NAME: &'static str = "UnlockJob";
    type Answer = UnlockJobAnswer;

    fn read(parameters: &Parameters) -> Result<Self, Fault> {
        let job_id = read_job_id(parameters)?;
        let password = parameters.required_text("Password")?;
        let asked = Self::new(job_id, &password)?;
        Ok(Self {
            api_version: read_api_version(parameters)?,
            ..asked
        })
    }

    fn pairs(&self) -> Pairs {
        let mut pairs = Pairs::new();
        push(&mut pairs, "JobId", &self.job_id);
        push(&mut pairs, "Password", self.password.expose());
        push_optional(&mut pairs, "APIVersion", self.api_version.as_deref());
        pairs
    }
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnlockJobAnswer {
    /// Always true; failures are faults.
    pub success: bool,
}

impl Answer for UnlockJobAnswer {
    const ACTION: &'static str = UnlockJob::NAME;

    fn write(&self, out: &mut Members) {
        out.boolean("Success", self.success);
    }

    fn read(element: &Element) -> Result<Self, Error> {
        Ok(Self {
            success: element.boolean("Success")?,
        })
    }
}
