//! The XML of answers, as every known client can read it.
//!
//! Rules (each for a client that fails otherwise): the result element comes first and
//! `ResponseMetadata` second; booleans are `true` and `false`; times are `YYYY-MM-DDTHH:MM:SSZ`;
//! optional integers and times are left out, never sent empty; a carriage return in a text is
//! written `&#13;`, since a reader would take a raw one for a line feed. There is no declaration
//! and no indentation.

mod chars;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub use chars::unwritable;
pub use read::{DOCUMENT_BYTES_MAX, Element};
pub use write::Members;
pub(crate) use write::document;

/// The namespace of every document, as the running service sent it.
pub const NAMESPACE: &str = "http://importexport.amazonaws.com/doc/2010-06-01/";

/// Why an answer cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not XML.
    #[error("the answer is not well-formed XML: {0}")]
    Syntax(String),
    /// More than a client is ready to hold.
    #[error("the answer is too large or too deep")]
    TooLarge,
    /// Another document than expected.
    #[error("the answer is a {found}, not a {expected}")]
    Unexpected {
        /// The element that was asked for.
        expected: String,
        /// The element that came.
        found: String,
    },
    /// A member that is always there is not.
    #[error("the answer has no {0}")]
    Missing(&'static str),
    /// A member has a value that it cannot have.
    #[error("the answer's {0} cannot be read")]
    Invalid(&'static str),
}
