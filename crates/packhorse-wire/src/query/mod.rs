//! The AWS Query protocol: a request is a form, in the URL or in the body.
//!
//! [`Call`] is a request as it arrived. [`Parameters`] are its names and values, decoded once and
//! strictly; signatures and actions read nothing else, so that what was signed is what is done.

mod form;
mod parameters;
#[cfg(test)]
mod tests;

pub use form::encode_form;
pub use parameters::{Origin, Parameter, Parameters};

use http::HeaderMap;
use http::header::CONTENT_TYPE;
use packhorse_core::manifest::MANIFEST_BYTES_MAX;

use crate::fault::Fault;
use crate::sigv4;

/// What a body may have beside its manifest: the other parameters, an older client's
/// ManifestAddendum and Security-Token among them.
const OTHER_BYTES_MAX: usize = 64 * 1024;
/// Longest body accepted: the longest manifest, each byte of it percent-encoded as three, as all of
/// them are in Japanese. The HTTP edge stops reading here.
pub const BODY_BYTES_MAX: usize = 3 * MANIFEST_BYTES_MAX + OTHER_BYTES_MAX;
/// Most parameters in a request. The richest call, GetShippingLabel, has 19 and its job ids.
pub const PARAMETERS_MAX: usize = 256;
/// Longest parameter name; the longest in use is `X-Amz-Security-Token`.
pub const NAME_BYTES_MAX: usize = 128;

/// The content type of a form.
pub const FORM_TYPE: &str = "application/x-www-form-urlencoded";

/// A request as it arrived.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// `GET` or `POST`.
    pub method: &'a str,
    /// As sent, percent-encoded, without the query.
    pub path: &'a str,
    /// As sent, without the question mark; empty when there is none.
    pub query: &'a str,
    /// With `Host`.
    pub headers: &'a HeaderMap,
    /// As sent.
    pub body: &'a [u8],
}

impl<'a> Call<'a> {
    /// Decodes the parameters of the URL and, for POST, of the body.
    pub fn parameters(&self) -> Result<Parameters, Fault> {
        let form = match self.method {
            "GET" => &[],
            "POST" => self.form()?,
            _ => {
                return Err(Fault::invalid_request(
                    "Only GET and POST requests are accepted",
                ));
            }
        };
        Parameters::decode(self.query, form)
    }

    /// The part that a signature of version 4 covers.
    pub(crate) fn signed_part(&self) -> sigv4::Request<'a> {
        let Self {
            method,
            path,
            query,
            headers,
            ..
        } = *self;
        sigv4::Request {
            method,
            path,
            query,
            headers,
        }
    }

    /// The body, if it is a form; a client that names no type means one.
    fn form(&self) -> Result<&'a [u8], Fault> {
        let media_type = self.headers.get(CONTENT_TYPE).map(|value| {
            let whole = value.as_bytes();
            whole
                .split(|byte| *byte == b';')
                .next()
                .unwrap_or(whole)
                .trim_ascii()
        });
        let is_form = media_type.is_none_or(|name| name.eq_ignore_ascii_case(FORM_TYPE.as_bytes()));
        if is_form || self.body.is_empty() {
            return Ok(self.body);
        }
        Err(Fault::invalid_request(format!(
            "The body must be a form: Content-Type {FORM_TYPE}"
        )))
    }
}
