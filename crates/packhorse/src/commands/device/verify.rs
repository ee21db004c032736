//! `packhorse device verify`: whether a disk still holds what an export wrote to it.

use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use packhorse_media::MediaError;
use packhorse_station::identify;
use packhorse_transfer::{Error as TransferError, Meter, VerifiedExport, VerifyExport};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::exit::Exit;
use crate::output::{self, Hint, OutputArgs};

use super::check::{unlock, watched};

/// Compare every file of an exported disk with what was exported
///
/// An exported disk carries a folder PACKHORSE that says what each file was as an object, with its MD5.
/// This reads every file and compares: no server and no store is needed. `md5sum -c PACKHORSE/MD5SUMS`
/// in the root of the mounted disk does the same without Packhorse.
///
/// Ends with 0 when every file is as it was exported, 3 when some are missing or changed, and 4 when
/// the device cannot be read or is not an exported one.
#[derive(clap::Args)]
#[command(after_help = "\
EXAMPLES:
  packhorse device verify /mnt/disk
  packhorse device verify disk.img --output json
  packhorse device verify encrypted.img --unlock-from prompt
  sudo packhorse device verify /dev/sdb --examples 100")]
pub(super) struct Args {
    /// The device: a folder, an image file or a block device
    path: PathBuf,
    /// Name so many files that are not as they were
    #[arg(long, value_name = "COUNT", default_value_t = 20,
          value_parser = clap::value_parser!(u32).range(0..=100_000))]
    examples: u32,
    /// Folder for the temporary list of files [default: the system's]
    #[arg(long, value_name = "DIR")]
    work_dir: Option<PathBuf>,
    /// Open encrypted volumes with the password in this file; - reads it from standard input, prompt
    /// asks for it
    #[arg(long, value_name = "FILE|prompt")]
    unlock_from: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
}

/// What is printed.
#[derive(Serialize)]
struct Verified {
    outcome: &'static str,
    good: u64,
    good_bytes: u64,
    bad: u64,
    unlisted: u64,
    problems: Vec<Problem>,
}

#[derive(Serialize)]
struct Problem {
    path: String,
    problem: String,
}

/// Why nothing can be said of the device.
enum Refusal {
    Unreadable(anyhow::Error),
    NotExported,
}

type Found = Result<(VerifiedExport, Vec<Problem>), Refusal>;

pub(super) async fn run(args: Args) -> anyhow::Result<Exit> {
    let refused = match verify(&args).await? {
        Ok((found, problems)) => {
            let verified = Verified {
                outcome: if found.bad == 0 {
                    "verified"
                } else {
                    "differs"
                },
                good: found.good,
                good_bytes: found.good_bytes,
                bad: found.bad,
                unlisted: found.unlisted,
                problems,
            };
            output::print(args.output.output, &verified, text)?;
            return Ok(match found.bad {
                0 => Exit::Success,
                _ => Exit::FileErrors,
            });
        }
        Err(Refusal::Unreadable(error)) => error,
        Err(Refusal::NotExported) => {
            anyhow!("the device has no list of exported objects").context(Hint(
                "only disks that an export has filled can be verified; the list is \
                  PACKHORSE/objects.jsonl in their root"
                    .into(),
            ))
        }
    };
    output::error(&refused);
    Ok(Exit::Refused)
}

async fn verify(args: &Args) -> anyhow::Result<Found> {
    let work_dir = match &args.work_dir {
        Some(folder) => tempfile::tempdir_in(folder),
        None => tempfile::tempdir(),
    }
    .context("make a folder for the list of files")?;
    let unlock = unlock(args.unlock_from.as_deref())?;
    let (meter, stop) = (Meter::default(), CancellationToken::new());
    let (path, examples) = (args.path.clone(), args.examples as usize);
    let (numbers, stopped) = (meter.clone(), stop.clone());
    let working = tokio::task::spawn_blocking(move || {
        let identified = match identify(&path, &unlock) {
            Ok(identified) => identified,
            Err(error) => return unreadable(error),
        };
        let verify = VerifyExport {
            device: &identified.device,
            work_dir: work_dir.path(),
            meter: numbers,
            stop: stopped,
            clock: clock::now,
        };
        let mut problems = Vec::new();
        let found = verify.run(|problem| {
            if problems.len() < examples {
                problems.push(Problem {
                    path: problem.path.clone(),
                    problem: problem.what.clone(),
                });
            }
        });
        match found {
            Ok(Some(found)) => Ok(Ok((found, problems))),
            Ok(None) => Ok(Err(Refusal::NotExported)),
            Err(TransferError::Media(error)) => unreadable(error),
            Err(error) => Err(error.into()),
        }
    });
    watched(working, &meter, &stop).await?
}

/// A path that is mistyped or closed to us says nothing about the device.
fn unreadable(error: MediaError) -> anyhow::Result<Found> {
    match error {
        MediaError::NotFound(_) | MediaError::Denied(_) => Err(error.into()),
        MediaError::Unsupported(_)
        | MediaError::Damaged(_)
        | MediaError::Locked(_)
        | MediaError::Io(_) => Ok(Err(Refusal::Unreadable(error.into()))),
    }
}

fn text(verified: &Verified) -> String {
    let mut lines: Vec<String> = verified
        .problems
        .iter()
        .map(|problem| output::visible(&format!("{}: {}", problem.path, problem.problem)))
        .collect();
    lines.push(format!(
        "good      {} files, {}, each as it was exported\n\
         bad       {}\n\
         unlisted  {}",
        verified.good,
        output::bytes(verified.good_bytes),
        verified.bad,
        verified.unlisted
    ));
    lines.join("\n")
}
