//! CreateJob: a manifest becomes a job, or is only checked.

use packhorse_core::job::JobType;

use super::artifact::{read_artifacts, write_artifacts};
use super::{
    Action, Answer, Artifact, Hidden, Pairs, push, push_flag, push_optional, read_api_version,
    read_job_type, write_job_type,
};
use crate::fault::Fault;
use crate::query::Parameters;
use crate::xml::{Element, Error, Members};

/// The request.
#[derive(Clone, PartialEq, Eq)]
pub struct CreateJob {
    /// Import or export.
    pub job_type: JobType,
    /// The manifest's text, not yet read.
    pub manifest: String,
    /// "Internal use only"; carried, never used.
    pub manifest_addendum: Option<String>,
    /// Check the manifest and make nothing.
    pub validate_only: bool,
    /// The version of the client tool, free text.
    pub api_version: Option<String>,
}

/// Without the manifest, which may hold a password and has an address.
impl std::fmt::Debug for CreateJob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreateJob")
            .field("job_type", &self.job_type)
            .field("manifest", &Hidden)
            .field("validate_only", &self.validate_only)
            .field("api_version", &self.api_version)
            .finish_non_exhaustive()
    }
}

impl Action for CreateJob {
    const NAME: &'static str = "CreateJob";
    type Answer = CreateJobAnswer;

    fn read(parameters: &Parameters) -> Result<Self, Fault> {
        if let Some(id) = parameters.get("JobId").filter(|id| !id.is_empty()) {
            return Err(Fault::job_id_on_create(id));
        }
        Ok(Self {
            job_type: read_job_type(parameters)?,
            manifest: parameters.required_text("Manifest")?,
            manifest_addendum: parameters.text("ManifestAddendum")?,
            validate_only: parameters.flag("ValidateOnly")?,
            api_version: read_api_version(parameters)?,
        })
    }

    fn pairs(&self) -> Pairs {
        let mut pairs = Pairs::new();
        push(&mut pairs, "JobType", self.job_type.code());
        push(&mut pairs, "Manifest", &self.manifest);
        push_optional(
            &mut pairs,
            "ManifestAddendum",
            self.manifest_addendum.as_deref(),
        );
        push_flag(&mut pairs, "ValidateOnly", self.validate_only);
        push_optional(&mut pairs, "APIVersion", self.api_version.as_deref());
        pairs
    }
}

/// The answer.
#[derive(Clone, PartialEq, Eq)]
pub struct CreateJobAnswer {
    /// The job's id; of a dry run, one that no other action knows.
    pub job_id: String,
    /// Import or export.
    pub job_type: JobType,
    /// The signature alone, for people who write the SIGNATURE file themselves.
    pub signature: String,
    /// The text of the SIGNATURE file.
    pub signature_file_contents: String,
    /// What the customer should know, one thing per line.
    pub warning_message: Option<String>,
    /// Where to send the parcel, as lines; a member that only older clients know.
    pub aws_shipping_address: Option<String>,
    /// Documents that belong to the job.
    pub artifacts: Vec<Artifact>,
}

/// Without the signature, which lets its holder's device be loaded.
impl std::fmt::Debug for CreateJobAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreateJobAnswer")
            .field("job_id", &self.job_id)
            .field("job_type", &self.job_type)
            .field("signature", &Hidden)
            .field("warning_message", &self.warning_message)
            .finish_non_exhaustive()
    }
}

impl Answer for CreateJobAnswer {
    const ACTION: &'static str = CreateJob::NAME;

    fn write(&self, out: &mut Members) {
        out.text("JobId", &self.job_id);
        write_job_type(out, self.job_type);
        out.text("Signature", &self.signature);
        out.text("SignatureFileContents", &self.signature_file_contents);
        out.optional_text("WarningMessage", self.warning_message.as_deref());
        out.optional_text("AwsShippingAddress", self.aws_shipping_address.as_deref());
        write_artifacts(out, &self.artifacts);
    }

    fn read(element: &Element) -> Result<Self, Error> {
        Ok(Self {
            job_id: element.required("JobId")?.to_owned(),
            job_type: element.parsed("JobType", JobType::parse)?,
            signature: element.required("Signature")?.to_owned(),
            signature_file_contents: element.required("SignatureFileContents")?.to_owned(),
            warning_message: element.optional("WarningMessage"),
            aws_shipping_address: element.optional("AwsShippingAddress"),
            artifacts: read_artifacts(element)?,
        })
    }
}
