//! The door: who asks for a page, and whether a form was sent from one of ours.

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, HOST, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode};
use packhorse_core::event::Actor;
use packhorse_store::{AccessKey, Error};
use packhorse_wire::query::BODY_BYTES_MAX;

use super::form::{Fields, query};
use super::refusal::NoEntry;
use super::session::{NoRandomness, Session, Who};
use super::{Console, answer, refusal, sign_in, words};
use crate::http::BodyError;
use crate::store_error::{Trouble, sort};

/// A form has the manifest twice: as its source and in its fields.
const FORM_BYTES_MAX: usize = 2 * BODY_BYTES_MAX;

/// A request of somebody who may make it.
pub(super) struct Visit<Of> {
    /// Who.
    pub(super) who: Of,
    /// Their session.
    pub(super) session: Session,
    /// The fields of the form; none of a GET.
    pub(super) form: Fields,
    /// The fields behind the `?`.
    pub(super) query: Fields,
    /// The path.
    pub(super) path: String,
}

impl<Of> Visit<Of> {
    /// The job that the path names: `/console/jobs/ID…` or `/console/dock/jobs/ID…`.
    pub(super) fn job(&self) -> &str {
        let mut parts = self.path.split('/').skip_while(|part| *part != "jobs");
        parts.nth(1).unwrap_or_default()
    }
}

/// A request before it is known whose it is.
pub(super) struct Knock {
    pub(super) parts: Parts,
    pub(super) form: Fields,
    pub(super) session: Option<Session>,
}

impl Console {
    /// A customer's request, or the page to sign in on.
    pub(super) async fn as_customer(
        &self,
        request: Request,
        act: impl AsyncFnOnce(Visit<AccessKey>) -> Response,
    ) -> Response {
        let entered = async {
            let knock = self.knock(request).await?;
            let key = self.customer(knock.session.as_ref()).await?;
            self.enter(knock, key, "/console/").await
        };
        self.answer(entered.await, act).await
    }

    /// An operator's request, or the page to sign in on.
    pub(super) async fn as_operator(
        &self,
        request: Request,
        act: impl AsyncFnOnce(Visit<Actor>) -> Response,
    ) -> Response {
        let entered = async {
            let knock = self.knock(request).await?;
            let actor = self.operator(knock.session.as_ref()).await?;
            self.enter(knock, actor, "/console/dock/sign-in").await
        };
        self.answer(entered.await, act).await
    }

    async fn answer<Of>(
        &self,
        entered: Result<Visit<Of>, NoEntry>,
        act: impl AsyncFnOnce(Visit<Of>) -> Response,
    ) -> Response {
        let visit = match entered {
            Ok(visit) => visit,
            Err(no) => return no.into_response(),
        };
        // A page that looks by itself does not keep its session alive.
        let is_looked_at = !is_fragment(&visit.path);
        let renewal = visit.session.renewal(self.context.now());
        let answer = act(visit).await;
        match renewal.filter(|_| is_looked_at) {
            Some(session) => self.with_session(answer, &session),
            None => answer,
        }
    }

    /// The answer with the session's cookie.
    pub(super) fn with_session(&self, answer: Response, session: &Session) -> Response {
        match session.cookie(&self.context.console_seal, self.is_secure()) {
            Ok(cookie) => answer::with_cookie(answer, &cookie),
            Err(NoRandomness) => NoEntry::Broken.into_response(),
        }
    }

    /// Reads a request; a form of another site gets no further.
    pub(super) async fn knock(&self, request: Request) -> Result<Knock, NoEntry> {
        let (parts, body) = request.into_parts();
        let refused = |status, why| NoEntry::from(refusal::page(None, status, why));
        let mut form = Fields::default();
        if parts.method == Method::POST {
            if !is_from_here(&parts.headers) {
                return Err(refused(StatusCode::FORBIDDEN, words::NOT_OURS));
            }
            let body = self.bodies.read(body, FORM_BYTES_MAX).await;
            let body = body.map_err(|error| match error {
                BodyError::TooLong => refused(StatusCode::PAYLOAD_TOO_LARGE, words::TOO_LONG),
                BodyError::TooSlow | BodyError::Broken => {
                    refused(StatusCode::BAD_REQUEST, words::NOT_WHOLE)
                }
                BodyError::Busy => NoEntry::Busy,
            })?;
            if is_form(&parts.headers) {
                form = Fields::read(&body.bytes);
            }
        }
        let seal = &self.context.console_seal;
        let session = Session::of(&parts.headers, seal, self.context.now());
        Ok(Knock {
            parts,
            form,
            session,
        })
    }

