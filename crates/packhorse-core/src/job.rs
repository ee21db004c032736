//! Job states and the one table of what may follow what.
//!
//! A state is a pair: where the device is ([`Location`]) and how far the load is ([`Progress`]).
//! The codes are those of the original service's GetStatus (guide page "Status").

use serde::{Deserialize, Serialize};

/// Which way the bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum JobType {
    /// From the device into buckets.
    Import,
    /// From buckets onto the device.
    Export,
}

impl JobType {
    /// Reads the word in any case, as the original's own command-line examples send it.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Import, Self::Export]
            .into_iter()
            .find(|t| t.code().eq_ignore_ascii_case(text))
    }

    /// The word on the wire.
    pub fn code(self) -> &'static str {
        match self {
            Self::Import => "Import",
            Self::Export => "Export",
        }
    }
}

/// Declares a code enum with its wire words, so that each word stands in one place.
macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// Every value, in the order of a job's life.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word on the wire and in the store.
            pub fn code(self) -> &'static str {
                match self { $(Self::$variant => stringify!($variant),)* }
            }

            /// Reads the word back.
            pub fn parse(code: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.code() == code)
            }
        }
    };
}

codes! {
    /// Where the device is (GetStatus `LocationCode`).
    Location {
        /// It has not arrived.
        NotReceived,
        /// It is at the facility. The word is the original's, whoever runs the facility.
        AtAWS,
        /// It is on its way back to the customer.
        Returned,
    }
}

codes! {
    /// How far the load is (GetStatus `ProgressCode`).
    Progress {
        /// Nothing was transferred yet; the job may still be changed.
        Pending,
        /// A station is loading the device.
        InProgress,
        /// Every file is stored or was ignored as asked.
        Complete,
        /// Loaded; some files failed, the report says which and why.
        SuccessWithErrors,
        /// The customer canceled the job.
        Canceled,
        /// No device arrived in time.
        Expired,
        /// The device has no SIGNATURE file.
        MissingSignature,
        /// The SIGNATURE file is not this job's.
        InvalidSignature,
        /// The device does not work.
        DeviceError,
        /// No file system on the device can be read.
        UnsupportedFileFormat,
        /// The facility cannot connect the device.
        UnsupportedDeviceType,
        /// The parcel held no device.
        MissingDevice,
    }
}

/// What happens to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Change {
    /// CreateJob.
    Create,
    /// UpdateJob.
    Update,
    /// CancelJob.
    Cancel,
    /// The parcel arrived at the dock.
    Receive,
    /// A station claims the job and starts, or takes over from a lost one.
    Claim,
    /// The station finished with every file stored or ignored.
    Complete,
    /// The station finished; some files failed.
    CompleteWithErrors,
    /// The job ends without a load, with one of the abort codes.
    Abort(Progress),
    /// No device came within the expiry time.
    Expire,
    /// The device was handed to a carrier.
    Return,
}

impl Change {
    /// Every kind of change, abort codes spelt out; what the table test prints.
    pub fn all() -> Vec<Self> {
        let plain = [
            Self::Update,
            Self::Cancel,
            Self::Receive,
            Self::Claim,
            Self::Complete,
            Self::CompleteWithErrors,
            Self::Expire,
            Self::Return,
        ];
        plain
            .into_iter()
            .chain(ABORTS.iter().map(|code| Self::Abort(*code)))
            .collect()
    }

    /// The word kept in the event log.
    pub fn code(self) -> &'static str {
        match self {
            Self::Create => "Create",
            Self::Update => "Update",
            Self::Cancel => "Cancel",
            Self::Receive => "Receive",
            Self::Claim => "Claim",
            Self::Complete => "Complete",
            Self::CompleteWithErrors => "CompleteWithErrors",
            Self::Abort(code) => code.code(),
            Self::Expire => "Expire",
            Self::Return => "Return",
        }
    }
}

