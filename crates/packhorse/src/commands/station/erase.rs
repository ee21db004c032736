//! `packhorse station erase`: a device that goes back empty, and the paper that says so.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail};
use packhorse_core::id::JobId;
use packhorse_core::ledger::Counts;
use packhorse_media::Unlock;
use packhorse_media::erase::{Method, Step, Verify};
use packhorse_station::{
    Certificate, DeviceLook, EraseMeter, EraseRequest, LoadError, Parcels, look_at,
};
use tokio_util::sync::CancellationToken;

use super::desk::DeskArgs;
use super::until_second_signal;
use crate::clock;
use crate::commands::Context;
use crate::config::Config;
use crate::exit::Exit;
use crate::loading::{TICK, refused_or_failed};
use crate::output::{self, Bar, Hint, OutputArgs};
use crate::whole_file;
use crate::worker;

/// Erase the device of a job that is over, and certify it
///
/// The device is a disk or an image file; everything on it is lost. Allowed when its job was loaded or
/// aborted, and the operator confirms it with the job's id, or the customer asked for it (eraseDevice:
/// yes) and the device has the job's SIGNATURE. A device that is mounted or in use is refused. Afterwards it is read again, and a certificate
/// with a method of NIST SP 800-88 is printed, written to --certificate, and kept with the job's
/// events. After an interruption the same command begins again.
///
/// Ends with 0 when the device is erased, 3 when a part of it could not be (the certificate names it),
/// 4 when it is refused, 1 when it failed and may be tried again.
#[derive(clap::Args)]
#[command(after_help = "\
EXAMPLES:
  packhorse station erase /dev/sdb --job 4K7PQ2XB --certificate 4K7PQ2XB-erased.json
  packhorse station erase /dev/sdb --job 4K7PQ2XB --yes --verify sample
  packhorse station erase disk.img --job 4K7PQ2XB --yes --method discard --output json")]
pub(super) struct Args {
    /// Disk or image file
    device: PathBuf,
    /// Its job
    #[arg(long, value_name = "ID", value_parser = JobId::parse)]
    job: JobId,
    /// How: overwrite fills it with zeros; discard tells the drive that nothing is needed, which is fast
    /// and proves little; sanitize is the drive's own command, which this version does not send
    #[arg(long, value_name = "METHOD", value_enum, default_value_t = How::Overwrite)]
    method: How,
    /// How much is read again
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = HowMuch::Full)]
    verify: HowMuch,
    /// Write the certificate to this file
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    /// Who erases it, for the certificate
    #[arg(long, value_name = "NAME")]
    operator: Option<String>,
    /// Do not ask; without it, the customer's eraseDevice or the job's id typed on the terminal decides
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    desk: DeskArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum How {
    Overwrite,
    Discard,
    Sanitize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum HowMuch {
    Full,
    Sample,
}

pub(super) async fn run(args: Args, ctx: &Context) -> anyhow::Result<Exit> {
    let config = ctx.config()?;
    let (server, key) = args.desk.resolve(&config)?;
    let method = match args.method {
        How::Overwrite => Method::Overwrite,
        How::Discard => Method::Discard,
        How::Sanitize => {
            let error = anyhow!(
                "sanitize and secure erase are not offered: they are commands to the drive itself (NVMe \
                 Sanitize, ATA SECURITY ERASE UNIT), and no safe library sends them"
            );
            output::error(&error.context(Hint(
                "use 'nvme sanitize' or 'hdparm --security-erase', then 'station erase --method discard \
                 --verify full' for the read-back and the job's record"
                    .into(),
            )));
            return Ok(Exit::Refused);
        }
    };
    if let Some(path) = &args.certificate {
        refuse_existing(path)?;
    }
    let request = EraseRequest {
        is_confirmed: args.yes || is_confirmed(&args.device, &args.job)?,
        device: args.device,
        job_id: args.job,
        method,
        verify: match args.verify {
            HowMuch::Full => Verify::Full,
            HowMuch::Sample => Verify::Sample(RandomState::new().build_hasher().finish()),
        },
        operator: args.operator,
    };
    if !request.is_confirmed
        && let Err(refusal) = refuse_other_device(&request, &config, ctx).await
    {
        output::error(&refusal);
        return Ok(Exit::Refused);
    }
    let parcels = match Parcels::new(&server, key) {
        Ok(parcels) => parcels,
        Err(error) => return refused_or_failed(error),
    };
    let stop = CancellationToken::new();
    let erasing = async {
        match show(&parcels, &request, &stop).await {
            Ok((certificate, told)) => {
                let end = conclude(&certificate, args.certificate.as_deref(), args.output)?;
                // The paper is safe; the job's events lack it, and the command may run again.
                told.map_or_else(refused_or_failed, |()| Ok(end))
            }
            Err(error) => refused_or_failed(error),
        }
    };
    until_second_signal(&stop, erasing).await
}

/// The customer's eraseDevice speaks of the customer's device: SIGNATURE must say that this is it.
async fn refuse_other_device(
    request: &EraseRequest,
    config: &Config,
    ctx: &Context,
) -> anyhow::Result<()> {
    let workers = worker::workers(&config.station, &ctx.environment)?;
    let scratch = tempfile::tempdir().context("make a temporary folder")?;
    let look = look_at(&workers, &request.device, scratch.path(), Unlock::default()).await;
    let job = request.job_id.as_str();
    let names_it = |look: &DeviceLook| {
        let mut jobs = look.volumes.iter().filter_map(|it| it.job.as_deref());
        jobs.any(|named| named == job)
    };
    if look.as_ref().is_ok_and(names_it) {
        return Ok(());
    }
    let device = output::path(&request.device);
    let what = match look {
        Ok(_) => anyhow!("{device} has no SIGNATURE of job {job}; nothing was changed"),
        Err(error) => anyhow::Error::from(error).context(format!(
            "{device} cannot be read, so nothing says that it is the device of job {job}; nothing was \
             changed"
        )),
    };
    Err(what.context(Hint(
        "compare the label and the serial number ('packhorse station scan'); if it is the right device, \
         or an erasure was interrupted, confirm it with --yes"
            .into(),
    )))
}

/// Somebody at a terminal types the job's id; nobody else can be asked.
fn is_confirmed(device: &Path, job: &JobId) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() || !output::on_terminal() {
        return Ok(false);
    }
    let device = output::path(device);
    output::say(&format!("Everything on {device} will be lost."));
    let typed: String = dialoguer::Input::new()
        .with_prompt(format!(
            "Type {job} to erase it; nothing, if the customer asked for it"
        ))
        .allow_empty(true)
        .interact_text()
        .context("ask for the job's id")?;
    match typed.trim() {
        "" => Ok(false),
        typed if typed.eq_ignore_ascii_case(job.as_str()) => Ok(true),
        _ => bail!("that is not the job's id; nothing was changed"),
    }
}

