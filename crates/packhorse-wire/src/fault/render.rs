//! The error document, written by the server and read by the client.

use super::{Fault, FaultCode};
use crate::xml::{self, Element, Members};

/// An error document as a client reads it. The code is text, since a server may know more codes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ErrorAnswer {
    /// The wire code.
    pub code: String,
    /// The text.
    pub message: String,
    /// For the operator's log.
    pub request_id: String,
}

impl ErrorAnswer {
    /// Reads an `ErrorResponse`.
    pub fn parse(document: &str) -> Result<Self, xml::Error> {
        let root = Element::parse(document)?;
        root.expect_name("ErrorResponse")?;
        let error = root.child("Error").ok_or(xml::Error::Missing("Error"))?;
        Ok(Self {
            code: error.required("Code")?.to_owned(),
            message: error.text("Message").unwrap_or_default().to_owned(),
            request_id: root.text("RequestId").unwrap_or_default().to_owned(),
        })
    }

    /// The code, if it is one of this table.
    pub fn known_code(&self) -> Option<FaultCode> {
        FaultCode::parse(&self.code)
    }
}

impl Fault {
    /// The answer's body. Its HTTP status is the code's.
    pub fn to_xml(&self, request_id: &str) -> String {
        xml::document("ErrorResponse", |root: &mut Members| {
            root.group("Error", |error| {
                error.text("Type", self.code.party().wire());
                error.text("Code", self.code.wire());
                error.text("Message", &self.message);
            });
            root.text("RequestId", request_id);
        })
    }
}
