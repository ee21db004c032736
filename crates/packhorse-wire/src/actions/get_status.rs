//! GetStatus: where a job stands.

use jiff::Timestamp;
use packhorse_core::job::{JobType, Location, Progress};

use super::artifact::{read_artifacts, write_artifacts};
use super::{
    Action, Answer, Artifact, Hidden, Pairs, push, push_flag, push_optional, read_api_version,
    read_job_id, write_job_type,
};
use crate::fault::Fault;
use crate::query::Parameters;
use crate::xml::{Element, Error, Members};

/// The request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetStatus {
    /// The job, as the customer wrote it.
    pub job_id: String,
    /// Show the manifest's passwords and pins as well: `IncludeManifestSecrets`, an addition to the
    /// protocol.
    pub manifest_secrets: bool,
    /// The version of the client tool, free text.
    pub api_version: Option<String>,
}

impl Action for GetStatus {
    const NAME: &'static str = "GetStatus";
    type Answer = GetStatusAnswer;

    fn read(parameters: &Parameters) -> Result<Self, Fault> {
        let job_id = read_job_id(parameters)?;
        Ok(Self {
            job_id,
            manifest_secrets: parameters.flag("IncludeManifestSecrets")?,
            api_version: read_api_version(parameters)?,
        })
    }

    fn pairs(&self) -> Pairs {
        let mut pairs = Pairs::new();
        push(&mut pairs, "JobId", &self.job_id);
        if self.manifest_secrets {
            push_flag(&mut pairs, "IncludeManifestSecrets", true);
        }
        push_optional(&mut pairs, "APIVersion", self.api_version.as_deref());
        pairs
    }
}

/// The answer.
#[derive(Clone, PartialEq, Eq)]
pub struct GetStatusAnswer {
    /// The job.
    pub job_id: String,
    /// Import or export.
    pub job_type: JobType,
    /// Where the device is.
    pub location_code: Location,
    /// The same in words.
    pub location_message: String,
    /// How far the load is.
    pub progress_code: Progress,
    /// The same in words.
    pub progress_message: String,
    /// Who brings the device back, once it is returned.
    pub carrier: Option<String>,
    /// The carrier's number for the parcel.
    pub tracking_number: Option<String>,
    /// Where the report is, once there is one.
    pub log_bucket: Option<String>,
    /// Its key.
    pub log_key: Option<String>,
    /// How many files failed; 0 on a new job.
    pub error_count: u64,
    /// The signature alone.
    pub signature: String,
    /// The text of the SIGNATURE file.
    pub signature_file_contents: String,
    /// The manifest in force, to the letter, but for its passwords unless they were asked for.
    pub current_manifest: String,
    /// When the job was made.
    pub creation_date: Timestamp,
    /// Where to send the parcel, as lines; a member that only older clients know.
    pub aws_shipping_address: Option<String>,
    /// Documents that belong to the job.
    pub artifacts: Vec<Artifact>,
}

/// Without the manifest and the signature.
impl std::fmt::Debug for GetStatusAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GetStatusAnswer")
            .field("job_id", &self.job_id)
            .field("job_type", &self.job_type)
            .field("location_code", &self.location_code)
            .field("progress_code", &self.progress_code)
            .field("error_count", &self.error_count)
            .field("current_manifest", &Hidden)
            .field("creation_date", &self.creation_date)
            .finish_non_exhaustive()
    }
}

impl Answer for GetStatusAnswer {
    const ACTION: &'static str = GetStatus::NAME;

    fn write(&self, out: &mut Members) {
        out.text("JobId", &self.job_id);
        write_job_type(out, self.job_type);
        out.text("LocationCode", self.location_code.code());
        out.text("LocationMessage", &self.location_message);
        out.text("ProgressCode", self.progress_code.code());
        out.text("ProgressMessage", &self.progress_message);
        out.optional_text("Carrier", self.carrier.as_deref());
        out.optional_text("TrackingNumber", self.tracking_number.as_deref());
        out.optional_text("LogBucket", self.log_bucket.as_deref());
        out.optional_text("LogKey", self.log_key.as_deref());
        out.integer("ErrorCount", self.error_count.min(ERROR_COUNT_MAX));
        out.text("Signature", &self.signature);
        out.text("SignatureFileContents", &self.signature_file_contents);
        out.text("CurrentManifest", &self.current_manifest);
        out.time("CreationDate", self.creation_date);
        out.optional_text("AwsShippingAddress", self.aws_shipping_address.as_deref());
        write_artifacts(out, &self.artifacts);
    }

    fn read(element: &Element) -> Result<Self, Error> {
        Ok(Self {
            job_id: element.required("JobId")?.to_owned(),
            job_type: element.parsed("JobType", JobType::parse)?,
            location_code: element.parsed("LocationCode", Location::parse)?,
            location_message: element.required("LocationMessage")?.to_owned(),
            progress_code: element.parsed("ProgressCode", Progress::parse)?,
            progress_message: element.required("ProgressMessage")?.to_owned(),
            carrier: element.optional("Carrier"),
            tracking_number: element.optional("TrackingNumber"),
            log_bucket: element.optional("LogBucket"),
            log_key: element.optional("LogKey"),
            error_count: element.parsed("ErrorCount", |text| text.parse().ok())?,
            signature: element.required("Signature")?.to_owned(),
            signature_file_contents: element.required("SignatureFileContents")?.to_owned(),
            current_manifest: element.required("CurrentManifest")?.to_owned(),
            creation_date: element.parsed("CreationDate", |text| text.parse().ok())?,
            aws_shipping_address: element.optional("AwsShippingAddress"),
            artifacts: read_artifacts(element)?,
        })
    }
}

/// The model's integers have 32 bits; typed clients fail on more.
const ERROR_COUNT_MAX: u64 = i32::MAX as u64;
