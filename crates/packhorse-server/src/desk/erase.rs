//! A device is erased: whether it may be, and what came of it.

use packhorse_core::event::Actor;
use packhorse_core::id::JobId;
use packhorse_core::manifest;
use packhorse_store::{Erasure, Error};
use packhorse_wire::desk::{Erase, Erased, Erasing, RefusalCode};
use packhorse_wire::xml;

use super::claim::{check_device, find};
use super::refusals::{Failure, refuse, store_failure};
use crate::context::Context;

/// Longest name of a method.
const METHOD_BYTES_MAX: usize = 100;
/// Longest certificate: a thousand ranges that could not be erased, and the rest.
const CERTIFICATE_BYTES_MAX: usize = 60 * 1024;

/// Allows it for a job that is over, if the operator or the customer wants it.
pub(super) async fn begin(
    context: &Context,
    station: &str,
    id: &JobId,
    message: Erase,
) -> Result<Erasing, Failure> {
    check_device(&message.device)?;
    if message.method.len() > METHOD_BYTES_MAX || !is_plain(&message.method) {
        return Err(refuse(RefusalCode::BadRequest, "the method has no name"));
    }
    let job = find(context, id).await?;
    let (text, job_type) = (job.manifest.clone(), job.job_type);
    let read = move || manifest::shipment(text.expose(), job_type);
    let shipment = tokio::task::spawn_blocking(read).await;
    let is_asked = matches!(shipment, Ok(Some(shipment)) if shipment.erase_device);
    if !is_asked && !message.is_confirmed {
        let text =
            "the customer has not asked for it (eraseDevice: yes), and nobody has confirmed it";
        return Err(refuse(RefusalCode::WrongState, text));
    }
    let detail = format!("{}, {}", message.method, message.device);
    let progress = note(context, station, id, Erasure::Begun, &detail).await?;
    tracing::info!(job.id = %id, station, "a device is being erased");
    Ok(Erasing { progress, is_asked })
}

/// Notes the certificate.
pub(super) async fn end(
    context: &Context,
    station: &str,
    id: &JobId,
    message: Erased,
) -> Result<Erasing, Failure> {
    let certificate = &message.certificate;
    if certificate.len() > CERTIFICATE_BYTES_MAX || !is_plain(certificate) {
        let text = format!("a certificate is a line of at most {CERTIFICATE_BYTES_MAX} bytes");
        return Err(refuse(RefusalCode::BadRequest, text));
    }
    let erasure = match message.is_clean {
        true => Erasure::Done,
        false => Erasure::Failed,
    };
    let progress = note(context, station, id, erasure, certificate).await?;
    tracing::info!(job.id = %id, station, clean = message.is_clean, "a device was erased");
    Ok(Erasing {
        progress,
        is_asked: false,
    })
}

async fn note(
    context: &Context,
    station: &str,
    id: &JobId,
    erasure: Erasure,
    detail: &str,
) -> Result<packhorse_core::job::Progress, Failure> {
    let actor = Actor::Station(station.to_owned());
    let now = context.now();
    let noted = context
        .store
        .record_erasure(id, erasure, actor, detail, now)
        .await;
    let state = noted.map_err(|error| match error {
        Error::NotOver(progress) => refuse(
            RefusalCode::WrongState,
            format!(
                "the job is {}: a device is erased only after it was loaded, or its job was aborted",
                progress.code()
            ),
        ),
        error => store_failure(error),
    })?;
    Ok(state.progress)
}

fn is_plain(text: &str) -> bool {
    !text.is_empty() && !text.contains(char::is_control) && xml::unwritable(text).is_none()
}
