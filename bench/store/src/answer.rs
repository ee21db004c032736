//! Answers: heads and XML documents, written by hand because they are few.

use std::fmt::Write as _;

use crate::objects::Object;

/// All objects are of this time.
const LAST_MODIFIED: &str = "Thu, 01 Jan 2026 00:00:00 GMT";

/// An answer that is ready to be sent, and how many zeros follow it.
pub struct Answer(pub Vec<u8>, pub u64);

impl Answer {
    /// With a status, headers (each ended by a line break) and a body.
    pub fn new(status: &str, headers: &str, body: &str) -> Self {
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status}\r\n{headers}x-amz-request-id: light\r\nContent-Length: {length}\r\n\r\n"
        );
        Self([head.as_bytes(), body.as_bytes()].concat(), 0)
    }

    /// What is known of an object, and as many zeros as `body_bytes`.
    pub fn object(object: &Object, body_bytes: u64) -> Self {
        let head = format!(
            "HTTP/1.1 200 OK\r\nETag: \"{}\"\r\nLast-Modified: {LAST_MODIFIED}\r\n\
             Content-Length: {}\r\n\r\n",
            object.etag(),
            object.size
        );
        Self(head.into_bytes(), body_bytes)
    }

    /// Success without a body.
    pub fn done() -> Self {
        Self::new("200 OK", "", "")
    }

    /// Success with an ETag.
    pub fn etag(etag: &str) -> Self {
        Self::new("200 OK", &format!("ETag: \"{etag}\"\r\n"), "")
    }

    /// Success with a document.
    pub fn document(name: &str, inside: &str) -> Self {
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <{name} xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{inside}</{name}>"
        );
        Self::new("200 OK", "Content-Type: application/xml\r\n", &body)
    }

    /// A refusal.
    pub fn refusal(status: &str, code: &str) -> Self {
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <Error><Code>{code}</Code><Message>{code}</Message></Error>"
        );
        Self::new(status, "Content-Type: application/xml\r\n", &body)
    }
}

/// Appends `<name>text</name>`, the text escaped.
pub fn element(out: &mut String, name: &str, text: &str) {
    let _ = write!(out, "<{name}>");
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            other if other.is_control() => {
                let _ = write!(out, "&#{};", other as u32);
            }
            other => out.push(other),
        }
    }
    let _ = write!(out, "</{name}>");
}

/// A key as a listing with `encoding-type=url` has it.
pub fn url_encoded(key: &str) -> String {
    let mut out = String::with_capacity(key.len());
    for byte in key.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                out.push(char::from(byte));
            }
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}
