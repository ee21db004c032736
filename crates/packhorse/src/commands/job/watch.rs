//! `packhorse job watch`: GetStatus again and again, until the job is over.

use std::time::Duration;

use packhorse_core::job::Progress;
use packhorse_wire::actions::GetStatusAnswer;

use crate::aws::AwsArgs;
use crate::curl::CurlArgs;
use crate::exit::Exit;
use crate::output::{self, Format, OutputArgs};

use super::super::Context;
use super::status::{JobStatus, request_for};
use super::{connect, print_curl};

/// Follow a job until it is over
///
/// Prints a line (with --output json: the whole status) whenever something changed. Ends with 0 when
/// the job completed, 3 when it completed with file errors, 4 when it was canceled, expired or
/// aborted.
#[derive(clap::Args)]
#[command(after_help = "\
EXAMPLES:
  packhorse job watch 4K7PQ2XB
  packhorse job watch 4K7PQ2XB --every 60 && echo loaded")]
pub(crate) struct Args {
    /// The job
    #[arg(value_name = "ID")]
    job_id: String,
    /// Seconds between two looks
    #[arg(long, value_name = "SECONDS", default_value_t = 5,
          value_parser = clap::value_parser!(u64).range(1..=86_400))]
    every: u64,
    #[command(flatten)]
    aws: AwsArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    curl: CurlArgs,
}

pub(super) async fn run(args: Args, ctx: &Context) -> anyhow::Result<Exit> {
    if args.curl.print_curl {
        return print_curl(&args.aws, ctx, &request_for(args.job_id, false), None);
    }
    let api = connect(&args.aws, ctx)?;
    let mut shown = None;
    loop {
        let status = api.get_status(&args.job_id).await?;
        let line = line(&status);
        let progress = status.progress_code;
        if shown.as_ref() != Some(&line) {
            match args.output.output {
                Format::Json => output::json(&JobStatus::from(status))?,
                Format::Text => output::data(&line)?,
            }
            shown = Some(line);
        }
        if let Some(exit) = over(progress) {
            return Ok(exit);
        }
        tokio::time::sleep(Duration::from_secs(args.every)).await;
    }
}

fn line(status: &GetStatusAnswer) -> String {
    output::visible(&format!(
        "{}  {}  {}  errors {}  {}",
        status.job_id,
        status.location_code.code(),
        status.progress_code.code(),
        status.error_count,
        status.progress_message,
    ))
}

/// How the command ends when the job stands thus; `None` while the job goes on.
fn over(progress: Progress) -> Option<Exit> {
    match progress {
        Progress::Pending | Progress::InProgress => None,
        Progress::Complete => Some(Exit::Success),
        Progress::SuccessWithErrors => Some(Exit::FileErrors),
        Progress::Canceled
        | Progress::Expired
        | Progress::MissingSignature
        | Progress::InvalidSignature
        | Progress::DeviceError
        | Progress::UnsupportedFileFormat
        | Progress::UnsupportedDeviceType
        | Progress::MissingDevice => Some(Exit::Refused),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_pending_or_running_job_goes_on() {
        for progress in Progress::ALL {
            let on = matches!(progress, Progress::Pending | Progress::InProgress);
            assert_eq!(over(*progress).is_none(), on, "{progress:?}");
        }
    }
}
