//! The small XML documents of S3: a bounded tree to read, a writer that escapes.

use std::fmt::Write as _;

use quick_xml::Reader;
use quick_xml::events::Event;

/// No document of S3 nests deeper than six.
const DEPTH_MAX: usize = 16;
/// A full listing has about ten elements for each of 1,000 keys; a CompleteMultipartUpload seven
/// for each of 10,000 parts.
const ELEMENTS_MAX: usize = 200_000;

/// An element: attributes and namespaces play no part in S3.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Element {
    /// Local name.
    pub(crate) name: String,
    /// Own text, without that of children.
    pub(crate) text: String,
    /// In order.
    pub(crate) children: Vec<Element>,
}

/// The document is no XML of S3.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("malformed XML")]
    Syntax(#[from] quick_xml::Error),
    #[error("malformed XML: {0}")]
    Shape(&'static str),
}

impl Element {
    /// Reads a document and gives its root.
    pub(crate) fn parse(document: &str) -> Result<Self, Malformed> {
        let mut reader = Reader::from_str(document);
        let mut open: Vec<Element> = Vec::new();
        let mut elements = 0;
        loop {
            match reader.read_event()? {
                Event::Start(start) => {
                    elements += 1;
                    if open.len() >= DEPTH_MAX || elements > ELEMENTS_MAX {
                        return Err(Malformed::Shape("too many elements"));
                    }
                    open.push(Element::named(start.local_name().as_ref()));
                }
                Event::Empty(start) => {
                    elements += 1;
                    if elements > ELEMENTS_MAX {
                        return Err(Malformed::Shape("too many elements"));
                    }
                    let element = Element::named(start.local_name().as_ref());
                    match open.last_mut() {
                        Some(parent) => parent.children.push(element),
                        None => return Ok(element),
                    }
                }
                Event::End(_) => {
                    let element = open.pop().ok_or(Malformed::Shape("unexpected end tag"))?;
                    match open.last_mut() {
                        Some(parent) => parent.children.push(element),
                        None => return Ok(element),
                    }
                }
                Event::Text(text) => {
                    if let Some(element) = open.last_mut() {
                        element.text.push_str(&text.xml10_content());
                    }
                }
                Event::CData(text) => {
                    if let Some(element) = open.last_mut() {
                        element.text.push_str(&text.xml10_content());
                    }
                }
                Event::GeneralRef(reference) => {
                    let character = match reference.resolve_char_ref()? {
                        Some(character) => character,
                        None => named_character(&reference.into_inner())
                            .ok_or(Malformed::Shape("unknown entity"))?,
                    };
                    if let Some(element) = open.last_mut() {
                        element.text.push(character);
                    }
                }
                Event::DocType(_) => return Err(Malformed::Shape("DOCTYPE is not allowed")),
                Event::Eof => return Err(Malformed::Shape("unexpected end")),
                Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
            }
        }
    }

    fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }

    /// The first child of that name.
    pub(crate) fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// All children of that name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The text of the first child of that name.
    pub(crate) fn text_of(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.as_str())
    }
}

fn named_character(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => None,
    }
}

/// Writes a document element by element.
#[derive(Debug)]
pub(crate) struct Writer {
    text: String,
}

impl Writer {
    /// A document with its declaration.
    pub(crate) fn new() -> Self {
        Self {
            text: "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned(),
        }
    }

    /// An element with whatever `inside` writes.
    pub(crate) fn element(&mut self, name: &str, inside: impl FnOnce(&mut Self)) {
        self.with_attributes(name, "", inside);
    }

    /// The same with attributes, written as they are given (` a="b"`).
    pub(crate) fn with_attributes(
        &mut self,
        name: &str,
        attributes: &str,
        inside: impl FnOnce(&mut Self),
    ) {
        let _ = write!(self.text, "<{name}{attributes}>");
        inside(self);
        let _ = write!(self.text, "</{name}>");
    }

    /// An element with text.
    pub(crate) fn text(&mut self, name: &str, value: &str) {
        self.element(name, |writer| writer.escaped(value));
    }

    fn escaped(&mut self, value: &str) {
        for character in value.chars() {
            match character {
                '&' => self.text.push_str("&amp;"),
                '<' => self.text.push_str("&lt;"),
                '>' => self.text.push_str("&gt;"),
                '"' => self.text.push_str("&quot;"),
                // A bare carriage return would be read as a line feed.
                '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {
                    let _ = write!(self.text, "&#{};", u32::from(character));
                }
                other => self.text.push(other),
            }
        }
    }

    /// The document.
    pub(crate) fn finish(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_names_text_and_references() {
        let root = Element::parse(
            "<?xml version='1.0'?><s:A xmlns:s='x'><B>1 &lt; &#50;</B><B/><C><![CDATA[<]]></C></s:A>",
        )
        .unwrap();
        assert_eq!(root.name, "A");
        assert_eq!(root.text_of("B"), Some("1 < 2"));
        assert_eq!(root.all("B").count(), 2);
        assert_eq!(root.text_of("C"), Some("<"));
    }

    #[test]
    fn refuses_what_is_broken_deep_or_declares_entities() {
        let deep = "<a>".repeat(DEPTH_MAX + 1);
        for document in ["", "<a>", "<a></b>", "</a>", "plain", &deep, "<a>&x;</a>"] {
            assert!(Element::parse(document).is_err(), "{document}");
        }
        let bomb = "<!DOCTYPE a [<!ENTITY x 'x'>]><a>&x;</a>";
        assert!(Element::parse(bomb).is_err());
    }

    proptest! {
        #[test]
        fn text_reads_back_as_it_was_written(text in "[^\0]*") {
            let mut writer = Writer::new();
            writer.element("A", |writer| writer.text("B", &text));
            let root = Element::parse(&writer.finish()).unwrap();
            prop_assert_eq!(root.text_of("B"), Some(text.as_str()));
        }
    }
}
