//! `packhorse job list`: ListJobs, all pages.

use packhorse_wire::actions::{JOBS_PER_PAGE_MAX, ListJobs, ListedJob};
use serde::Serialize;

use crate::aws::AwsArgs;
use crate::clock;
use crate::curl::CurlArgs;
use crate::exit::Exit;
use crate::output::{self, Format, OutputArgs};

use super::super::Context;
use super::{connect, print_curl};

/// List the account's jobs, newest first (ListJobs)
///
/// With --output json each job is one line. --print-curl prints the request for the first page.
#[derive(clap::Args)]
#[command(after_help = "\
EXAMPLES:
  packhorse job list
  packhorse job list --limit 10
  packhorse job list --output json | jq -r 'select(.is_canceled | not) | .job_id'")]
pub(crate) struct Args {
    /// Stop after this many jobs
    #[arg(long, value_name = "COUNT")]
    limit: Option<u64>,
    #[command(flatten)]
    aws: AwsArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    curl: CurlArgs,
}

/// One job, as it is printed.
#[derive(Serialize)]
struct JobSummary {
    job_id: String,
    job_type: &'static str,
    creation_date: String,
    is_canceled: bool,
}

impl From<ListedJob> for JobSummary {
    fn from(job: ListedJob) -> Self {
        Self {
            job_id: job.job_id,
            job_type: job.job_type.code(),
            creation_date: clock::whole_seconds(job.creation_date),
            is_canceled: job.is_canceled,
        }
    }
}

pub(super) async fn run(args: Args, ctx: &Context) -> anyhow::Result<Exit> {
    let mut left = args.limit.unwrap_or(u64::MAX);
    if args.curl.print_curl {
        return print_curl(&args.aws, ctx, &page_of(left, None), None);
    }
    let api = connect(&args.aws, ctx)?;
    let mut marker: Option<String> = None;
    let mut first = true;
    while left > 0 {
        let answer = api.call(&page_of(left, marker)).await?;
        left = left.saturating_sub(answer.jobs.len() as u64);
        marker = answer.jobs.last().map(|job| job.job_id.clone());
        let jobs: Vec<_> = answer.jobs.into_iter().map(JobSummary::from).collect();
        print_page(&jobs, args.output.output, first)?;
        first = false;
        if !answer.is_truncated || marker.is_none() {
            break;
        }
    }
    Ok(Exit::Success)
}

/// The request for the next page when so many jobs are still wanted.
fn page_of(left: u64, marker: Option<String>) -> ListJobs {
    let whole = JOBS_PER_PAGE_MAX;
    ListJobs {
        max_jobs: u32::try_from(left).unwrap_or(whole).min(whole),
        marker,
        api_version: None,
    }
}

fn print_page(jobs: &[JobSummary], format: Format, first: bool) -> anyhow::Result<()> {
    if format == Format::Json {
        return jobs.iter().try_for_each(output::json);
    }
    let row = |job: &JobSummary| {
        let state = if job.is_canceled { "canceled" } else { "" };
        [&job.job_id, job.job_type, &job.creation_date, state].map(str::to_owned)
    };
    let rows: Vec<_> = jobs.iter().map(row).collect();
    let table = output::table(["JOB", "TYPE", "CREATED            ", ""], &rows);
    let body = if first {
        table.as_str()
    } else {
        table.split_once('\n').map_or("", |t| t.1)
    };
    if body.is_empty() {
        Ok(())
    } else {
        output::data(body)
    }
}
