//! The station's end of the desk protocol.

use std::time::Duration;

use packhorse_core::id::JobId;
use packhorse_core::secret::Secret;
use packhorse_wire::desk::{
    Abort, AskPasswords, Claim, Erase, Erased, Erasing, Finish, Finished, GiveUp, Lease, Locked,
    Passwords, Receive, Refusal, RefusalCode, Renew, Renewed, Return, Waiting, Whereabouts,
};
use reqwest::StatusCode;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use crate::LoadError;

/// A desk that does not answer within this time is tried again.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Pause between tries of a message that must arrive.
const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// The longest answer of a desk: a lease with its manifest.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A desk, and the key it knows us by.
#[derive(Clone, Debug)]
pub(crate) struct Desk {
    server: String,
    key: Secret,
    http: reqwest::Client,
}

/// Why a message had no effect.
#[derive(Debug)]
pub(crate) enum DeskError {
    /// A considered no.
    Refused(Refusal),
    /// Our key is unknown.
    Unauthorized,
    /// No answer, or a 5xx: may be sent again.
    Unreachable(String),
    /// Not a desk.
    Strange(String),
}

impl Desk {
    pub(crate) fn new(server: &str, key: Secret) -> Result<Self, LoadError> {
        let server = server.trim_end_matches('/').to_owned();
        // Leases hold credentials: they never take a way that the operator did not name.
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|error| LoadError::Desk {
                server: server.clone(),
                what: chain(&error),
            })?;
        Ok(Self { server, key, http })
    }

    pub(crate) async fn claim(&self, claim: &Claim) -> Result<Lease, DeskError> {
        self.send("claim", claim).await
    }

    pub(crate) async fn renew(&self, id: &JobId, renew: &Renew) -> Result<Renewed, DeskError> {
        self.send(&format!("jobs/{id}/renew"), renew).await
    }

    pub(crate) async fn finish(&self, id: &JobId, finish: &Finish) -> Result<Finished, DeskError> {
        self.send(&format!("jobs/{id}/finish"), finish).await
    }

    pub(crate) async fn abort(&self, id: &JobId, abort: &Abort) -> Result<Finished, DeskError> {
        self.send(&format!("jobs/{id}/abort"), abort).await
    }

    pub(crate) async fn give_up(
        &self,
        id: &JobId,
        give_up: &GiveUp,
    ) -> Result<Finished, DeskError> {
        self.send(&format!("jobs/{id}/give-up"), give_up).await
    }

    pub(crate) async fn receive(
        &self,
        id: &JobId,
        receive: &Receive,
    ) -> Result<Whereabouts, DeskError> {
        self.send(&format!("jobs/{id}/receive"), receive).await
    }

    pub(crate) async fn send_back(
        &self,
        id: &JobId,
        back: &Return,
    ) -> Result<Whereabouts, DeskError> {
        self.send(&format!("jobs/{id}/return"), back).await
    }

    pub(crate) async fn passwords(
        &self,
        id: &JobId,
        ask: &AskPasswords,
    ) -> Result<Passwords, DeskError> {
        self.send(&format!("jobs/{id}/passwords"), ask).await
    }

    pub(crate) async fn locked(&self, id: &JobId, locked: &Locked) -> Result<Waiting, DeskError> {
        self.send(&format!("jobs/{id}/locked"), locked).await
    }

    pub(crate) async fn erase(&self, id: &JobId, erase: &Erase) -> Result<Erasing, DeskError> {
        self.send(&format!("jobs/{id}/erase"), erase).await
    }

    pub(crate) async fn erased(&self, id: &JobId, erased: &Erased) -> Result<Erasing, DeskError> {
        self.send(&format!("jobs/{id}/erased"), erased).await
    }

    async fn send<T: DeserializeOwned>(
        &self,
        path: &str,
        message: &impl Serialize,
    ) -> Result<T, DeskError> {
        let request = self
            .http
            .post(format!("{}/desk/v1/{path}", self.server))
            .bearer_auth(self.key.expose())
            .json(message);
        let mut answer = request
            .send()
            .await
            .map_err(|error| DeskError::Unreachable(chain(&error)))?;
        let status = answer.status();
        let mut body = Vec::new();
        while let Some(piece) = answer
            .chunk()
            .await
            .map_err(|error| DeskError::Unreachable(chain(&error)))?
        {
            if body.len() + piece.len() > ANSWER_BYTES_MAX {
                return Err(DeskError::Strange("the answer is too long".to_owned()));
            }
            body.extend_from_slice(&piece);
        }
        match status {
            StatusCode::OK => serde_json::from_slice(&body).map_err(|error| {
                DeskError::Strange(format!("the answer is not a desk's: {error}"))
            }),
            StatusCode::UNAUTHORIZED => Err(DeskError::Unauthorized),
            status if status.is_server_error() => {
                Err(DeskError::Unreachable(format!("it answered {status}")))
            }
            status => match serde_json::from_slice(&body) {
                Ok(refusal) => Err(DeskError::Refused(refusal)),
                Err(_) => Err(DeskError::Strange(format!("it answered {status}"))),
            },
        }
    }

    /// Sends until the desk answers, for at most `patience`.
    pub(crate) async fn insist<T, F: Future<Output = Result<T, DeskError>>>(
        &self,
        patience: Duration,
        stop: &CancellationToken,
        mut send: impl FnMut() -> F,
    ) -> Result<T, DeskError> {
        let begun = tokio::time::Instant::now();
        loop {
            match send().await {
                Err(DeskError::Unreachable(what)) => {
                    tracing::warn!(
                        server = self.server,
                        error = what,
                        "the desk is out of reach"
                    );
                    if begun.elapsed() > patience || stop.is_cancelled() {
                        return Err(DeskError::Unreachable(what));
                    }
                }
                other => return other,
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(RETRY_PAUSE) => {}
            }
        }
    }

    /// What an error of the desk means for a load.
    pub(crate) fn load_error(&self, error: DeskError) -> LoadError {
        let desk = |what| LoadError::Desk {
            server: self.server.clone(),
            what,
        };
        match error {
            DeskError::Refused(refusal) => match refusal.code {
                RefusalCode::StaleEpoch => LoadError::LeaseLost,
                RefusalCode::BadRequest
                | RefusalCode::UnknownJob
                | RefusalCode::MissingSignature
                | RefusalCode::InvalidSignature
                | RefusalCode::WrongState
                | RefusalCode::OtherDeviceId
                | RefusalCode::UnsupportedKind
                | RefusalCode::NoOwnerKey
                | RefusalCode::Leased => LoadError::Refused(refusal),
            },
            DeskError::Unauthorized => LoadError::Unauthorized,
            DeskError::Unreachable(what) | DeskError::Strange(what) => desk(what),
        }
    }
}

/// An error with its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
