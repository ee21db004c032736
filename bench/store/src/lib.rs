//! A light S3 store for measuring uploaders: it reads every request to its end, remembers keys,
//! sizes and ETags, and keeps no bytes.
//!
//! One blocking thread serves one connection, so that the store takes as little of the machine as
//! possible from the client beside it, and the same for every client. It believes `Content-MD5` (all
//! clients compared send it) unless asked to compute. It checks no signature. GET answers zeros.

pub mod answer;
pub mod faults;
pub mod http;
pub mod objects;

mod listing;
mod route;

use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

pub use route::Store;

/// A request or answer head is read and written through buffers of this size.
const STACK_BYTES: usize = 256 * 1024;

/// Serves connections until the process ends.
pub fn serve(listener: &TcpListener, store: &Arc<Store>) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept()?;
        let store = Arc::clone(store);
        std::thread::Builder::new()
            .stack_size(STACK_BYTES)
            .spawn(move || {
                // A client that goes away in the middle is the client's business.
                let _ = connection(stream, &store);
            })?;
    }
}

fn connection(stream: TcpStream, store: &Store) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut connection = http::Connection::new(stream);
    while let Some(request) = connection.request()? {
        if !store.answer(&mut connection, &request)? {
            return Ok(());
        }
    }
    Ok(())
}
