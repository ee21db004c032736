//! `packhorse manifest new`: an annotated manifest to start from.

use packhorse_core::manifest::{self, JobKind, Word as _};

use crate::exit::Exit;
use crate::output;

use super::interview;

/// Print an annotated manifest to start from
///
/// What the manifest must have stands in it with examples; everything else that it may have is
/// there as comments. With --interactive what it must have is asked for on the terminal, and each
/// answer is checked as the server would.
#[derive(clap::Args)]
#[command(after_help = "\
EXAMPLES:
  packhorse manifest new > manifest.yaml
  packhorse manifest new --type s3-export > manifest.yaml
  packhorse manifest new --interactive > manifest.yaml")]
pub(super) struct Args {
    /// The kind of job it is for; import and export mean those from and to S3 buckets
    #[arg(long = "type", value_name = "KIND", default_value = "import", ignore_case = true,
          value_parser = kind_parser())]
    kind: String,
    /// Ask for what the manifest must have
    #[arg(short, long)]
    interactive: bool,
}

/// Names beside those of the kinds: what CreateJob calls them.
const SHORT: [(&str, JobKind); 2] = [("import", JobKind::S3Import), ("export", JobKind::S3Export)];

fn kinds() -> impl Iterator<Item = (&'static str, JobKind)> {
    SHORT.into_iter().chain(JobKind::WORDS.iter().copied())
}

fn kind_parser() -> clap::builder::PossibleValuesParser {
    clap::builder::PossibleValuesParser::new(kinds().map(|(name, _)| name))
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let named = |(name, _): &(&str, JobKind)| name.eq_ignore_ascii_case(&args.kind);
    let kind = kinds()
        .find(named)
        .map_or(JobKind::S3Import, |(_, kind)| kind);
    let template = manifest::template(kind);
    let text = match args.interactive {
        true => interview::fill(&template, kind)?,
        false => template,
    };
    output::data(text.trim_end())?;
    Ok(Exit::Success)
}
