//! `packhorse device prepare`: SIGNATURE goes onto the disk.

use std::path::PathBuf;

use anyhow::anyhow;
use serde::Serialize;

use crate::aws::AwsArgs;
use crate::exit::Exit;
use crate::output::{self, Hint, OutputArgs};
use crate::signature;

use super::super::Context;
use super::super::job::connect;

/// Write a job's SIGNATURE file into the root of a disk
///
/// Asks the API for the text (GetStatus) and writes it whole or not at all; an older SIGNATURE is
/// replaced. The disk must be mounted and PATH the folder it is mounted on: images and block devices
/// are not written to.
#[derive(clap::Args)]
#[command(after_help = "\
EXAMPLES:
  packhorse device prepare /mnt/disk --job 4K7PQ2XB
  sudo mount /dev/sdb1 /mnt && packhorse device prepare /mnt --job 4K7PQ2XB && sudo umount /mnt")]
pub(super) struct Args {
    /// Folder that the disk is mounted on
    path: PathBuf,
    /// The job that the disk belongs to
    #[arg(long, value_name = "ID")]
    job: String,
    #[command(flatten)]
    aws: AwsArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// What is printed.
#[derive(Serialize)]
struct Prepared {
    job_id: String,
    path: PathBuf,
}

pub(super) async fn run(args: Args, ctx: &Context) -> anyhow::Result<Exit> {
    // Judged before the network is asked: the answer would be of no use.
    if let Err(refused) = signature::refuse_unless_folder(&args.path) {
        output::error(&refused);
        return Ok(Exit::Refused);
    }
    let status = connect(&args.aws, ctx)?.get_status(&args.job).await?;
    if status.progress_code.is_final() {
        let (id, progress) = (&status.job_id, status.progress_code.code());
        let refused = anyhow!("job {id} is {progress}: a device for it would not be loaded")
            .context(Hint(
                "create a new job: packhorse job create MANIFEST --type import".into(),
            ));
        output::error(&refused);
        return Ok(Exit::Refused);
    }
    let path = signature::write_to_device(&args.path, &status.signature_file_contents)?;
    let prepared = Prepared {
        job_id: status.job_id,
        path,
    };
    output::print(args.output.output, &prepared, |prepared| {
        format!(
            "wrote {} for job {}",
            output::visible(&prepared.path.display().to_string()),
            prepared.job_id
        )
    })?;
    Ok(Exit::Success)
}
