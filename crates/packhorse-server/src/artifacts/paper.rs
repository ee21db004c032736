//! The words for what is printed, and turns for printing.

use bytes::Bytes;
use packhorse_core::manifest::{self, Kind, Manifest};
use packhorse_paper::{PackingSlip, Paper, ShippingLabel};
use packhorse_store::{AccessKey, Job};
use tokio::sync::Semaphore;

use crate::context::Context;
use crate::postal::Members;

/// Pages printed at once. One takes some 10 ms of a core and a few MiB; more at once would only
/// take cores from other requests.
const PRINTING_MAX: usize = 2;

static TURNS: Semaphore = Semaphore::const_new(PRINTING_MAX);

/// Printing failed, and the log says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotPrinted;

/// The manifest in force.
pub(crate) async fn read_manifest(job: &Job) -> Result<Manifest, NotPrinted> {
    let owned = job.clone();
    in_turn(move || read(&owned)).await
}

/// Prints a label.
pub(crate) async fn print_label(label: ShippingLabel) -> Result<Paper, NotPrinted> {
    in_turn(move || printed(label.print())).await
}

/// The packing slip of a job.
pub(super) async fn print_slip(
    context: &Context,
    key: &AccessKey,
    job: &Job,
) -> Result<Bytes, NotPrinted> {
    let account = key.account_name.clone();
    let facility = context.settings.facility.as_ref();
    let ship_to = facility.map(|facility| lines(&facility.address_for(job.id.as_str())));
    let job = job.clone();
    in_turn(move || {
        let manifest = read(&job)?;
        let slip = PackingSlip {
            job_id: job.id.as_str().to_owned(),
            job_type: job.job_type.code().to_owned(),
            account,
            device_id: manifest.common.device_id,
            created: job.created_at.strftime("%Y-%m-%d %H:%M UTC").to_string(),
            erases: matches!(&manifest.kind, Kind::S3Import(import) if import.erase_device),
            ship_to,
            return_to: Members::from(&manifest.common.return_address).lines(),
        };
        printed(slip.print()).map(|paper| paper.pdf.into())
    })
    .await
}

/// The label of one job, its sender the manifest's return address.
pub(super) async fn print_own_label(context: &Context, job: &Job) -> Result<Bytes, NotPrinted> {
    let Some(facility) = &context.settings.facility else {
        tracing::error!("a link to a label was made by a server with another configuration");
        return Err(NotPrinted);
    };
    let id = job.id.as_str().to_owned();
    let ship_to = lines(&facility.address_for(&id));
    let job = job.clone();
    in_turn(move || {
        let manifest = read(&job)?;
        let label = ShippingLabel {
            job_ids: vec![id],
            ship_to,
            sender: Members::from(&manifest.common.return_address).lines(),
        };
        printed(label.print()).map(|paper| paper.pdf.into())
    })
    .await
}

fn lines(address: &str) -> Vec<String> {
    address.lines().map(str::to_owned).collect()
}

/// The manifest was found valid when it came, so that only a change of the rules can fail this.
fn read(job: &Job) -> Result<Manifest, NotPrinted> {
    let reading = manifest::read(job.manifest.expose(), job.job_type);
    reading.map(|reading| reading.manifest).map_err(|problems| {
        let count = problems.len();
        tracing::error!(job.id = %job.id, count, "a stored manifest has become invalid");
        NotPrinted
    })
}

fn printed(paper: Result<Paper, packhorse_paper::Error>) -> Result<Paper, NotPrinted> {
    paper.map_err(|error| {
        tracing::error!(%error, "a page could not be printed");
        NotPrinted
    })
}

/// Works off the event loop, one after the other.
async fn in_turn<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, NotPrinted> + Send + 'static,
) -> Result<T, NotPrinted> {
    let turn = TURNS.acquire().await;
    let _turn = turn.expect("the semaphore is never closed");
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| {
            tracing::error!(%error, "printing broke off");
            Err(NotPrinted)
        })
}
