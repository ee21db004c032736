//! The shipping label: goes onto the parcel. Four by six inches, as carriers have them, to be cut
//! out of an ordinary page that also says how to pack.

use krilla::geom::Point;

use crate::fonts::Weight;
use crate::sheet::{Area, Sheet, Style, width_of};
use crate::{Error, Paper, document};

/// Jobs on one label. There is one device in a parcel as a rule; of more bars than these a scanner
/// at arm's length reads the wrong ones.
pub const JOBS_PER_LABEL_MAX: usize = 6;

/// What a shipping label says.
#[derive(Clone, Debug)]
pub struct ShippingLabel {
    /// The jobs whose devices are in the parcel: 1 to [`JOBS_PER_LABEL_MAX`].
    pub job_ids: Vec<String>,
    /// Where the parcel goes, one line each.
    pub ship_to: Vec<String>,
    /// Who sends it, one line each.
    pub sender: Vec<String>,
}

/// The label on its page: 4 x 6 inches.
const LABEL: Area = Area {
    left: 36.0,
    top: 36.0,
    width: 288.0,
    height: 432.0,
};
const PADDING: f32 = 12.0;
const SENDER_HEIGHT: f32 = 104.0;
const JOBS_HEIGHT: f32 = 160.0;
const CAPTION: Style = Style::bold(8.0);
const HEADING: Style = Style::bold(12.0);
const BODY: Style = Style::regular(10.0);
const SENDER_SIZES: &[f32] = &[9.0, 8.0, 7.0, 6.5];
const SHIP_TO_SIZES: &[f32] = &[15.0, 14.0, 13.0, 12.0, 11.0, 10.0, 9.0, 8.0];
/// Right end of what is printed on the page.
const PAGE_RIGHT: f32 = 553.0;

impl ShippingLabel {
    /// Prints the label and how to use it on one page of A4, with margins that Letter has room for
    /// as well.
    pub fn print(&self) -> Result<Paper, Error> {
        if !(1..=JOBS_PER_LABEL_MAX).contains(&self.job_ids.len()) {
            return Err(Error::Jobs(self.job_ids.len()));
        }
        let title = format!("Shipping label {}", self.job_ids.join(" "));
        document(&title, |sheet| {
            sheet.cutting_line(LABEL);
            self.sender(sheet);
            self.ship_to(sheet);
            self.jobs(sheet)?;
            instructions(sheet);
            Ok(())
        })
    }

    fn sender(&self, sheet: &mut Sheet<'_>) {
        captioned(sheet, LABEL.top, SENDER_HEIGHT, "FROM", |sheet, area| {
            sheet.address(area, BODY, SENDER_SIZES, &self.sender);
        });
    }

    fn ship_to(&self, sheet: &mut Sheet<'_>) {
        let top = LABEL.top + SENDER_HEIGHT;
        let height = LABEL.height - SENDER_HEIGHT - JOBS_HEIGHT;
        sheet.rule(LABEL.left, top, LABEL.width, 1.6);
        let bold = Style::bold(BODY.size);
        captioned(sheet, top, height, "SHIP TO", |sheet, area| {
            sheet.address(area, bold, SHIP_TO_SIZES, &self.ship_to);
        });
    }

    /// Bars and id of each job: a large one alone, or up to six in two columns.
    fn jobs(&self, sheet: &mut Sheet<'_>) -> Result<(), Error> {
        let top = LABEL.top + LABEL.height - JOBS_HEIGHT;
        sheet.rule(LABEL.left, top, LABEL.width, 1.6);
        let columns = if self.job_ids.len() == 1 { 1 } else { 2 };
        let rows = self.job_ids.len().div_ceil(columns);
        let width = (LABEL.width - 8.0) / columns as f32;
        let height = (JOBS_HEIGHT - 16.0) / rows as f32;
        for (index, id) in self.job_ids.iter().enumerate() {
            let cell = Area {
                left: LABEL.left + 4.0 + (index % columns) as f32 * width,
                top: top + 10.0 + (index / columns) as f32 * height,
                width,
                height: height - 4.0,
            };
            job(sheet, cell, id)?;
        }
        Ok(())
    }
}

/// Bars, and below them the id in letters.
fn job(sheet: &mut Sheet<'_>, cell: Area, id: &str) -> Result<(), Error> {
    let style = Style {
        size: (cell.height * 0.28).min(26.0),
        weight: Weight::Bold,
    };
    let style = style.narrowed(id, cell.width - 20.0);
    let bars = Area {
        height: cell.height - style.leading() - 2.0,
        ..cell
    };
    sheet.barcode(bars, id)?;
    let left = cell.left + (cell.width - width_of(id, style)) / 2.0;
    let top = bars.top + bars.height + 1.0;
    sheet.text(Point::from_xy(left, top), cell.width, style, id);
    Ok(())
}

/// A part of the label with its small heading.
fn captioned(
    sheet: &mut Sheet<'_>,
    top: f32,
    height: f32,
    caption: &str,
    draw: impl FnOnce(&mut Sheet<'_>, Area),
) {
    let left = LABEL.left + PADDING;
    let width = LABEL.width - 2.0 * PADDING;
    let below = sheet.text(Point::from_xy(left, top + 8.0), width, CAPTION, caption) + 2.0;
    let area = Area {
        left,
        top: below,
        width,
        height: top + height - 4.0 - below,
    };
    draw(sheet, area);
}

/// How to use the label, beside it, and how to pack, below it.
fn instructions(sheet: &mut Sheet<'_>) {
    let left = LABEL.left + LABEL.width + 22.0;
    let beside = [
        "Cut along the dashed line, or fold the page there.",
        "Remove or cover every older label and barcode on the box.",
        "Fix the label flat on the largest side. Clear tape may cover the addresses, but not the \
         bars: it makes them shine.",
        "Send the parcel with a carrier of your choice. This label is no postage.",
        "Keep the carrier's tracking number.",
    ];
    let at = Point::from_xy(left, LABEL.top);
    numbered(sheet, at, PAGE_RIGHT - left, "Using this label", &beside);
    let below = [
        "The root folder of each device holds the SIGNATURE file of its job. Without it the device \
         is not loaded.",
        "The job id is written on the device itself; the packing slip of each job lies in the \
         parcel.",
        "Pack the device with its power supply and data cable in a sturdy box, with at least 5 cm \
         of padding on every side. Wrap a bare disk in an antistatic bag.",
        "Nothing else belongs into the parcel. One device for each job id on the label.",
        "Across a border, the customs papers go into a pouch outside.",
    ];
    let at = Point::from_xy(LABEL.left, LABEL.top + LABEL.height + 24.0);
    numbered(
        sheet,
        at,
        PAGE_RIGHT - LABEL.left,
        "Packing the device",
        &below,
    );
}

fn numbered(sheet: &mut Sheet<'_>, at: Point, width: f32, heading: &str, steps: &[&str]) {
    let mut top = sheet.text(at, width, HEADING, heading) + 4.0;
    for (index, step) in steps.iter().enumerate() {
        let number = format!("{}.", index + 1);
        sheet.text(Point::from_xy(at.x, top), 16.0, BODY, &number);
        let place = Point::from_xy(at.x + 17.0, top);
        top = sheet.paragraph(place, width - 17.0, BODY, 8, step) + 5.0;
    }
}
