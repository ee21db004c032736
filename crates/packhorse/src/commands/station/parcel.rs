//! `packhorse station receive`, `return` and `abort`: parcels that come and go, jobs that end without
//! a load.

use packhorse_core::id::JobId;
use packhorse_core::job::{ABORTS, Progress};
use packhorse_station::{LoadError, Parcels};
use packhorse_wire::desk::Whereabouts;
use serde::Serialize;

use super::desk::DeskArgs;
use crate::commands::Context;
use crate::exit::Exit;
use crate::loading;
use crate::output::{self, Format, OutputArgs};

/// Note that the device of a job has arrived
///
/// GetStatus then says AtAWS, the job does not expire any more, and its artifacts are gone. `station
/// load` notes it by itself. Doing it again changes nothing.
#[derive(clap::Args)]
#[command(after_help = "\
EXAMPLES:
  packhorse station receive 4K7PQ2XB
  packhorse station receive 4K7PQ2XB --note 'bay 4, dented'")]
pub(super) struct ReceiveArgs {
    /// The job that the parcel names
    #[arg(value_name = "JOB", value_parser = JobId::parse)]
    job: JobId,
    /// A note for the job's event log
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    #[command(flatten)]
    desk: DeskArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Note that the device of a job was handed to a carrier
///
/// GetStatus then says Returned, with Carrier and TrackingNumber. The job must be loaded, canceled,
/// expired or aborted, and its device received. With another number it corrects the one before.
#[derive(clap::Args)]
#[command(after_help = "\
EXAMPLES:
  packhorse station return 4K7PQ2XB --carrier UPS --tracking-number 1Z999AA10123456784")]
pub(super) struct ReturnArgs {
    /// The job whose device it is
    #[arg(value_name = "JOB", value_parser = JobId::parse)]
    job: JobId,
    /// Who carries it
    #[arg(long, value_name = "NAME")]
    carrier: String,
    /// The carrier's number for it
    #[arg(long, value_name = "NUMBER")]
    tracking_number: String,
    #[command(flatten)]
    desk: DeskArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// End a job that cannot be loaded
///
/// For a parcel that holds no usable device, and for a load that can never be finished, such as one
/// whose bucket was deleted. A load that a station is working on is left alone: stop it first; its
/// lease lapses after a minute. The customer sees the code in GetStatus, the reason is for the event
/// log.
#[derive(clap::Args)]
#[command(after_help = "\
EXAMPLES:
  packhorse station abort 4K7PQ2XB --code MissingDevice --reason 'an empty box'
  packhorse station abort 4K7PQ2XB --code DeviceError --reason 'the bucket was deleted'")]
pub(super) struct AbortArgs {
    /// The job
    #[arg(value_name = "JOB", value_parser = JobId::parse)]
    job: JobId,
    /// How it ends: MissingSignature, InvalidSignature, DeviceError, UnsupportedFileFormat,
    /// UnsupportedDeviceType or MissingDevice
    #[arg(long, value_name = "CODE", value_parser = abort_code)]
    code: Progress,
    /// Why, for the job's event log
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    desk: DeskArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// What is printed.
#[derive(Serialize)]
struct Noted {
    job_id: JobId,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<&'static str>,
    progress: &'static str,
}

impl Noted {
    fn of(job_id: JobId, told: Whereabouts) -> Self {
        Self {
            job_id,
            location: Some(told.location.code()),
            progress: told.progress.code(),
        }
    }

    fn to_text(&self) -> String {
        let Self {
            job_id, progress, ..
        } = self;
        let location = self.location.map(|location| format!("{location}, "));
        format!("job {job_id}: {}{progress}", location.unwrap_or_default())
    }
}

pub(super) async fn receive(args: ReceiveArgs, ctx: &Context) -> anyhow::Result<Exit> {
    let (server, key) = args.desk.resolve(&ctx.config()?)?;
    let told = async {
        Parcels::new(&server, key)?
            .receive(&args.job, args.note)
            .await
    };
    conclude(
        args.output.output,
        told.await.map(|told| Noted::of(args.job, told)),
    )
}

pub(super) async fn send_back(args: ReturnArgs, ctx: &Context) -> anyhow::Result<Exit> {
    let (server, key) = args.desk.resolve(&ctx.config()?)?;
    let told = async {
        Parcels::new(&server, key)?
            .send_back(&args.job, args.carrier, args.tracking_number)
            .await
    };
    conclude(
        args.output.output,
        told.await.map(|told| Noted::of(args.job, told)),
    )
}

pub(super) async fn abort(args: AbortArgs, ctx: &Context) -> anyhow::Result<Exit> {
    let (server, key) = args.desk.resolve(&ctx.config()?)?;
    let told = async {
        Parcels::new(&server, key)?
            .give_up(&args.job, args.code, args.reason)
            .await
    };
    conclude(
        args.output.output,
        told.await.map(|told| Noted {
            job_id: args.job,
            location: None,
            progress: told.progress.code(),
        }),
    )
}

fn conclude(output: Format, told: Result<Noted, LoadError>) -> anyhow::Result<Exit> {
    match told {
        Ok(noted) => {
            output::print(output, &noted, Noted::to_text)?;
            Ok(Exit::Success)
        }
        Err(error) => loading::refused_or_failed(error),
    }
}

fn abort_code(text: &str) -> Result<Progress, String> {
    let known = ABORTS.iter().copied();
    let found = known.clone().find(|code| code.code() == text);
    found.ok_or_else(|| {
        let codes: Vec<_> = known.map(Progress::code).collect();
        format!("it is one of {}", codes.join(", "))
    })
}
