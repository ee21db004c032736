//! The sentences of the console: what states, events and refusals are called. What stands once on one
//! page alone is on that page.

use packhorse_core::event::{Actor, Event};
use packhorse_core::job::{JobType, Location, Progress, State};
use packhorse_store::Job;

pub(super) const SKIP: &str = "Skip to the contents";
pub(super) const DOCK: &str = "Dock";
pub(super) const FOOTER: &str = "Packhorse loads disks into object stores. This server is";
pub(super) const SIGNED_IN_AS: &str = "Signed in as";
pub(super) const SIGN_OUT: &str = "Sign out";
pub(super) const CUSTOMER_LINKS: [(&str, &str); 2] =
    [("/console/jobs", "Jobs"), ("/console/jobs/new", "New job")];
pub(super) const OPERATOR_LINKS: [(&str, &str); 2] =
    [("/console/dock/", "Scan"), ("/console/dock/board", "Board")];

pub(super) const WRONG_KEY: &str =
    "This access key and secret do not belong together, or the key is disabled.";
pub(super) const WRONG_STATION: &str = "No station has this name and key.";
pub(super) const NO_NAME: &str = "Give your name, in at most 60 characters.";
pub(super) const TOO_MANY_TRIES: &str = "Too many attempts with this name: wait a second, then try \
                                         again.";
pub(super) const SESSION_OVER: &str = "Your session has ended. Sign in again: what you typed has \
                                       been kept, and nothing was sent.";
pub(super) const NO_COOKIE: &str = "The form came without the cookie that was set with it. Allow \
                                    cookies for this address, then try again.";
pub(super) const NOT_OURS: &str = "This form came from another site, so nothing was done.";
pub(super) const TOO_LONG: &str = "This is more than a form can hold. Use the API for a manifest of \
                                   this length.";
pub(super) const NOT_WHOLE: &str = "The form did not arrive whole. Go back and send it again.";
pub(super) const NOT_FOUND: &str = "There is no such page.";
pub(super) const BUSY: &str = "The service is busy. Nothing was changed: try again in a moment.";
pub(super) const BROKEN: &str = "Something failed inside the service, and its log says what. Try \
                                 again; if it stays so, tell whoever runs it when it happened.";

/// The word for a state, and the class that colours it.
pub(super) fn badge(state: State) -> (&'static str, &'static str) {
    match state.progress {
        Progress::Pending if state.location == Location::NotReceived => {
            ("Waiting for device", "wait")
        }
        Progress::Pending => ("At the facility", "wait"),
        Progress::InProgress => ("Loading", "run"),
        Progress::Complete => ("Complete", "good"),
        Progress::SuccessWithErrors => ("Complete, with errors", "warn"),
        Progress::Canceled => ("Canceled", "over"),
        Progress::Expired => ("Expired", "over"),
        Progress::MissingSignature => ("SIGNATURE missing", "bad"),
        Progress::InvalidSignature => ("SIGNATURE wrong", "bad"),
        Progress::DeviceError => ("Device failed", "bad"),
        Progress::UnsupportedFileFormat => ("File system not supported", "bad"),
        Progress::UnsupportedDeviceType => ("Device not supported", "bad"),
        Progress::MissingDevice => ("No device in parcel", "bad"),
    }
}

/// Where the device is.
pub(super) fn whereabouts(location: Location) -> &'static str {
    match location {
        Location::NotReceived => "not arrived",
        Location::AtAWS => "at the facility",
        Location::Returned => "sent back",
    }
}

/// Which way the bytes go.
pub(super) fn direction(job_type: JobType) -> &'static str {
    match job_type {
        JobType::Import => "Import",
        JobType::Export => "Export",
    }
}

