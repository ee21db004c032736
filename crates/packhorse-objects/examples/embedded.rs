//! Serves the embedded object store of a folder with one key pair:
//!
//! `cargo run -p packhorse-objects --example embedded -- DIR 127.0.0.1:9000 KEYID SECRET [ACCOUNT]`

use std::sync::Arc;

use async_trait::async_trait;
use packhorse_core::secret::Secret;
use packhorse_objects::embedded::{Embedded, Keys, Owner, Unavailable};
use tokio::net::TcpListener;

struct OneKey {
    access_key_id: String,
    owner: Owner,
}

#[async_trait]
impl Keys for OneKey {
    async fn find(&self, access_key_id: &str) -> Result<Option<Owner>, Unavailable> {
        let found = access_key_id == self.access_key_id;
        Ok(found.then(|| self.owner.clone()))
    }
}

#[tokio::main]
#[allow(clippy::print_stdout, reason = "an example talks to its user")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |name| arguments.next().ok_or(format!("{name} is missing"));
    let store = Embedded::open(next("DIR")?.as_ref())?;
    let listener = TcpListener::bind(next("ADDRESS")?).await?;
    let keys = Arc::new(OneKey {
        access_key_id: next("KEYID")?,
        owner: Owner {
            secret: Secret::new(next("SECRET")?),
            account: next("ACCOUNT").unwrap_or_else(|_| "example".to_owned()),
            enabled: true,
        },
    });
    println!("http://{}", listener.local_addr()?);
    let stop = async {
        // Without signals the store runs until it is killed, which it survives.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    store.serve(listener, keys, stop).await;
    Ok(())
}
