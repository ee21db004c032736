//! What is printed: packing slips and shipping labels, as PDF.
//!
//! - [`PackingSlip`]: the page that lies in the parcel.
//! - [`ShippingLabel`]: the label that goes onto it.
//!
//! Pure: the same words give the same bytes. No I/O, no clock. Texts come from customers and
//! operators, so any text of any script and length is printed as well as it can be: what no font
//! has is an empty box, what has no room is cut, and [`Paper`] says so. Fonts are embedded.

mod barcode;
mod clean;
mod fonts;
mod label;
mod line;
mod sheet;
mod slip;
mod wrap;

use krilla::Document;
use krilla::metadata::Metadata;
use krilla::page::PageSettings;

pub use label::{JOBS_PER_LABEL_MAX, ShippingLabel};
pub use slip::PackingSlip;

use sheet::{Notes, Sheet};

/// A4, in points.
const PAGE: (f32, f32) = (595.0, 842.0);

/// A printed document.
#[derive(Clone, Debug)]
pub struct Paper {
    /// The PDF.
    pub pdf: Vec<u8>,
    /// Some of the characters that could not be printed.
    pub unprintable: Vec<char>,
    /// Whether text was left out for want of room.
    pub cut: bool,
}

/// Why nothing was printed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No barcode holds this text.
    #[error("{0:?} cannot be a barcode")]
    Barcode(String),
    /// No jobs, or too many.
    #[error("a label is for 1 to {JOBS_PER_LABEL_MAX} jobs, not for {0}")]
    Jobs(usize),
    /// The PDF could not be written.
    #[error("the PDF could not be written: {0}")]
    Pdf(String),
}

/// A document of one page.
fn document(
    title: &str,
    draw: impl FnOnce(&mut Sheet<'_>) -> Result<(), Error>,
) -> Result<Paper, Error> {
    let mut notes = Notes::default();
    let mut document = Document::new();
    let metadata = Metadata::new().title(title.to_owned());
    document.set_metadata(metadata.language("en".to_owned()));
    let settings = PageSettings::from_wh(PAGE.0, PAGE.1);
    let settings = settings.ok_or_else(|| Error::Pdf("the page has no size".to_owned()))?;
    let mut page = document.start_page_with(settings);
    let drawn = draw(&mut Sheet::new(page.surface(), &mut notes));
    page.finish();
    drawn?;
    Ok(Paper {
        pdf: document
            .finish()
            .map_err(|error| Error::Pdf(error.to_string()))?,
        unprintable: notes.unprintable.into_iter().collect(),
        cut: notes.cut,
    })
}
