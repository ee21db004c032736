//! UpdateJob: a new manifest replaces the old one wholly; even the job type may change.

use packhorse_core::job::JobType;

use super::artifact::{read_artifacts, write_artifacts};
use super::{
    Action, Answer, Artifact, Hidden, Pairs, push, push_flag, push_optional, read_api_version,
    read_job_type,
};
use crate::fault::Fault;
use crate::query::Parameters;
use crate::xml::{Element, Error, Members};

/// The request.
#[derive(Clone, PartialEq, Eq)]
pub struct UpdateJob {
    /// The job, as the customer wrote it.
    pub job_id: String,
    /// Import or export.
    pub job_type: JobType,
    /// The new manifest's text, not yet read.
    pub manifest: String,
    /// Check the manifest and change nothing.
    pub validate_only: bool,
    /// The version of the client tool, free text.
    pub api_version: Option<String>,
}

/// Without the manifest, which may hold a password and has an address.
impl std::fmt::Debug for UpdateJob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UpdateJob")
            .field("job_id", &self.job_id)
            .field("job_type", &self.job_type)
            .field("manifest", &Hidden)
            .field("validate_only", &self.validate_only)
            .field("api_version", &self.api_version)
            .finish()
    }
}

impl Action for UpdateJob {
    const NAME: &'static str = "UpdateJob";
    type Answer = UpdateJobAnswer;

    fn read(parameters: &Parameters) -> Result<Self, Fault> {
        Ok(Self {
            job_id: parameters.required_text("JobId")?,
            job_type: read_job_type(parameters)?,
            manifest: parameters.required_text("Manifest")?,
            validate_only: parameters.flag("ValidateOnly")?,
            api_version: read_api_version(parameters)?,
        })
    }

    fn pairs(&self) -> Pairs {
        let mut pairs = Pairs::new();
        push(&mut pairs, "JobId", &self.job_id);
        push(&mut pairs, "Manifest", &self.manifest);
        push(&mut pairs, "JobType", self.job_type.code());
        push_flag(&mut pairs, "ValidateOnly", self.validate_only);
        push_optional(&mut pairs, "APIVersion", self.api_version.as_deref());
        pairs
    }
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateJobAnswer {
    /// Always true; failures are faults.
    pub success: bool,
    /// What the customer should know, one thing per line.
    pub warning_message: Option<String>,
    /// Documents that belong to the job.
    pub artifacts: Vec<Artifact>,
}

impl Answer for UpdateJobAnswer {
    const ACTION: &'static str = UpdateJob::NAME;

    fn write(&self, out: &mut Members) {
        out.boolean("Success", self.success);
        out.optional_text("WarningMessage", self.warning_message.as_deref());
        write_artifacts(out, &self.artifacts);
    }

    fn read(element: &Element) -> Result<Self, Error> {
        Ok(Self {
            success: element.boolean("Success")?,
            warning_message: element.optional("WarningMessage"),
            artifacts: read_artifacts(element)?,
        })
    }
}
