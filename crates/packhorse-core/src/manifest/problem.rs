//! What can be wrong with a manifest, and where.

/// A place in the text, both counted from 1; the column counts characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

/// Which of the original's faults a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProblemKind {
    /// Not a YAML mapping, or not readable at all: MalformedManifestException.
    Malformed,
    /// A required option is missing: MissingManifestFieldException.
    MissingField,
    /// An option has an invalid value: InvalidManifestFieldException.
    InvalidField,
    /// A return address that cannot be one: InvalidAddressException.
    InvalidAddress,
    /// Customs options are missing: MissingCustomsException.
    MissingCustoms,
    /// A customs option is invalid: InvalidCustomsException.
    InvalidCustoms,
    /// An export's fileSystem is invalid: InvalidFileSystemException.
    InvalidFileSystem,
    /// Accepted, but the customer should know: goes into WarningMessage.
    Warning,
}

/// One thing to tell the customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which fault.
    pub kind: ProblemKind,
    /// Where; `None` when something is missing from the whole document.
    pub position: Option<Position>,
    /// The option, as a path: `returnAddress.postalCode`, `ignore[2]`. Empty for the document.
    pub field: String,
    /// What is wrong, what is allowed, what to do: one sentence without a full stop.
    pub message: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(Position { line, column }) = self.position {
            write!(f, "line {line}, column {column}: ")?;
        }
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.message)
    }
}