/// What the customer does next.
pub(super) fn next_step(job: &Job) -> &'static str {
    match (job.state.progress, job.state.location, job.job_type) {
        (Progress::Pending, ..) if job.lock.reason.is_some() => {
            "Your device is encrypted and could not be opened. Give its password below."
        }
        (Progress::Pending, Location::NotReceived, JobType::Import) => {
            "Save the SIGNATURE file into the root folder of your device, beside your files. Print \
             the packing slip and put it into the parcel, then send the parcel to the address below."
        }
        (Progress::Pending, Location::NotReceived, JobType::Export) => {
            "Save the SIGNATURE file into the root folder of an empty device that is large enough. \
             Print the packing slip and put it into the parcel, then send it to the address below."
        }
        (Progress::Pending, ..) => {
            "Your device has arrived. You need to do nothing: it is loaded as soon as it is its turn."
        }
        (Progress::InProgress, ..) => {
            "You need to do nothing. This page shows how far it is; you may close it."
        }
        (Progress::Complete, Location::Returned, _) => {
            "Everything is done, and your device is on its way back."
        }
        (Progress::Complete, ..) => {
            "Everything is stored. Read the report if you like; your device will be sent back."
        }
        (Progress::SuccessWithErrors, ..) => {
            "Some files could not be stored. The report says which, and why. Copy them again by \
             hand, or send them with another job."
        }
        (Progress::Canceled, Location::AtAWS, _) => {
            "You canceled the job. Your device will be sent back."
        }
        (Progress::Canceled, ..) => "You canceled the job. Do not send the device.",
        (Progress::Expired, Location::AtAWS, _) => {
            "Your device came too late for this job. It will be sent back: create another job to \
             try again."
        }
        (Progress::Expired, ..) => {
            "Your device did not arrive in time. Create another job, with a new SIGNATURE file."
        }
        (Progress::MissingSignature, ..) => {
            "The device had no SIGNATURE file in its root folder. Create another job, save its \
             SIGNATURE file onto the device, and send it again."
        }
        (Progress::InvalidSignature, ..) => {
            "The SIGNATURE file on the device is not this job's. Create another job, replace the \
             file with that job's, and send it again."
        }
        (Progress::DeviceError, ..) => {
            "The device could not be read. Try it on your own computer when it is back, and send \
             another one with another job."
        }
        (Progress::UnsupportedFileFormat, ..) => {
            "No file system on the device could be read. Format it with one that is supported, copy \
             your files again, and send it with another job."
        }
        (Progress::UnsupportedDeviceType, ..) => {
            "The device could not be connected. Send your files on another kind of device."
        }
        (Progress::MissingDevice, ..) => {
            "The parcel held no device. Ask your carrier, and create another job."
        }
    }
}

/// What happened, as a line of the timeline.
pub(super) fn happened(event: &Event) -> String {
    let said = match event.what.as_str() {
        "Create" => "The job was created",
        "Update" => "The manifest was replaced",
        "Cancel" => "The job was canceled",
        "Receive" => "The parcel arrived at the facility",
        "Claim" => "Loading began",
        "Complete" => "Loading ended: everything is stored",
        "CompleteWithErrors" => "Loading ended, with errors",
        "Expire" => "The job expired: no device came",
        "Return" => "The device was sent back",
        "Refused" => "A device was refused",
        "Locked" => "The device could not be opened",
        "Unlock" => "A password was given",
        "PasswordGiven" => "The password was handed to the station",
        code => match Progress::parse(code) {
            Some(progress) => {
                let state = State {
                    location: Location::AtAWS,
                    progress,
                };
                return format!("The job was ended: {}", badge(state).0.to_lowercase());
            }
            None => return event.what.clone(),
        },
    };
    said.to_owned()
}

/// Who did it.
pub(super) fn actor(actor: &Actor) -> String {
    match actor {
        Actor::Customer(key) => format!("access key {key}"),
        Actor::Station(name) => format!("station {name}"),
        Actor::Operator(name) => name.clone(),
        Actor::Server => "the service".to_owned(),
    }
}

/// What an operator does next with a device.
pub(super) fn operator_step(job: &Job) -> &'static str {
    match (job.state.progress, job.state.location) {
        (Progress::Pending, Location::NotReceived) => {
            "Receive it: check the device, write down its condition, then press Receive."
        }
        (Progress::Pending, _) if job.lock.reason.is_some() => {
            "Locked. The customer was asked for the password: put the device aside until it comes."
        }
        (Progress::Pending, _) => "Connect it to a station: it is loaded from there.",
        (Progress::InProgress, _) => "A station is loading it. Leave it connected.",
        (Progress::Canceled | Progress::Expired, Location::NotReceived) => {
            "This job is over, and its device should not have come. Receive it, then send it back."
        }
        (_, Location::NotReceived) => "This job is over. Its device is not here.",
        (_, Location::AtAWS) => "Disconnect it, pack it, and send it back.",
        (_, Location::Returned) => "It was sent back. There is nothing to do.",
    }
}
