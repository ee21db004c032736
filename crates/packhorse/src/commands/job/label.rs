//! `packhorse job label`: GetShippingLabel, and the PDF behind its link.

use std::path::PathBuf;

use packhorse_wire::actions::{GetShippingLabel, LabelAddress};
use serde::Serialize;

use crate::aws::AwsArgs;
use crate::curl::CurlArgs;
use crate::exit::Exit;
use crate::output::{self, OutputArgs};
use crate::whole_file;

use super::super::Context;
use super::{connect, print_curl};

/// Make the shipping label of a parcel (GetShippingLabel)
///
/// The label is a PDF with both addresses and the job ids as barcodes. It is kept in the log bucket
/// of each job and opens behind a link that holds for a day. The sender is the manifest's
/// returnAddress, but for what the flags say.
#[derive(clap::Args)]
#[command(after_help = "\
EXAMPLES:
  packhorse job label 4K7PQ2XB
  packhorse job label 4K7PQ2XB --save label.pdf
  packhorse job label 4K7PQ2XB 9Z8Y7X6V --name 'Jane Roe' --phone-number 206-555-1000
  packhorse job label 4K7PQ2XB --output json | jq -r .shipping_label_url")]
pub(crate) struct Args {
    /// The jobs whose devices are in the parcel
    #[arg(value_name = "ID", required = true)]
    job_ids: Vec<String>,
    /// Write the PDF under this name
    #[arg(long, value_name = "FILE", conflicts_with = "print_curl")]
    save: Option<PathBuf>,
    #[command(flatten)]
    sender: Sender,
    #[command(flatten)]
    aws: AwsArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    curl: CurlArgs,
}

/// Who sends the parcel.
#[derive(clap::Args)]
#[command(next_help_heading = "Sender")]
struct Sender {
    /// A person
    #[arg(long)]
    name: Option<String>,
    /// Their company
    #[arg(long)]
    company: Option<String>,
    /// Street, first line
    #[arg(long)]
    street1: Option<String>,
    /// Street, second line
    #[arg(long)]
    street2: Option<String>,
    /// Street, third line
    #[arg(long)]
    street3: Option<String>,
    /// City
    #[arg(long)]
    city: Option<String>,
    /// State or province; required in the USA and Canada
    #[arg(long, value_name = "STATE")]
    state_or_province: Option<String>,
    /// Postal code
    #[arg(long, value_name = "CODE")]
    postal_code: Option<String>,
    /// Country
    #[arg(long)]
    country: Option<String>,
    /// With country code
    #[arg(long, value_name = "NUMBER")]
    phone_number: Option<String>,
}

impl From<Sender> for LabelAddress {
    fn from(sender: Sender) -> Self {
        Self {
            name: sender.name,
            company: sender.company,
            phone_number: sender.phone_number,
            country: sender.country,
            state_or_province: sender.state_or_province,
            city: sender.city,
            postal_code: sender.postal_code,
            street1: sender.street1,
            street2: sender.street2,
            street3: sender.street3,
        }
    }
}

/// What is printed.
#[derive(Serialize)]
struct Label {
    job_ids: Vec<String>,
    shipping_label_url: String,
    warning: Option<String>,
    /// Where the PDF was written.
    saved: Option<PathBuf>,
}

pub(super) async fn run(args: Args, ctx: &Context) -> anyhow::Result<Exit> {
    let request = GetShippingLabel {
        job_ids: args.job_ids,
        address: args.sender.into(),
        api_version: None,
    };
    if args.curl.print_curl {
        return print_curl(&args.aws, ctx, &request, None);
    }
    let api = connect(&args.aws, ctx)?;
    let answer = api.call(&request).await?;
    if let Some(path) = &args.save {
        let pdf = api.download(&answer.shipping_label_url).await?;
        whole_file::write(path, &pdf)?;
    }
    let label = Label {
        job_ids: request.job_ids,
        shipping_label_url: answer.shipping_label_url,
        warning: answer.warning,
        saved: args.save,
    };
    output::print(args.output.output, &label, text)?;
    Ok(Exit::Success)
}

fn text(label: &Label) -> String {
    let saved = label.saved.as_ref().map(|path| path.display().to_string());
    let place = saved.unwrap_or_else(|| label.shipping_label_url.clone());
    let mut lines = vec![format!("SHIPPING LABEL    {}", output::visible(&place))];
    let warnings = label.warning.iter().flat_map(|warning| warning.lines());
    lines.extend(warnings.map(|line| format!("warning           {}", output::visible(line))));
    lines.join("\n")
}
