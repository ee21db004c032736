//! `If-…` headers of requests that read, with the order of RFC 9110 section 13.2.2.

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

use crate::embedded::fault::{Code, Fault};
use crate::embedded::head::Head;
use crate::embedded::index::objects::Object;

/// The names of the four conditions.
pub(super) struct Names {
    matches: &'static str,
    none_match: &'static str,
    modified_since: &'static str,
    unmodified_since: &'static str,
    /// What is said when the reader has the object already.
    unchanged: Code,
}

/// For GET and HEAD.
pub(super) const READ: Names = Names {
    matches: "if-match",
    none_match: "if-none-match",
    modified_since: "if-modified-since",
    unmodified_since: "if-unmodified-since",
    unchanged: Code::NotModified,
};

/// For the source of a copy.
pub(super) const COPY: Names = Names {
    matches: "x-amz-copy-source-if-match",
    none_match: "x-amz-copy-source-if-none-match",
    modified_since: "x-amz-copy-source-if-modified-since",
    unmodified_since: "x-amz-copy-source-if-unmodified-since",
    unchanged: Code::PreconditionFailed,
};

pub(super) fn check(head: &Head, names: &Names, object: &Object) -> Result<(), Fault> {
    let since = |name| head.header(name).and_then(seconds);
    let modified = object.modified.div_euclid(1000);
    match head.header(names.matches) {
        Some(list) if !names_etag(list, &object.etag) => {
            return Err(Code::PreconditionFailed.into());
        }
        Some(_) => {}
        None => {
            if since(names.unmodified_since).is_some_and(|at| modified > at) {
                return Err(Code::PreconditionFailed.into());
            }
        }
    }
    match head.header(names.none_match) {
        Some(list) if names_etag(list, &object.etag) => Err(names.unchanged.into()),
        Some(_) => Ok(()),
        None => match since(names.modified_since) {
            Some(at) if modified <= at => Err(names.unchanged.into()),
            Some(_) | None => Ok(()),
        },
    }
}

/// Whether a list of ETags, with or without quotes, has this one.
fn names_etag(list: &str, etag: &str) -> bool {
    list.split(',').map(str::trim).any(|named| {
        let named = named.strip_prefix("W/").unwrap_or(named);
        named == "*" || named.trim_matches('"') == etag
    })
}

/// An HTTP date; one that cannot be read is ignored.
fn seconds(date: &str) -> Option<i64> {
    let at: Timestamp = DateTimeParser::new().parse_timestamp(date).ok()?;
    Some(at.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embedded::attributes::Attributes;

    fn check_with(fields: &[(&'static str, &str)]) -> Result<(), Code> {
        let mut request = http::Request::builder().uri("/b/k");
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let head = Head::read(request.body(()).unwrap().into_parts().0).unwrap();
        let object = Object {
            size: 0,
            etag: "e".to_owned(),
            modified: 786_297_600_500,
            body: 0,
            parts: 0,
            attributes: Attributes::default(),
        };
        check(&head, &READ, &object).map_err(|fault| fault.code())
    }

    #[test]
    fn conditions_hold_or_name_what_failed() {
        let same = "Thu, 01 Dec 1994 16:00:00 GMT";
        let before = "Thu, 01 Dec 1994 15:59:59 GMT";
        for (fields, expected) in [
            (vec![("if-match", "\"e\"")], Ok(())),
            (vec![("if-match", "\"x\", e")], Ok(())),
            (vec![("if-match", "x")], Err(Code::PreconditionFailed)),
            (vec![("if-none-match", "x")], Ok(())),
            (vec![("if-none-match", "*")], Err(Code::NotModified)),
            (vec![("if-modified-since", same)], Err(Code::NotModified)),
            (vec![("if-modified-since", before)], Ok(())),
            (vec![("if-modified-since", "yesterday")], Ok(())),
            (vec![("if-unmodified-since", same)], Ok(())),
            (
                vec![("if-unmodified-since", before)],
                Err(Code::PreconditionFailed),
            ),
            (
                vec![("if-match", "e"), ("if-unmodified-since", before)],
                Ok(()),
            ),
            (
                vec![("if-none-match", "x"), ("if-modified-since", same)],
                Ok(()),
            ),
        ] {
            assert_eq!(check_with(&fields), expected, "{fields:?}");
        }
    }
}