    async fn enter<Of>(
        &self,
        knock: Knock,
        who: Option<Of>,
        door: &str,
    ) -> Result<Visit<Of>, NoEntry> {
        let path = knock.parts.uri.path().to_owned();
        let is_sent = knock.parts.method == Method::POST;
        let (Some(who), Some(session)) = (who, &knock.session) else {
            return Err(self.turn_away(&knock, door).into());
        };
        if is_sent && !session.is_form_token(knock.form.get("csrf")) {
            // Somebody signed out and in again in another window.
            return Err(sign_in::kept_page(session, &path, &knock.form).into());
        }
        Ok(Visit {
            who,
            session: session.clone(),
            query: Fields::read(knock.parts.uri.query().unwrap_or_default().as_bytes()),
            form: knock.form,
            path,
        })
    }

    /// What somebody sees who has no session, or one that is over.
    fn turn_away(&self, knock: &Knock, door: &str) -> Response {
        let uri = &knock.parts.uri;
        if is_fragment(uri.path()) {
            return answer::text(StatusCode::UNAUTHORIZED, "sign in again");
        }
        if knock.parts.method == Method::POST {
            return sign_in::keep(self, door, uri.path(), &knock.form);
        }
        if is_from_elsewhere(&knock.parts.headers) && knock.session.is_none() {
            // A link in a mail: browsers send the cookie only when one of our own pages asks.
            return sign_in::step_inside(uri.path_and_query().map_or("/console/", |p| p.as_str()));
        }
        let next = uri.path_and_query().map_or("", |p| p.as_str());
        answer::go(&format!("{door}?{}", query(&[("next", next)])))
    }

    /// The customer of a session: the key must still be enabled.
    async fn customer(&self, session: Option<&Session>) -> Result<Option<AccessKey>, NoEntry> {
        let Some(session) = session else {
            return Ok(None);
        };
        let Who::Customer {
            access_key_id,
            account,
        } = &session.who
        else {
            return Ok(None);
        };
        let store = &self.context.store;
        let found = store
            .find_access_key(access_key_id)
            .await
            .map_err(trouble)?;
        let usable = found.filter(|key| key.enabled && key.account == *account);
        let ended = store.is_session_ended(&session.id).await.map_err(trouble)?;
        Ok(usable.filter(|_| !ended))
    }

    /// The operator of a session: the station must still have its key.
    async fn operator(&self, session: Option<&Session>) -> Result<Option<Actor>, NoEntry> {
        let Some(session) = session else {
            return Ok(None);
        };
        let Who::Operator { name, key } = &session.who else {
            return Ok(None);
        };
        let store = &self.context.store;
        let station = store.find_station(key.expose()).await.map_err(trouble)?;
        let ended = store.is_session_ended(&session.id).await.map_err(trouble)?;
        let known = station.filter(|_| !ended);
        Ok(known.map(|_| Actor::Operator(name.clone())))
    }
}

/// A failure of the store, at the door.
pub(super) fn trouble(error: Error) -> NoEntry {
    match sort(error) {
        Err(Trouble::Busy) => NoEntry::Busy,
        Err(Trouble::Broken) => NoEntry::Broken,
        Ok(unexpected) => {
            tracing::error!(error = %unexpected, "the store gave an unexpected refusal");
            NoEntry::Broken
        }
    }
}

/// Whether the script asks, and no person.
fn is_fragment(path: &str) -> bool {
    path.ends_with("/live") || path.ends_with("/sync")
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn is_form(headers: &HeaderMap) -> bool {
    header(headers, CONTENT_TYPE.as_str())
        .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"))
}

/// Whether a form was sent from one of our own pages, as far as the browser says. (That it carries
/// the session's token is asked too.)
fn is_from_here(headers: &HeaderMap) -> bool {
    if let Some(site) = header(headers, "sec-fetch-site") {
        return site == "same-origin";
    }
    let Some(origin) = header(headers, ORIGIN.as_str()) else {
        return true;
    };
    let host = header(headers, HOST.as_str());
    origin.split_once("://").map(|(_, rest)| rest) == host
}

fn is_from_elsewhere(headers: &HeaderMap) -> bool {
    header(headers, "sec-fetch-site").is_some_and(|site| site == "cross-site")
}
