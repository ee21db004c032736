//! The string to sign.

use crate::query::{Origin, Parameter, Parameters};
use crate::{host, percent};

/// The canonical query: every parameter but the signature, sorted by name in byte order, encoded.
pub(super) fn canonical_query<'a>(parameters: impl Iterator<Item = &'a Parameter>) -> String {
    let mut signed: Vec<&Parameter> = parameters
        .filter(|parameter| parameter.name != "Signature")
        .collect();
    signed.sort_unstable_by(|left, right| left.name.cmp(&right.name));
    let mut out = String::new();
    for parameter in signed {
        if !out.is_empty() {
            out.push('&');
        }
        percent::push_component(&mut out, parameter.name.as_bytes());
        out.push('=');
        percent::push_component(&mut out, parameter.value.as_bytes());
    }
    out
}

/// The parameters of the body, when the URL adds nothing but an `Operation` that a signed
/// `Action` repeats.
pub(super) fn body_alone(parameters: &Parameters) -> Option<Vec<&Parameter>> {
    let (body, url): (Vec<&Parameter>, Vec<&Parameter>) = parameters
        .iter()
        .partition(|parameter| parameter.origin == Origin::Body);
    let action = body.iter().find(|parameter| parameter.name == "Action")?;
    let repeated = |p: &&Parameter| p.name == "Operation" && p.value == action.value;
    (!url.is_empty() && url.iter().all(repeated)).then_some(body)
}

/// The hosts that may have been signed: as in the header, lower-cased, and the same without port.
pub(super) fn hosts(header: &str) -> Vec<String> {
    let whole = header.trim().to_ascii_lowercase();
    match host::without_port(&whole).map(str::to_owned) {
        Some(host) => vec![whole, host],
        None => vec![whole],
    }
}
