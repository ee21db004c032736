//! GetShippingLabel: one label for the devices of one or more jobs in one parcel.

use bytes::Bytes;
use packhorse_core::job::Progress;
use packhorse_core::manifest::Shipment;
use packhorse_paper::{JOBS_PER_LABEL_MAX, Paper, ShippingLabel};
use packhorse_store::{AccessKey, Job};
use packhorse_wire::actions::{GetShippingLabel, GetShippingLabelAnswer};
use packhorse_wire::fault::{Fault, FaultCode};
use tokio::time::timeout;

use super::faults::{lookup_fault, state_fault};
use super::sender::{self, Sender};
use super::{buckets, job_id};
use crate::artifacts::{self, Document, NotPrinted, Place};
use crate::context::{Context, Facility};
use crate::postal::Members;

/// Longest key of an object.
const KEY_BYTES_MAX: usize = 1024;

/// A job for the label, with what its manifest says of the parcel.
struct Labelled {
    job: Job,
    shipment: Shipment,
}

/// Prints the label, keeps it in the log bucket of each job, as the original did, and gives a link
/// to it. The same request again replaces it.
pub(super) async fn run(
    context: &Context,
    caller: &AccessKey,
    asked: GetShippingLabel,
) -> Result<GetShippingLabelAnswer, Fault> {
    let jobs = find(context, caller, &asked.job_ids).await?;
    let facility = context.settings.facility.as_ref();
    let facility = facility.ok_or_else(no_address)?;
    let mut labelled = Vec::with_capacity(jobs.len());
    for job in jobs {
        let shipment = artifacts::read_shipment(&job).await.map_err(not_printed)?;
        labelled.push(Labelled { job, shipment });
    }
    let Some(first) = labelled.first() else {
        return Err(Fault::missing_job_id("jobIds"));
    };
    let places = places(&labelled)?;
    let sender = sender::of(asked.address.into(), &first.shipment.return_address)?;
    let mut warnings = sender.warnings.clone();
    warnings.extend(differing_addresses(&labelled, &sender));
    let label = words(facility, &labelled, sender);
    let paper = artifacts::print_label(label).await.map_err(not_printed)?;
    warnings.extend(shortcomings(&paper));
    keep(context, caller, &places, paper.pdf.into()).await?;
    tracing::info!(job.id = %first.job.id, jobs = labelled.len(), "a label was printed");
    Ok(GetShippingLabelAnswer {
        shipping_label_url: artifacts::url(context, caller, &first.job, Document::StoredLabel),
        warning: (!warnings.is_empty()).then(|| warnings.join("\n")),
    })
}

/// The jobs, each once, in the order asked for. All must be the caller's and wait for their device.
async fn find(context: &Context, caller: &AccessKey, texts: &[String]) -> Result<Vec<Job>, Fault> {
    let mut jobs: Vec<Job> = Vec::new();
    for text in texts {
        let id = job_id::read(text)?;
        if jobs.iter().any(|job| job.id == id) {
            continue;
        }
        if jobs.len() == JOBS_PER_LABEL_MAX {
            let why =
                format!("has more than the {JOBS_PER_LABEL_MAX} jobs that a label has room for");
            return Err(Fault::invalid_parameter("jobIds", &why));
        }
        let job = context.store.job(caller.account, &id).await;
        let job = job.map_err(|error| lookup_fault(error, text))?;
        if !artifacts::awaits_device(job.state) {
            return Err(state_fault(text, job.state.progress, device_is_here));
        }
        jobs.push(job);
    }
    Ok(jobs)
}

fn device_is_here(id: &str, state: &str) -> Fault {
    let state = match state == Progress::Pending.code() {
        true => "its device has arrived".to_owned(),
        false => format!("it is {state}"),
    };
    let why = format!("names the job {id}, which needs no label any more: {state}");
    Fault::invalid_parameter("jobIds", &why)
}

fn no_address() -> Fault {
    Fault::new(
        FaultCode::InvalidAction,
        "This facility has no address to print: whoever runs it must configure one ([facility]). \
         Ask there where to send the parcel",
    )
}

fn not_printed(not: NotPrinted) -> Fault {
    match not {
        NotPrinted::Busy => Fault::service_unavailable(),
        NotPrinted::Broken => Fault::internal(),
    }
}

/// Where the label will be kept for each job.
fn places(labelled: &[Labelled]) -> Result<Vec<Place>, Fault> {
    let places = labelled.iter().map(|one| {
        let place = artifacts::place(&one.shipment, &one.job.id);
        if place.key.len() <= KEY_BYTES_MAX {
            return Ok(place);
        }
        let why = format!(
            "names the job {}, whose logPrefix leaves no room for the label's name: a key has at \
             most {KEY_BYTES_MAX} bytes; shorten it with UpdateJob",
            one.job.id
        );
        Err(Fault::invalid_parameter("jobIds", &why))
    });
    places.collect()
}

/// Devices of one parcel that go back to different places are worth a second look, unless the
/// caller said who sends it.
fn differing_addresses(labelled: &[Labelled], sender: &Sender) -> Option<String> {
    let mut addresses = labelled.iter().map(|one| &one.shipment.return_address);
    let first = addresses.next()?;
    let differ = !sender.given && addresses.any(|address| address != first);
    differ.then(|| {
        let id = labelled.first().map_or("", |one| one.job.id.as_str());
        format!("The jobs have different return addresses; the label shows that of the job {id}")
    })
}

fn words(facility: &Facility, labelled: &[Labelled], sender: Sender) -> ShippingLabel {
    let ids = labelled.iter().map(|one| one.job.id.as_str().to_owned());
    let job_ids: Vec<_> = ids.collect();
    let ship_to = facility.address_for(&job_ids.join(", "));
    ShippingLabel {
        ship_to: ship_to.lines().map(str::to_owned).collect(),
        sender: Members::lines(&sender.address),
        job_ids,
    }
}

/// What is wrong with the page, so that somebody mends it by hand.
fn shortcomings(paper: &Paper) -> Vec<String> {
    let mut warnings = Vec::new();
    if !paper.unprintable.is_empty() {
        let characters: Vec<_> = paper.unprintable.iter().map(char::to_string).collect();
        warnings.push(format!(
            "The label shows empty boxes for characters that cannot be printed here ({}): write \
             the address by hand or spell it in Latin letters",
            characters.join(" ")
        ));
    }
    if paper.cut {
        warnings.push("An address is too long for the label and was cut".to_owned());
    }
    warnings
}

/// Puts the label into the log bucket of each job, all within the time that a client waits.
async fn keep(
    context: &Context,
    caller: &AccessKey,
    places: &[Place],
    pdf: Bytes,
) -> Result<(), Fault> {
    let client = context.objects(caller).map_err(|_| Fault::internal())?;
    let puts = async {
        for place in places {
            if let Err(error) = artifacts::store(&client, place, pdf.clone()).await {
                buckets::judge(&place.bucket, "write to", &error)?;
            }
        }
        Ok(())
    };
    timeout(buckets::TIMEOUT, puts).await.unwrap_or_else(|_| {
        tracing::warn!("the object store did not take a label in time");
        Err(Fault::service_unavailable())
    })
}
