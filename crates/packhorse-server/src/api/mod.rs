//! The AWS Query API: who asks, what for, and the answer as XML. One file for each action.

mod buckets;
pub(crate) mod cancel_job;
pub(crate) mod create_job;
mod faults;
mod get_shipping_label;
pub(crate) mod get_status;
mod job_id;
pub(crate) mod list_jobs;
pub(crate) mod manifest;
pub(crate) mod messages;
mod redactions;
mod sender;
pub(crate) mod unlock_job;
pub(crate) mod update_job;

use axum::extract::Request as HttpRequest;
use axum::response::{IntoResponse, Response};
use http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use packhorse_core::secret::Secret;
use packhorse_store::AccessKey;
use packhorse_wire::actions::{Answer, Request, respond};
use packhorse_wire::authenticate::{AuthError, Claim};
use packhorse_wire::fault::{Fault, FaultCode};
use packhorse_wire::query::{BODY_BYTES_MAX, Call, Parameters};

use crate::context::Context;
use crate::http::{Bodies, BodyError, CutBody, RequestId};
use crate::throttle::Throttle;

use faults::store_fault;

pub use redactions::Redactions;

/// Seconds after which a refused client may try again: a bucket is full again by then.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// The Query API's side of the server.
pub(crate) struct Edge {
    context: Context,
    bodies: Bodies,
    throttle: Option<Throttle>,
}

impl Edge {
    pub(crate) fn new(context: Context, bodies: Bodies) -> Self {
        let throttle = context.settings.requests_per_second.map(Throttle::new);
        Self {
            context,
            bodies,
            throttle,
        }
    }

    /// Answers one request, whatever it is.
    pub(crate) async fn answer(&self, request: HttpRequest) -> Response {
        let (parts, body) = request.into_parts();
        let request_id = match parts.extensions.get::<RequestId>() {
            Some(RequestId(id)) => id.clone(),
            None => String::new(),
        };
        let body = match self.bodies.read(body, BODY_BYTES_MAX).await {
            Ok(body) => body,
            Err(error) => return closing(refusal(&body_fault(error), &request_id)),
        };
        match self.perform(&parts, &body, &request_id).await {
            Ok(xml) => document(StatusCode::OK, xml),
            Err(fault) => refusal(&fault, &request_id),
        }
    }

    /// Decodes, authenticates, acts; gives the answer's body.
    async fn perform(
        &self,
        parts: &Parts,
        body: &CutBody,
        request_id: &str,
    ) -> Result<String, Fault> {
        let call = Call {
            method: parts.method.as_str(),
            path: parts.uri.path(),
            query: parts.uri.query().unwrap_or_default(),
            headers: &parts.headers,
            body: &body.bytes,
        };
        let parameters = call.parameters()?;
        let caller = self.authenticate(&call, &parameters).await?;
        self.admit(&caller)?;
        let request = Request::read(call.path, &parameters)?;
        refuse_password_in_url(&call, &request)?;
        let action = request.name();
        let outcome = self.dispatch(&caller, request, request_id).await;
        match &outcome {
            Ok(_) => tracing::info!(action, account = caller.account_name, "done"),
            Err(fault) => tracing::info!(
                action,
                account = caller.account_name,
                fault = fault.code().wire(),
                "refused"
            ),
        }
        outcome
    }

    /// Whose key signed the request. An unknown key and a disabled one are treated like a wrong
    /// signature for as long as the check takes.
    async fn authenticate(
        &self,
        call: &Call<'_>,
        parameters: &Parameters,
    ) -> Result<AccessKey, Fault> {
        let claim = Claim::find(call, parameters)?;
        self.check_region(&claim)?;
        let found = self.context.store.find_access_key(claim.access_key_id());
        let key = found.await.map_err(store_fault)?.filter(|key| key.enabled);
        let secret: Option<&Secret> = key.as_ref().map(|key| &key.secret);
        claim.verify(call, parameters, secret, self.context.now())?;
        let key = key.ok_or(AuthError::UnknownKey)?;
        match claim.named_another_key(parameters) {
            true => Err(Fault::other_access_key()),
            false => Ok(key),
        }
    }

