//! Reading, for the client: a small tree, bounded in every direction.

use quick_xml::Reader;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesStart, Event};

use super::Error;

/// Longest document read. The largest answer is GetStatus with a manifest of 1 MiB, each byte of
/// which may be written as five.
pub const DOCUMENT_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Answers are five elements deep.
const DEPTH_MAX: usize = 16;
/// A full page of ListJobs has 5,000 elements.
const ELEMENTS_MAX: usize = 50_000;

/// An element with its text or its children; namespaces and attributes are left aside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    name: String,
    text: String,
    children: Vec<Element>,
}

impl Element {
    /// Reads a whole document.
    pub fn parse(document: &str) -> Result<Self, Error> {
        if document.len() > DOCUMENT_BYTES_MAX {
            return Err(Error::TooLarge);
        }
        let mut reader = Reader::from_str(document);
        let mut tree = Tree::default();
        loop {
            let event = reader
                .read_event()
                .map_err(|error| Error::Syntax(error.to_string()))?;
            match event {
                Event::Start(start) => tree.open(&start)?,
                Event::End(_) => tree.close()?,
                Event::Empty(start) => {
                    tree.open(&start)?;
                    tree.close()?;
                }
                Event::Text(text) => tree.push_text(&text.xml10_content())?,
                Event::CData(text) => tree.push_text(&text.xml10_content())?,
                Event::GeneralRef(reference) => {
                    let letter = reference
                        .resolve_char_ref()
                        .map_err(|error| Error::Syntax(error.to_string()))?;
                    match (letter, resolve_xml_entity(&reference)) {
                        (Some(letter), _) => tree.push_text(letter.encode_utf8(&mut [0; 4]))?,
                        (None, Some(text)) => tree.push_text(text)?,
                        (None, None) => return Err(Error::Syntax("unknown entity".to_owned())),
                    }
                }
                Event::DocType(_) => return Err(Error::Syntax("unexpected DTD".to_owned())),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
                Event::Eof => return tree.finish(),
            }
        }
    }

    /// Checks that this is the element expected.
    pub(crate) fn expect_name(&self, expected: &str) -> Result<(), Error> {
        if self.name == expected {
            return Ok(());
        }
        Err(Error::Unexpected {
            expected: expected.to_owned(),
            found: self.name.clone(),
        })
    }

    /// The first child of that name.
    pub(crate) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of the first child of that name.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.as_str())
    }

    /// The same, owned, as answers keep it.
    pub(crate) fn optional(&self, name: &str) -> Option<String> {
        self.text(name).map(str::to_owned)
    }

    /// The text of a child that must be there.
    pub(crate) fn required(&self, name: &'static str) -> Result<&str, Error> {
        self.text(name).ok_or(Error::Missing(name))
    }

    /// `true` or `false`.
    pub(crate) fn boolean(&self, name: &'static str) -> Result<bool, Error> {
        match self.required(name)? {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(Error::Invalid(name)),
        }
    }

    /// A value that is read from the text of a child that must be there.
    pub(crate) fn parsed<T>(
        &self,
        name: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, Error> {
        read(self.required(name)?).ok_or(Error::Invalid(name))
    }

    /// The members of a list that may be missing.
    pub(crate) fn list(&self, name: &str) -> impl Iterator<Item = &Self> {
        let list = self
            .child(name)
            .map(|list| list.children.as_slice())
            .unwrap_or_default();
        list.iter().filter(|child| child.name == "member")
    }
}

/// The elements that are open, outermost first, and the root once it is closed.
#[derive(Default)]
struct Tree {
    open: Vec<Element>,
    root: Option<Element>,
    elements: usize,
}

impl Tree {
    fn open(&mut self, start: &BytesStart<'_>) -> Result<(), Error> {
        self.elements += 1;
        if self.open.len() >= DEPTH_MAX || self.elements > ELEMENTS_MAX {
            return Err(Error::TooLarge);
        }
        if self.root.is_some() {
            return Err(Error::Syntax("more than one root".to_owned()));
        }
        let name = start.local_name().into_inner().to_owned();
        self.open.push(Element {
            name,
            ..Element::default()
        });
        Ok(())
    }

    fn close(&mut self) -> Result<(), Error> {
        let done = self
            .open
            .pop()
            .ok_or(Error::Syntax("unexpected end tag".to_owned()))?;
        match self.open.last_mut() {
            Some(parent) => parent.children.push(done),
            None => self.root = Some(done),
        }
        Ok(())
    }

    fn push_text(&mut self, text: &str) -> Result<(), Error> {
        match self.open.last_mut() {
            Some(element) => element.text.push_str(text),
            None if text.trim().is_empty() => {}
            None => return Err(Error::Syntax("text outside the root".to_owned())),
        }
        Ok(())
    }

    fn finish(self) -> Result<Element, Error> {
        let complete = self.open.is_empty();
        self.root
            .filter(|_| complete)
            .ok_or(Error::Syntax("it ends too early".to_owned()))
    }
}
