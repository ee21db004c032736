//! The dock agent: identifies a device, claims its job at the desk, loads it, reports.
//!
//! A station never touches the job database; it knows a server's address and its own key. What it
//! must remember (which device a job was being loaded from) is beside the job's ledger in the
//! state directory, so that [`Station::unfinished`] finds it after a crash.

mod desk;
mod error;
mod export;
mod hardware;
mod identify;
mod keeper;
mod load;
mod memory;
mod parcels;
mod unlock;

pub use error::LoadError;
pub use hardware::Hardware;
pub use identify::{Identified, identify};
pub use load::{DeviceIdPolicy, LoadReport, LoadRequest, Station};
pub use memory::Unfinished;
pub use parcels::Parcels;
pub use unlock::container_name;
