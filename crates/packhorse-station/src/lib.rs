//! The dock agent: identifies a device, claims its job at the desk, loads it, reports.
//!
//! A station never touches the job database; it knows a server's address and its own key. What it
//! must remember (which device a job was being loaded from) is beside the job's ledger in the
//! state directory, so that [`Station::unfinished`] finds it after a crash.

mod bays;
mod desk;
mod erase;
mod error;
mod export;
mod hardware;
mod identify;
mod import;
mod keeper;
mod live;
mod load;
mod memory;
mod parcels;
mod unlock;
mod worker;

pub use bays::{BayEvent, Bays, NotAPattern, Watched};
pub use erase::{Certificate, CertifiedDevice, EraseMeter, EraseRequest, Verification};
pub use error::LoadError;
pub use hardware::{Hardware, disks};
pub use identify::{Identified, identify};
pub use live::Live;
pub use load::{DeviceIdPolicy, LoadReport, LoadRequest, Station};
pub use memory::Unfinished;
pub use parcels::Parcels;
pub use unlock::container_name;
pub use worker::{
    DeviceLook, Fault, Landlock, Protections, SandboxPolicy, VolumeLook, WORKER_MEMORY_BYTES_MIN,
    WorkerError, WorkerLimits, Workers, confine_to_reading, look_at, work,
};
