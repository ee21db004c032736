//! The words for what is printed, and turns for printing.

use std::time::Duration;

use bytes::Bytes;
use packhorse_core::manifest::{self, Shipment};
use packhorse_paper::{PackingSlip, Paper, ShippingLabel};
use packhorse_store::{AccessKey, Job};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::context::Context;
use crate::postal::Members;

/// Pages printed at once. One takes some 10 ms of a core and a few MiB, a long manifest some 50 ms;
/// more at once would only take cores from other requests.
const PRINTING_MAX: usize = 2;
/// Time to wait for a turn: a person waits, and a browser can ask again.
const TURN_TIMEOUT: Duration = Duration::from_secs(5);

static TURNS: Semaphore = Semaphore::const_new(PRINTING_MAX);

/// Why there is no paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotPrinted {
    /// Too many others print: try again.
    Busy,
    /// Printing failed, and the log says why.
    Broken,
}

/// What the papers of a job say.
pub(crate) async fn read_shipment(job: &Job) -> Result<Shipment, NotPrinted> {
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
        let shipment = read(&job)?;
        let slip = PackingSlip {
            job_id: job.id.as_str().to_owned(),
            job_type: job.job_type.code().to_owned(),
            account,
            device_id: shipment.device_id,
            created: job.created_at.strftime("%Y-%m-%d %H:%M UTC").to_string(),
            erases: shipment.erase_device,
            ship_to,
            return_to: Members::from(&shipment.return_address).lines(),
        };
        printed(slip.print()).map(|paper| paper.pdf.into())
    })
    .await
}

/// The label of one job, its sender the manifest's return address.
pub(super) async fn print_own_label(context: &Context, job: &Job) -> Result<Bytes, NotPrinted> {
    let Some(facility) = &context.settings.facility else {
        tracing::error!("a link to a label was made by a server with another configuration");
        return Err(NotPrinted::Broken);
    };
    let id = job.id.as_str().to_owned();
    let ship_to = lines(&facility.address_for(&id));
    let job = job.clone();
    in_turn(move || {
        let shipment = read(&job)?;
        let label = ShippingLabel {
            job_ids: vec![id],
            ship_to,
            sender: Members::from(&shipment.return_address).lines(),
        };
        printed(label.print()).map(|paper| paper.pdf.into())
    })
    .await
}

fn lines(address: &str) -> Vec<String> {
    address.lines().map(str::to_owned).collect()
}

/// The manifest was found valid when it came, so that only a change of the rules can fail this.
fn read(job: &Job) -> Result<Shipment, NotPrinted> {
    manifest::shipment(job.manifest.expose(), job.job_type).ok_or_else(|| {
        tracing::error!(job.id = %job.id, "a stored manifest has become invalid");
        NotPrinted::Broken
    })
}

fn printed(paper: Result<Paper, packhorse_paper::Error>) -> Result<Paper, NotPrinted> {
    paper.map_err(|error| {
        tracing::error!(%error, "a page could not be printed");
        NotPrinted::Broken
    })
}

/// Works off the event loop, in turn.
async fn in_turn<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, NotPrinted> + Send + 'static,
) -> Result<T, NotPrinted> {
    let turn = timeout(TURN_TIMEOUT, TURNS.acquire()).await;
    let turn = turn.map_err(|_| NotPrinted::Busy)?;
    let turn = turn.expect("the semaphore is never closed");
    // The turn is the work's, not that of who waits for it: it goes on when nobody does any more.
    let working = tokio::task::spawn_blocking(move || {
        let done = work();
        drop(turn);
        done
    });
    working.await.unwrap_or_else(|error| {
        tracing::error!(%error, "printing broke off");
        Err(NotPrinted::Broken)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_gets_no_turn_in_time_may_come_again() {
        let held = TURNS.acquire_many(PRINTING_MAX as u32).await;
        let refused = in_turn(|| Ok(())).await;
        assert_eq!(refused, Err(NotPrinted::Busy));
        drop(held);
        assert_eq!(in_turn(|| Ok(1)).await, Ok(1));
        // A work that panics gives its turn back.
        for _ in 0..=PRINTING_MAX {
            let broken = in_turn::<()>(|| panic!("a page that breaks")).await;
            assert_eq!(broken, Err(NotPrinted::Broken));
        }
        assert_eq!(in_turn(|| Ok(2)).await, Ok(2));
    }
}
