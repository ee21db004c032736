//! The sentences that go with the codes of GetStatus.

use packhorse_core::job::{Location, Progress};
use packhorse_store::Job;

/// The original's words to the letter (guide page "Status"): scripts compare them.
pub(super) fn location(code: Location) -> &'static str {
    match code {
        Location::NotReceived => "AWS has not received your device.",
        Location::AtAWS => "Your device is at AWS.",
        Location::Returned => "Your device has been returned.",
    }
}

/// `Pending` is the original's sentence; of the others only the gist is known.
pub(crate) fn progress(job: &Job) -> String {
    let text = match job.state.progress {
        Progress::Pending if job.lock.reason.is_some() => return locked(job),
        Progress::Pending => "The specified job has not started.",
        Progress::InProgress => return in_progress(job),
        Progress::Complete => {
            return format!("The specified job is complete. {}", report(job));
        }
        Progress::SuccessWithErrors => {
            let errors = job.counts.failed;
            return format!(
                "The specified job finished with {errors} errors. {}",
                report(job)
            );
        }
        Progress::Canceled => "The specified job was canceled.",
        Progress::Expired => {
            "The specified job expired because your device did not arrive in time."
        }
        Progress::MissingSignature => {
            "The specified job was aborted because the SIGNATURE file on your device is missing."
        }
        Progress::InvalidSignature => {
            "The specified job was aborted because the SIGNATURE file on your device is invalid."
        }
        Progress::DeviceError => "The specified job was aborted because your device does not work.",
        Progress::UnsupportedFileFormat => {
            "The specified job was aborted because the file system of your device is not supported."
        }
        Progress::UnsupportedDeviceType => {
            "The specified job was aborted because your device cannot be connected here."
        }
        Progress::MissingDevice => {
            "The specified job was aborted because your parcel held no device."
        }
    };
    text.to_owned()
}

/// What the customer can do about an encrypted device.
fn locked(job: &Job) -> String {
    let reason = job.lock.reason.as_deref().unwrap_or_default();
    format!(
        "Your device is encrypted and waits for its password ({reason}). Give it as \
         trueCryptPassword of the manifest with UpdateJob, or with UnlockJob."
    )
}

/// How far the load is, since a customer has nothing else to go by.
fn in_progress(job: &Job) -> String {
    let counts = &job.counts;
    let loading = "Your device is being loaded.";
    match counts.listed {
        0 => loading.to_owned(),
        listed => format!(
            "{loading} {} of {listed} files and {} of {} bytes are stored.",
            counts.stored, counts.stored_bytes, counts.listed_bytes
        ),
    }
}

fn report(job: &Job) -> String {
    match &job.log {
        Some(log) => format!(
            "The log was saved to {} in the bucket {}.",
            log.key, log.bucket
        ),
        None => "There is no log.".to_owned(),
    }
}
