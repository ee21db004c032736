//! ListJobs: the account's jobs, newest first, in pages.

use jiff::Timestamp;
use packhorse_core::job::JobType;

use super::{Action, Answer, Pairs, push, push_optional, read_api_version, write_job_type};
use crate::fault::Fault;
use crate::query::Parameters;
use crate::xml::{Element, Error, Members};

/// Largest page, and the page of a request that names none: the guide's limit.
pub const JOBS_PER_PAGE_MAX: u32 = 1000;

/// The request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListJobs {
    /// The page's length, 0 to 1000.
    pub max_jobs: u32,
    /// The page starts after this job: the last one of the page before.
    pub marker: Option<String>,
    /// The version of the client tool, free text.
    pub api_version: Option<String>,
}

impl Default for ListJobs {
    fn default() -> Self {
        Self {
            max_jobs: JOBS_PER_PAGE_MAX,
            marker: None,
            api_version: None,
        }
    }
}

impl Action for ListJobs {
    const NAME: &'static str = "ListJobs";
    type Answer = ListJobsAnswer;

    fn read(parameters: &Parameters) -> Result<Self, Fault> {
        let max_jobs = match parameters.get("MaxJobs").filter(|text| !text.is_empty()) {
            None => JOBS_PER_PAGE_MAX,
            Some(text) => read_max_jobs(text)?,
        };
        Ok(Self {
            max_jobs,
            marker: parameters.text("Marker")?,
            api_version: read_api_version(parameters)?,
        })
    }

    fn pairs(&self) -> Pairs {
        let mut pairs = Pairs::new();
        push(&mut pairs, "MaxJobs", &self.max_jobs.to_string());
        push_optional(&mut pairs, "Marker", self.marker.as_deref());
        push_optional(&mut pairs, "APIVersion", self.api_version.as_deref());
        pairs
    }
}

fn read_max_jobs(text: &str) -> Result<u32, Fault> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text
        .parse()
        .ok()
        .filter(|number| plain && *number <= JOBS_PER_PAGE_MAX);
    number.ok_or_else(|| Fault::invalid_parameter("MaxJobs", "must be a number from 0 to 1000"))
}

/// One line of the listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedJob {
    /// The job.
    pub job_id: String,
    /// When it was made.
    pub creation_date: Timestamp,
    /// Whether the customer gave it up.
    pub is_canceled: bool,
    /// Import or export.
    pub job_type: JobType,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListJobsAnswer {
    /// The page.
    pub jobs: Vec<ListedJob>,
    /// Whether another page follows. Paginating clients then ask for it with the last job of this
    /// one as the marker, so that a page with more to come should not be empty.
    pub is_truncated: bool,
}

impl Answer for ListJobsAnswer {
    const ACTION: &'static str = ListJobs::NAME;

    fn write(&self, out: &mut Members) {
        out.group("Jobs", |list| {
            for job in &self.jobs {
                list.group("member", |member| {
                    member.text("JobId", &job.job_id);
                    member.time("CreationDate", job.creation_date);
                    member.boolean("IsCanceled", job.is_canceled);
                    write_job_type(member, job.job_type);
                });
            }
        });
        out.boolean("IsTruncated", self.is_truncated);
    }

    fn read(element: &Element) -> Result<Self, Error> {
        let read = |member: &Element| {
            Ok(ListedJob {
                job_id: member.required("JobId")?.to_owned(),
                creation_date: member.parsed("CreationDate", |text| text.parse().ok())?,
                is_canceled: member.boolean("IsCanceled")?,
                job_type: member.parsed("JobType", JobType::parse)?,
            })
        };
        Ok(Self {
            jobs: element
                .list("Jobs")
                .map(read)
                .collect::<Result<_, Error>>()?,
            is_truncated: element.boolean("IsTruncated")?,
        })
    }
}
