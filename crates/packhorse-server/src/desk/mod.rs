//! The desk: what stations ask and report, as JSON with a bearer key.

mod claim;
mod erase;
mod locked;
pub(crate) mod parcel;
pub(crate) mod refusals;
mod report;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use http::header::{AUTHORIZATION, CACHE_CONTROL, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode};
use packhorse_core::event::Actor;
use packhorse_core::id::JobId;
use packhorse_wire::desk::{Refusal, RefusalCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::context::Context;
use crate::http::{Bodies, BodyError};

use refusals::{Failure, refuse, store_failure, unknown_job};

/// How long a lease holds. Stations renew it every 15 seconds, so that three renewals may be lost;
/// after a station's death its job waits no longer than this.
pub const LEASE_TTL: Duration = Duration::from_secs(60);
/// The longest message is an abort with a reason; a SIGNATURE file has 4 KiB at most.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// Longest key worth hashing; ours have 64 characters.
const KEY_BYTES_MAX: usize = 256;

/// The desk's side of the server.
struct Desk {
    context: Context,
    bodies: Bodies,
}

/// The routes below `/desk/v1`.
pub(crate) fn router<S: Clone + Send + Sync + 'static>(
    context: Context,
    bodies: Bodies,
) -> Router<S> {
    Router::new()
        .route("/claim", post(claim_job))
        .route("/jobs/{id}/renew", post(renew))
        .route("/jobs/{id}/finish", post(finish))
        .route("/jobs/{id}/abort", post(abort))
        .route("/jobs/{id}/give-up", post(give_up))
        .route("/jobs/{id}/receive", post(receive))
        .route("/jobs/{id}/return", post(send_back))
        .route("/jobs/{id}/passwords", post(passwords))
        .route("/jobs/{id}/locked", post(locked))
        .route("/jobs/{id}/erase", post(begin_erasing))
        .route("/jobs/{id}/erased", post(end_erasing))
        .fallback(nothing_here)
        .with_state(Arc::new(Desk { context, bodies }))
}

async fn claim_job(State(desk): State<Arc<Desk>>, request: Request) -> Response {
    desk.answer(request, async |station, message| {
        claim::run(&desk.context, station, message).await
    })
    .await
}

async fn renew(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    desk.answer(request, async |station, message| {
        report::renew(&desk.context, station, &job_id(&id)?, message).await
    })
    .await
}

async fn finish(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    desk.answer(request, async |station, message| {
        report::finish(&desk.context, station, &job_id(&id)?, message).await
    })
    .await
}

async fn abort(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    desk.answer(request, async |station, message| {
        report::abort(&desk.context, station, &job_id(&id)?, message).await
    })
    .await
}

async fn give_up(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    desk.answer(request, async |station, message| {
        parcel::give_up(
            &desk.context,
            Actor::Station(station.to_owned()),
            &job_id(&id)?,
            message,
        )
        .await
    })
    .await
}

async fn receive(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    desk.answer(request, async |station, message| {
        parcel::receive(
            &desk.context,
            Actor::Station(station.to_owned()),
            &job_id(&id)?,
            message,
        )
        .await
    })
    .await
}

async fn send_back(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    desk.answer(request, async |station, message| {
        parcel::send_back(
            &desk.context,
            Actor::Station(station.to_owned()),
            &job_id(&id)?,
            message,
        )
        .await
    })
    .await
}

async fn passwords(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    desk.answer(request, async |station, message| {
        locked::passwords(&desk.context, station, &job_id(&id)?, message).await
    })
    .await
}

async fn locked(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    desk.answer(request, async |station, message| {
        locked::locked(&desk.context, station, &job_id(&id)?, message).await
    })
    .await
}

async fn begin_erasing(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    desk.answer(request, async |station, message| {
        erase::begin(&desk.context, station, &job_id(&id)?, message).await
    })
    .await
}

async fn end_erasing(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    desk.answer(request, async |station, message| {
        erase::end(&desk.context, station, &job_id(&id)?, message).await
    })
    .await
}

async fn nothing_here() -> Response {
    let refusal = Refusal {
        code: RefusalCode::BadRequest,
        message: "the desk has no such message".to_owned(),
    };
    (StatusCode::NOT_FOUND, Json(refusal)).into_response()
}

fn job_id(text: &str) -> Result<JobId, Failure> {
    JobId::parse(text).map_err(|_| unknown_job())
}

impl Desk {
    /// Identifies the station, reads its message, acts, answers.
    async fn answer<M: DeserializeOwned, A: Serialize>(
        &self,
        request: Request,
        act: impl AsyncFnOnce(&str, M) -> Result<A, Failure>,
    ) -> Response {
        let (parts, body) = request.into_parts();
        let outcome = async {
            let station = self.station(&parts.headers).await?;
            let message = self.message(body).await?;
            let outcome = act(&station, message).await;
            if let Err(Failure::Refused(refusal)) = &outcome {
                tracing::info!(station, refusal = ?refusal.code, "{refusal}");
            }
            outcome
        };
        match outcome.await {
            // A lease holds credentials: nothing on the way may keep it.
            Ok(answer) => ([(CACHE_CONTROL, "no-store")], Json(answer)).into_response(),
            Err(failure) => failure.into_response(),
        }
    }

    /// The station that has the request's key.
    async fn station(&self, headers: &HeaderMap) -> Result<String, Failure> {
        let key = headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, key)| key.trim())
            .filter(|key| key.len() <= KEY_BYTES_MAX)
            .ok_or(Failure::UnknownStation)?;
        let found = self.context.store.find_station(key).await;
        found.map_err(store_failure)?.ok_or(Failure::UnknownStation)
    }

    async fn message<M: DeserializeOwned>(&self, body: Body) -> Result<M, Failure> {
        let bad = |text: String| refuse(RefusalCode::BadRequest, text);
        let body = self.bodies.read(body, MESSAGE_BYTES_MAX).await;
        let body = body.map_err(|error| match error {
            BodyError::TooLong => bad(format!("a message has at most {MESSAGE_BYTES_MAX} bytes")),
            BodyError::TooSlow => bad("the message did not arrive in time".to_owned()),
            BodyError::Broken => bad("the message did not arrive whole".to_owned()),
            BodyError::Busy => Failure::Busy,
        })?;
        // The parser's own text repeats pieces of the message, and a SIGNATURE is none for the log.
        serde_json::from_slice(&body.bytes).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            bad(format!(
                "the message is not of the form this desk reads: line {line}, column {column}"
            ))
        })
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::Refused(refusal) => {
                (refusals::status(refusal.code), Json(refusal)).into_response()
            }
            Self::UnknownStation => {
                let refusal = Refusal {
                    code: RefusalCode::BadRequest,
                    message: "the station key is missing or unknown".to_owned(),
                };
                let challenge = [(WWW_AUTHENTICATE, "Bearer")];
                (StatusCode::UNAUTHORIZED, challenge, Json(refusal)).into_response()
            }
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            Self::Broken => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }
}