fn refuse_existing(path: &Path) -> anyhow::Result<()> {
    if path.exists() {
        bail!(
            anyhow!("{} exists already", output::path(path)).context(Hint(
                "a certificate is never overwritten: name another file".into()
            ))
        );
    }
    Ok(())
}

async fn show(
    parcels: &Parcels,
    request: &EraseRequest,
    stop: &CancellationToken,
) -> Result<(Certificate, Result<(), LoadError>), LoadError> {
    let meter = Arc::new(EraseMeter::default());
    let mut bar = Bar::start();
    let mut tick = tokio::time::interval(TICK);
    let mut last = None;
    let result = {
        let mut erasing = std::pin::pin!(parcels.erase(request, clock::now, &meter, stop));
        loop {
            tokio::select! {
                result = &mut erasing => break result,
                _ = tick.tick() => {
                    let (step, at, listed_bytes) = meter.read();
                    if listed_bytes == 0 {
                        continue;
                    }
                    if last.replace(step) != Some(step) {
                        bar.say(match step {
                            Step::Erasing => "erasing",
                            Step::Verifying => "reading it again",
                        });
                    }
                    let counts = Counts { listed_bytes, ..Counts::default() };
                    bar.show(&counts, at, std::time::Instant::now());
                }
            }
        }
    };
    bar.finish();
    result
}

fn conclude(
    certificate: &Certificate,
    file: Option<&Path>,
    args: OutputArgs,
) -> anyhow::Result<Exit> {
    if let Some(path) = file {
        let text = serde_json::to_string_pretty(certificate)? + "\n";
        whole_file::write(path, text.as_bytes())
            .with_context(|| format!("write the certificate to {}", output::path(path)))?;
    }
    output::print(args.output, certificate, text)?;
    Ok(match certificate.is_clean() {
        true => Exit::Success,
        false => Exit::FileErrors,
    })
}

fn text(it: &Certificate) -> String {
    let bytes = |ranges: &[(u64, u64)]| ranges.iter().map(|(from, to)| to - from).sum();
    let left = match it.is_clean() {
        true => String::new(),
        false => format!(
            "\nleft      {} could not be written, {} did not read as zeros",
            output::bytes(bytes(&it.unwritable)),
            output::bytes(bytes(&it.not_zero))
        ),
    };
    let hardware = it.device.hardware.as_ref();
    let serial = hardware
        .and_then(|it| it.serial.as_deref())
        .unwrap_or("none");
    format!(
        "job       {} {}\ndevice    {}, {}, {}, serial {}\nmethod    {} (NIST SP 800-88: {})\n\
         read      {}, {}{left}",
        it.job_id,
        it.result,
        output::visible(&it.device.path),
        it.device.kind,
        output::bytes(it.device.size),
        serial,
        it.method,
        it.nist_sp_800_88,
        it.verification.kind,
        output::bytes(it.verification.bytes),
    )
}
