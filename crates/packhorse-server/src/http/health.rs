//! Whether the server lives, and whether it can do its work.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use packhorse_core::secret::Secret;
use packhorse_objects::client::{Client, Error};
use packhorse_wire::desk::Credentials;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::store_error::chain;

/// Whoever asks for readiness does so every few seconds and gives up soon.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);
/// Anybody may ask, so the answer is kept for this long.
const KEPT: Duration = Duration::from_secs(1);
/// A bucket that nobody needs to have: any considered answer shows that the store is there.
const PROBE_BUCKET: &str = "packhorse-readiness-probe";

/// Answers for readiness, and remembers the last answer.
#[derive(Clone)]
pub(super) struct Health {
    context: Context,
    stopping: CancellationToken,
    last: Arc<Mutex<Option<(Instant, Readiness)>>>,
}

#[derive(Clone, Copy)]
struct Readiness {
    database: bool,
    object_store: bool,
}

impl Health {
    pub(super) fn new(context: Context, stopping: CancellationToken) -> Self {
        Self {
            context,
            stopping,
            last: Arc::default(),
        }
    }

    async fn readiness(&self) -> Readiness {
        let mut last = self.last.lock().await;
        if let Some((at, known)) = *last
            && at.elapsed() < KEPT
        {
            return known;
        }
        let (database, object_store) = tokio::join!(self.database(), self.object_store());
        let known = Readiness {
            database,
            object_store,
        };
        *last = Some((Instant::now(), known));
        known
    }

    async fn database(&self) -> bool {
        match timeout(PROBE_TIMEOUT, self.context.store.ping()).await {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                tracing::warn!(error = chain(&error), "the database is not ready");
                false
            }
            Err(_) => {
                tracing::warn!("the database does not answer");
                false
            }
        }
    }

    async fn object_store(&self) -> bool {
        match timeout(PROBE_TIMEOUT, self.probe()).await {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                tracing::warn!(error = chain(&error), "the object store is not ready");
                false
            }
            Err(_) => {
                tracing::warn!("the object store does not answer");
                false
            }
        }
    }

    /// Asks the store with a key that it does not know: a refusal is an answer too.
    async fn probe(&self) -> Result<(), Error> {
        let nobody = Credentials {
            access_key_id: "PACKHORSE-READINESS".to_owned(),
            secret_access_key: Secret::new("nothing"),
        };
        let client = Client::new(&self.context.settings.object_store, &nobody)?;
        match client.head_bucket(PROBE_BUCKET).await {
            Err(Error::Response { status, .. }) if status < 500 => Ok(()),
            answer => answer,
        }
    }
}

/// The process answers.
pub(super) async fn alive() -> &'static str {
    "alive\n"
}

/// Database and object store answer, and the server goes on.
pub(super) async fn ready(State(health): State<Health>) -> Response {
    if health.stopping.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response();
    }
    let Readiness {
        database,
        object_store,
    } = health.readiness().await;
    let word = |ready| if ready { "ready" } else { "not ready" };
    let status = match database && object_store {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    let text = format!(
        "database: {}\nobject store: {}\n",
        word(database),
        word(object_store)
    );
    (status, text).into_response()
}
