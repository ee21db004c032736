//! `packhorse job watch`: GetStatus again and again, until the job is over.

use std::time::Duration;

use packhorse_core::job::Progress;

use crate::api::JobStatus;
use crate::aws::AwsArgs;
use crate::exit::Exit;
use crate::output::{self, Format, OutputArgs};

use super::super::Context;
use super::connect;

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
}

pub(super) async fn run(args: Args, ctx: &Context) -> anyhow::Result<Exit> {
    let api = connect(&args.aws, ctx)?;
    let mut shown = None;
    loop {
        let status = api.get_status(&args.job_id).await?;
        let line = line(&status);
        if shown.as_ref() != Some(&line) {
            match args.output.output {
                Format::Json => output::json(&status)?,
                Format::Text => output::data(&line)?,
            }
            shown = Some(line);
        }
        if let Some(exit) = over(&status.progress_code) {
            return Ok(exit);
        }
        tokio::time::sleep(Duration::from_secs(args.every)).await;
    }
}

fn line(status: &JobStatus) -> String {
    output::visible(&format!(
        "{}  {}  {}  errors {}  {}",
        status.job_id,
        status.location_code,
        status.progress_code,
        status.error_count,
        status.progress_message,
    ))
}

/// How the command ends when the job has this progress code; `None` while the job goes on. An
/// unknown code may come from another server: it goes on.
fn over(progress_code: &str) -> Option<Exit> {
    match Progress::parse(progress_code)? {
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
            assert_eq!(over(progress.code()).is_none(), on, "{progress:?}");
        }
    }
}
