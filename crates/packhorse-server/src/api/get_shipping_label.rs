//! GetShippingLabel: this facility prints no labels, and says so.

use packhorse_store::AccessKey;
use packhorse_wire::actions::{GetShippingLabel, GetShippingLabelAnswer};
use packhorse_wire::fault::{Fault, FaultCode};

use super::faults::lookup_fault;
use super::job_id;
use crate::context::Context;

/// Jobs that are not the caller's are refused as everywhere; for the others there is no label.
pub(super) async fn run(
    context: &Context,
    caller: &AccessKey,
    asked: GetShippingLabel,
) -> Result<GetShippingLabelAnswer, Fault> {
    for text in &asked.job_ids {
        let id = job_id::read(text)?;
        let job = context.store.job(caller.account, &id).await;
        job.map_err(|error| lookup_fault(error, text))?;
    }
    Err(Fault::new(
        FaultCode::InvalidAction,
        "This facility does not issue shipping labels: send the parcel with a carrier of your \
         choice to the address that CreateJob and GetStatus answer with",
    ))
}
