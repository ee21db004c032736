//! The packing slip: the page that lies in the parcel, and the list to pack by.

use krilla::geom::Point;

use crate::sheet::{Area, Sheet, Style, width_of};
use crate::{Error, Paper, document};

/// What a packing slip says.
#[derive(Clone, Debug)]
pub struct PackingSlip {
    /// The job.
    pub job_id: String,
    /// Import or export, as the customer reads it.
    pub job_type: String,
    /// The account's name.
    pub account: String,
    /// `deviceId` of the manifest.
    pub device_id: String,
    /// When the job was created, as the customer reads it.
    pub created: String,
    /// Whether the device may be erased before it goes back.
    pub erases: bool,
    /// Where the parcel goes, one line each; `None` when the facility has not said.
    pub ship_to: Option<Vec<String>>,
    /// Where the device goes back to, one line each.
    pub return_to: Vec<String>,
}

const LEFT: f32 = 42.0;
const WIDTH: f32 = 511.0;
const GAP: f32 = 15.0;
const CAPTION: Style = Style::bold(8.0);
const BODY: Style = Style::regular(10.0);
/// A customer's own words get this many lines in a row of the table.
const CELL_LINES: usize = 2;
/// Sizes that an address is tried in.
const ADDRESS_SIZES: &[f32] = &[11.0, 10.0, 9.0, 8.0, 7.0];

impl PackingSlip {
    /// Prints the slip on one page of A4, with margins that Letter has room for as well.
    pub fn print(&self) -> Result<Paper, Error> {
        let title = format!("Packing slip {}", self.job_id);
        document(&title, |sheet| {
            let top = self.head(sheet)?;
            let top = self.details(sheet, top);
            let top = self.addresses(sheet, top);
            let top = self.signature(sheet, top);
            self.checklist(sheet, top);
            Ok(())
        })
    }

    /// Title, job id, barcode.
    fn head(&self, sheet: &mut Sheet<'_>) -> Result<f32, Error> {
        let title = Style::bold(20.0);
        let top = sheet.text(Point::from_xy(LEFT, 36.0), 300.0, title, "Packing slip");
        let note = "Print this page and put it into the parcel.";
        let right = LEFT + WIDTH - width_of(note, BODY);
        sheet.text(Point::from_xy(right, 46.0), WIDTH, BODY, note);
        sheet.rule(LEFT, top + 2.0, WIDTH, 1.6);
        let top = top + 14.0;
        sheet.text(Point::from_xy(LEFT, top), WIDTH, CAPTION, "JOB");
        let large = Style::bold(42.0).narrowed(&self.job_id, 260.0);
        let bottom = top + 10.0 + 42.0;
        let at = Point::from_xy(LEFT, bottom - large.size);
        sheet.text(at, 270.0, large, &self.job_id);
        let bars = Area {
            left: LEFT + WIDTH - 240.0,
            top,
            width: 240.0,
            height: 62.0,
        };
        sheet.barcode(bars, &self.job_id)?;
        Ok(top + 74.0)
    }

    /// What the job is.
    fn details(&self, sheet: &mut Sheet<'_>, top: f32) -> f32 {
        let rows = [
            ("Job type", &self.job_type),
            ("Device id", &self.device_id),
            ("Account", &self.account),
            ("Created", &self.created),
        ];
        let mut top = top;
        for (name, value) in rows {
            sheet.rule(LEFT, top, WIDTH, 0.4);
            let at = |left| Point::from_xy(left, top + 3.0);
            sheet.text(at(LEFT), 90.0, BODY, name);
            let bold = Style::bold(10.0);
            let width = WIDTH - 95.0;
            let end = sheet.paragraph(at(LEFT + 95.0), width, bold, CELL_LINES, value);
            top = end.max(top + 3.0 + BODY.leading()) + 3.0;
        }
        sheet.rule(LEFT, top, WIDTH, 0.4);
        top + 14.0
    }

    /// Where the parcel goes, and where the device goes back to.
    fn addresses(&self, sheet: &mut Sheet<'_>, top: f32) -> f32 {
        let width = (WIDTH - GAP) / 2.0;
        let nowhere = ["This facility has not published its address: ask whoever runs it."];
        let nowhere = nowhere.map(str::to_owned).to_vec();
        let columns = [
            ("SHIP TO", self.ship_to.as_ref().unwrap_or(&nowhere)),
            ("RETURN THE DEVICE TO", &self.return_to),
        ];
        let height = 142.0;
        for (index, (caption, lines)) in columns.into_iter().enumerate() {
            let left = LEFT + index as f32 * (width + GAP);
            sheet.frame(
                Area {
                    left,
                    top,
                    width,
                    height,
                },
                0.8,
            );
            let at = Point::from_xy(left + 9.0, top + 7.0);
            let below = sheet.text(at, width, CAPTION, caption) + 3.0;
            let area = Area {
                left: left + 9.0,
                top: below,
                width: width - 18.0,
                height: top + height - 6.0 - below,
            };
            sheet.address(area, BODY, ADDRESS_SIZES, lines);
        }
        top + height + 14.0
    }

    /// What must be on the device.
    fn signature(&self, sheet: &mut Sheet<'_>, top: f32) -> f32 {
        let heading = Style::bold(12.0);
        let at = Point::from_xy(LEFT, top);
        let top = sheet.text(at, WIDTH, heading, "The SIGNATURE file") + 3.0;
        let text = "The root folder of the device must hold a file named SIGNATURE, in capitals \
                    and without an extension such as .txt, with exactly the text that came with \
                    this job. A device without it, or with that of another job, is not loaded. \
                    Do not change the file, and do not use it for a second device.";
        sheet.paragraph(Point::from_xy(LEFT, top), WIDTH, BODY, 6, text) + 12.0
    }

    fn checklist(&self, sheet: &mut Sheet<'_>, top: f32) {
        let heading = Style::bold(12.0);
        let at = Point::from_xy(LEFT, top);
        let mut top = sheet.text(at, WIDTH, heading, "Before you close the parcel") + 4.0;
        let label = format!(
            "The job id {} is written on the device itself, on a sticker or tag.",
            self.job_id
        );
        let erased = match self.erases {
            true => {
                "You have another copy of the data: the manifest lets the facility erase the device."
            }
            false => "You have another copy of the data: parcels get lost.",
        };
        let items = [
            "SIGNATURE is in the root folder of the device, and you ejected the device properly.",
            &label,
            "The device's serial number, or its sticker, agrees with the device id above.",
            "Device, power supply and data cable are in the parcel, and nothing else.",
            "At least 5 cm of padding on every side; nothing moves when you shake the box.",
            "This page is in the parcel; the shipping label is outside, flat, its bars uncovered.",
            erased,
        ];
        for item in items {
            let side = 10.0;
            let square = Area {
                left: LEFT,
                top: top + 1.0,
                width: side,
                height: side,
            };
            sheet.frame(square, 0.9);
            let at = Point::from_xy(LEFT + 18.0, top);
            top = sheet.paragraph(at, WIDTH - 18.0, BODY, 2, item) + 5.5;
        }
    }
}