/// The progress codes that end a job without a load.
pub const ABORTS: &[Progress] = &[
    Progress::MissingSignature,
    Progress::InvalidSignature,
    Progress::DeviceError,
    Progress::UnsupportedFileFormat,
    Progress::UnsupportedDeviceType,
    Progress::MissingDevice,
];

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct State {
    /// Where the device is.
    pub location: Location,
    /// How far the load is.
    pub progress: Progress,
}

/// The state forbids the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a job that is {} cannot {}", from.progress.code(), change.code())]
pub struct Forbidden {
    /// Where the job stands.
    pub from: State,
    /// What was asked.
    pub change: Change,
}

impl State {
    /// A job as CreateJob leaves it.
    pub const NEW: Self = Self {
        location: Location::NotReceived,
        progress: Progress::Pending,
    };

    /// The one place where a job's state changes.
    pub fn after(self, change: Change) -> Result<Self, Forbidden> {
        use Location::{AtAWS, NotReceived, Returned};
        use Progress::{Canceled, Complete, Expired, InProgress, Pending, SuccessWithErrors};
        let to = |location, progress| Ok(Self { location, progress });
        let here = self.location;
        match (change, here, self.progress) {
            (Change::Update, NotReceived | AtAWS, Pending) => Ok(self),
            (Change::Cancel, NotReceived | AtAWS, Pending) => to(here, Canceled),
            (Change::Expire, NotReceived, Pending) => to(here, Expired),
            (Change::Receive, NotReceived, Pending | Canceled | Expired) => {
                to(AtAWS, self.progress)
            }
            (Change::Claim, NotReceived, Pending) => to(AtAWS, InProgress),
            (Change::Claim, AtAWS, Pending | InProgress) => to(AtAWS, InProgress),
            (Change::Complete, AtAWS, InProgress) => to(AtAWS, Complete),
            (Change::CompleteWithErrors, AtAWS, InProgress) => to(AtAWS, SuccessWithErrors),
            (Change::Abort(code), NotReceived, Pending) if ABORTS.contains(&code) => {
                to(AtAWS, code)
            }
            (Change::Abort(code), AtAWS, Pending | InProgress) if ABORTS.contains(&code) => {
                to(AtAWS, code)
            }
            (Change::Return, AtAWS, progress) if progress.is_final() => to(Returned, progress),
            _ => Err(Forbidden { from: self, change }),
        }
    }
}

impl Progress {
    /// Whether the load is over for good.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::InProgress)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table as a person reads it: one line for each state and the changes it allows.
    fn table() -> String {
        let mut lines = String::new();
        for location in Location::ALL {
            for progress in Progress::ALL {
                let state = State {
                    location: *location,
                    progress: *progress,
                };
                for change in Change::all() {
                    if let Ok(next) = state.after(change) {
                        lines.push_str(&format!(
                            "{}/{} + {} -> {}/{}\n",
                            location.code(),
                            progress.code(),
                            change.code(),
                            next.location.code(),
                            next.progress.code()
                        ));
                    }
                }
            }
        }
        lines
    }

    #[test]
    fn the_table_is_the_documented_one() {
        let documented = include_str!("job_states.txt");
        assert_eq!(table(), documented, "the table is now:\n{}", table());
    }

    #[test]
    fn nothing_leaves_a_final_state_but_the_parcel() {
        for progress in Progress::ALL.iter().filter(|p| p.is_final()) {
            let state = State {
                location: Location::AtAWS,
                progress: *progress,
            };
            for change in Change::all() {
                if let Ok(next) = state.after(change) {
                    assert_eq!(next.progress, *progress, "{change:?}");
                }
            }
        }
    }

    #[test]
    fn job_types_are_read_in_any_case() {
        assert_eq!(JobType::parse("import"), Some(JobType::Import));
        assert_eq!(JobType::parse("EXPORT"), Some(JobType::Export));
        assert_eq!(JobType::parse("Bogus"), None);
    }
}
