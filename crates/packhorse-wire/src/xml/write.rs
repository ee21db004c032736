//! Writing.

use std::borrow::Cow;

use jiff::Timestamp;
use quick_xml::Writer;
use quick_xml::escape::partial_escape;
use quick_xml::events::{BytesEnd, BytesStart, BytesText, Event};

use super::NAMESPACE;
use super::chars::is_writable;

/// Writes a whole document whose root has the service's namespace.
pub(crate) fn document(root: &str, members: impl FnOnce(&mut Members)) -> String {
    let mut out = Members {
        writer: Writer::new(Vec::new()),
    };
    let start = BytesStart::new(root).with_attributes([("xmlns", NAMESPACE)]);
    out.put(Event::Start(start));
    members(&mut out);
    out.put(Event::End(BytesEnd::new(root)));
    String::from_utf8(out.writer.into_inner()).expect("only strings were written")
}

/// The members of one element, written in the order of the calls.
pub struct Members {
    writer: Writer<Vec<u8>>,
}

impl Members {
    /// An element that holds others.
    pub(crate) fn group(&mut self, name: &str, members: impl FnOnce(&mut Self)) {
        self.put(Event::Start(BytesStart::new(name)));
        members(self);
        self.put(Event::End(BytesEnd::new(name)));
    }

    /// A text, present even when it is empty.
    pub(crate) fn text(&mut self, name: &str, value: &str) {
        self.put(Event::Start(BytesStart::new(name)));
        self.put(Event::Text(BytesText::from_escaped(partial_escape(
            writable(value),
        ))));
        self.put(Event::End(BytesEnd::new(name)));
    }

    /// A text that may be missing.
    pub(crate) fn optional_text(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    /// `true` or `false`.
    pub(crate) fn boolean(&mut self, name: &str, value: bool) {
        self.text(name, if value { "true" } else { "false" });
    }

    /// A decimal number.
    pub(crate) fn integer(&mut self, name: &str, value: u64) {
        self.text(name, &value.to_string());
    }

    /// Whole seconds in UTC.
    pub(crate) fn time(&mut self, name: &str, value: Timestamp) {
        self.text(name, &value.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    }

    fn put(&mut self, event: Event<'_>) {
        self.writer
            .write_event(event)
            .expect("writing to memory does not fail");
    }
}

/// The text with the replacement character for what XML cannot carry. Requests with such texts are
/// refused, so this meets only texts from elsewhere.
fn writable(text: &str) -> Cow<'_, str> {
    let replacement = char::REPLACEMENT_CHARACTER;
    if text.chars().all(is_writable) {
        return Cow::Borrowed(text);
    }
    text.chars()
        .map(|letter| {
            if is_writable(letter) {
                letter
            } else {
                replacement
            }
        })
        .collect()
}
