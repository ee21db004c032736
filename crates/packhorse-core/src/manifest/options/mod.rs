//! Every option of a manifest, in one table.
//!
//! The reader takes names, requirements and limits from here, and so do the JSON Schema, the
//! template and the reference in docs/MANIFEST.md. What a table cannot say (that a postal code fits
//! its country) is in the reader of the option.

mod document;
pub(super) mod limits;
mod members;

use std::sync::LazyLock;

pub(super) use document::LOG_PREFIX_BYTES_MAX;

use super::words::{JobKind, ManifestVersion};

/// One option.
#[derive(Debug)]
pub(super) struct Row {
    /// Its name.
    pub(super) name: &'static str,
    /// The kinds of job that have it.
    pub(super) kinds: &'static [JobKind],
    /// The first version that has it.
    pub(super) since: ManifestVersion,
    /// Whether it may be left out.
    pub(super) need: Need,
    /// What it may hold.
    pub(super) shape: Shape,
    /// Under which heading a template lists it.
    pub(super) section: Section,
    /// What to write, as a message says it behind "is missing; write …".
    pub(super) what: &'static str,
    /// What it means, in sentences.
    pub(super) doc: &'static str,
    /// A value, as it is written behind the colon, or in lines below it.
    pub(super) example: &'static str,
}

/// Whether an option may be left out.
#[derive(Clone, Copy, Debug)]
pub(super) enum Need {
    /// It may.
    Optional,
    /// It may; this is the same as leaving it out.
    Default(&'static str),
    /// It may not.
    Required,
    /// In jobs of these kinds it may not.
    RequiredIn(&'static [JobKind]),
    /// That depends; the reader of the option knows, and this is what it says.
    When(&'static str),
}

/// What an option may hold.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// A known version.
    Version,
    /// Any text without control characters.
    Text { bytes_max: usize },
    /// The same, but its length is counted in characters.
    Characters { max: usize },
    /// A text that can be the value of a header.
    Header,
    /// A text that can be a part of a header's name.
    HeaderName,
    /// The name of a bucket.
    Bucket,
    /// yes, no, true or false.
    Boolean,
    /// One word of a fixed set.
    Word(fn() -> Vec<&'static str>),
    /// Mail addresses, separated by `;`.
    Emails,
    /// A text that nobody may see.
    Secret,
    /// The number of a volume of the device.
    Volume,
    /// A number of devices, and their size.
    Split,
    /// US dollars.
    Dollars,
    /// A path below the root of the device.
    Directory,
    /// A list of regular expressions.
    Patterns,
    /// A mapping whose names are the customer's.
    Texts {
        name: &'static str,
        name_bytes_max: usize,
        value: &'static str,
        value_bytes_max: usize,
        count_max: usize,
    },
    /// A mapping with the options of this place.
    Members(Place),
    /// A list of mappings with the options of this place.
    Entries { of: Place, count_max: usize },
}

/// A mapping of the manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Place {
    /// The manifest itself.
    Document,
    /// `returnAddress`
    ReturnAddress,
    /// `customs`
    Customs,
    /// An entry of `operations`.
    Operation,
    /// `packhorse`
    Packhorse,
}

impl Place {
    /// Every place, the document first.
    pub(super) const ALL: [Self; 5] = [
        Self::Document,
        Self::ReturnAddress,
        Self::Customs,
        Self::Operation,
        Self::Packhorse,
    ];

    /// Its options.
    pub(super) fn rows(self) -> &'static [Row] {
        match self {
            Self::Document => document::ROWS,
            Self::ReturnAddress => members::RETURN_ADDRESS,
            Self::Customs => members::CUSTOMS,
            Self::Operation => members::OPERATION,
            Self::Packhorse => members::PACKHORSE,
        }
    }

    /// The option of this name.
    pub(super) fn row(self, name: &str) -> Option<&'static Row> {
        self.rows().iter().find(|row| row.name == name)
    }

    /// The option of the document that holds it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Document => "",
            Self::ReturnAddress => "returnAddress",
            Self::Customs => "customs",
            Self::Operation => "operations",
            Self::Packhorse => "packhorse",
        }
    }
}

/// The headings of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    /// What the job is.
    Job,
    /// The keys of objects or names of files.
    Keys,
    /// The report.
    Report,
    /// Headers of objects.
    Headers,
    /// The way back.
    Shipping,
    /// Encrypted devices.
    Encryption,
    /// What the original did not have.
    Beyond,
}

impl Section {
    /// All, in the order of a template, with their headings.
    pub(super) const ALL: [(Self, &'static str); 7] = [
        (Self::Job, "the job"),
        (Self::Keys, "keys and files"),
        (Self::Report, "report"),
        (Self::Headers, "headers of every object"),
        (Self::Shipping, "the way back"),
        (Self::Encryption, "encrypted devices"),
        (Self::Beyond, "beyond the original service"),
    ];
}

impl Row {
    /// Whether jobs of this kind have it.
    pub(super) fn is_of(&self, kind: JobKind) -> bool {
        self.kinds.contains(&kind)
    }

    /// Whether a job of this kind must have it, whatever else is written.
    pub(super) fn is_required(&self, kind: JobKind) -> bool {
        match self.need {
            Need::Required => true,
            Need::RequiredIn(kinds) => kinds.contains(&kind),
            Need::Optional | Need::Default(_) | Need::When(_) => false,
        }
    }

    /// Whether nobody may see the value.
    pub(super) fn is_secret(&self) -> bool {
        matches!(self.shape, Shape::Secret)
    }

    /// Whether its members have names of the customer's choice.
    pub(super) fn is_free(&self) -> bool {
        matches!(self.shape, Shape::Texts { .. })
    }

    /// Whether what stands below it is the customer's own words, in which no option is looked for.
    pub(super) fn has_own_words(&self) -> bool {
        self.is_free() || matches!(self.shape, Shape::Patterns)
    }
}

/// Every option with its place.
pub(super) fn all() -> impl Iterator<Item = (Place, &'static Row)> {
    let places = Place::ALL.into_iter();
    places.flat_map(|place| place.rows().iter().map(move |row| (place, row)))
}

/// The names of a place's options for one kind of job.
pub(super) fn names(place: Place, kind: JobKind) -> Vec<&'static str> {
    let rows = place.rows().iter().filter(|row| row.is_of(kind));
    rows.map(|row| row.name).collect()
}

/// The names of the secret options.
pub(super) fn secrets() -> &'static [&'static str] {
    static SECRETS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
        let secret = all().filter(|(_, row)| row.is_secret());
        secret.map(|(_, row)| row.name).collect()
    });
    &SECRETS
}