    /// The operator may have said which regions this service answers to.
    fn check_region(&self, claim: &Claim) -> Result<(), Fault> {
        let allowed = &self.context.settings.regions;
        match claim.region() {
            Some(region) if !allowed.is_empty() && !allowed.iter().any(|name| name == region) => {
                Err(Fault::wrong_region(region, allowed))
            }
            _ => Ok(()),
        }
    }

    /// Only who proved to have the key uses its allowance up, so nobody can for another.
    fn admit(&self, caller: &AccessKey) -> Result<(), Fault> {
        let Some(throttle) = &self.throttle else {
            return Ok(());
        };
        match throttle.admit(&caller.id, self.context.now()) {
            true => Ok(()),
            false => {
                tracing::info!(account = caller.account_name, "throttled");
                Err(Fault::throttling())
            }
        }
    }

    async fn dispatch(
        &self,
        caller: &AccessKey,
        request: Request,
        request_id: &str,
    ) -> Result<String, Fault> {
        let context = &self.context;
        match request {
            Request::CreateJob(asked) => rendered(
                create_job::run(context, caller, asked, None).await,
                request_id,
            ),
            Request::UpdateJob(asked) => {
                rendered(update_job::run(context, caller, asked).await, request_id)
            }
            Request::CancelJob(asked) => {
                rendered(cancel_job::run(context, caller, asked).await, request_id)
            }
            Request::GetStatus(asked) => {
                rendered(get_status::run(context, caller, asked).await, request_id)
            }
            Request::ListJobs(asked) => {
                rendered(list_jobs::run(context, caller, asked).await, request_id)
            }
            Request::GetShippingLabel(asked) => rendered(
                get_shipping_label::run(context, caller, asked).await,
                request_id,
            ),
            Request::UnlockJob(asked) => {
                rendered(unlock_job::run(context, caller, asked).await, request_id)
            }
        }
    }
}

/// Addresses end up in logs along the way, bodies do not.
fn refuse_password_in_url(call: &Call<'_>, request: &Request) -> Result<(), Fault> {
    match request {
        Request::UnlockJob(_) if !call.query.is_empty() => Err(Fault::invalid_request(
            "UnlockJob takes its parameters in the body of a POST: a password does not belong into \
             an address. Choose another one for the device if you can",
        )),
        _ => Ok(()),
    }
}

fn rendered<A: Answer>(answer: Result<A, Fault>, request_id: &str) -> Result<String, Fault> {
    answer.map(|answer| respond(&answer, request_id))
}

fn body_fault(error: BodyError) -> Fault {
    match error {
        BodyError::TooLong => Fault::new(
            FaultCode::RequestEntityTooLarge,
            format!("The body of a request may have {BODY_BYTES_MAX} bytes"),
        ),
        BodyError::TooSlow => {
            Fault::invalid_request("The body of the request did not arrive in time")
        }
        BodyError::Broken => Fault::invalid_request("The body of the request did not arrive whole"),
        BodyError::Busy => Fault::service_unavailable(),
    }
}

fn refusal(fault: &Fault, request_id: &str) -> Response {
    let status = StatusCode::from_u16(fault.code().status());
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut answer = document(status, fault.to_xml(request_id));
    if [FaultCode::Throttling, FaultCode::ServiceUnavailable].contains(&fault.code()) {
        answer
            .headers_mut()
            .insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
    }
    answer
}

/// The rest of the body was not read, so nothing can follow on this connection.
fn closing(mut answer: Response) -> Response {
    let close = HeaderValue::from_static("close");
    answer.headers_mut().insert(CONNECTION, close);
    answer
}

fn document(status: StatusCode, xml: String) -> Response {
    (status, [(CONTENT_TYPE, "text/xml")], xml).into_response()
}
