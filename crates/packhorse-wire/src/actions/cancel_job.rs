//! CancelJob: gives a job up before its device is loaded.

use super::{Action, Answer, Pairs, push, push_optional, read_api_version, read_job_id};
use crate::fault::Fault;
use crate::query::Parameters;
use crate::xml::{Element, Error, Members};

/// The request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CancelJob {
    /// The job, as the customer wrote it.
    pub job_id: String,
    /// The version of the client tool, free text.
    pub api_version: Option<String>,
}

impl Action for CancelJob {
    const NAME: &'static str = "CancelJob";
    type Answer = CancelJobAnswer;

    fn read(parameters: &Parameters) -> Result<Self, Fault> {
        let job_id = read_job_id(parameters)?;
        Ok(Self {
            job_id,
            api_version: read_api_version(parameters)?,
        })
    }

    fn pairs(&self) -> Pairs {
        let mut pairs = Pairs::new();
        push(&mut pairs, "JobId", &self.job_id);
        push_optional(&mut pairs, "APIVersion", self.api_version.as_deref());
        pairs
    }
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CancelJobAnswer {
    /// Always true; failures are faults.
    pub success: bool,
}

impl Answer for CancelJobAnswer {
    const ACTION: &'static str = CancelJob::NAME;

    fn write(&self, out: &mut Members) {
        out.boolean("Success", self.success);
    }

    fn read(element: &Element) -> Result<Self, Error> {
        Ok(Self {
            success: element.boolean("Success")?,
        })
    }
}
