//! `packhorse manifest check`: every problem of a manifest.

use std::path::PathBuf;

use packhorse_core::manifest::{self, Options};

use crate::exit::Exit;
use crate::manifest_file;
use crate::output::{self, Format, OutputArgs, ProblemPrinted, Source};

use super::super::job::TypeArg;

/// Find every problem of a manifest
///
/// The same rules as the server's, without asking it: what only the server and the store know
/// (whether the bucket exists) is not checked. Each problem is printed on standard output as
/// `file:line:column: error: …`, warnings alike, followed by the line with the offending piece
/// underlined; in colours on a terminal, unless NO_COLOR is set. Ends with 1 when there is an error.
#[derive(clap::Args)]
#[command(after_help = "\
EXAMPLES:
  packhorse manifest check manifest.yaml --type import
  packhorse manifest check manifest.yaml --type import --strict
  packhorse manifest check - --type import --output json < manifest.yaml")]
pub(super) struct Args {
    /// File with the manifest (YAML), or - for standard input
    file: PathBuf,
    /// The kind of job it is for
    #[arg(long = "type", value_enum, ignore_case = true)]
    job_type: TypeArg,
    /// Refuse what the server accepts with a warning because old clients need it: text that is not
    /// quite YAML, options that nobody reads
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let text = manifest_file::read_bytes(&args.file)?;
    let options = Options {
        strict: args.strict,
        facility: None,
    };
    let (problems, valid) = match manifest::read_with(&text, args.job_type.into(), &options) {
        Ok(reading) => (reading.warnings, true),
        Err(problems) => (problems, false),
    };
    match args.output.output {
        Format::Json => output::json(&serde_json::json!({
            "valid": valid,
            "problems": ProblemPrinted::all(&problems),
        }))?,
        Format::Text => {
            if !problems.is_empty() {
                output::data(&Source::new(&args.file, &text).report(&problems))?;
            }
            let name = manifest_file::name(&args.file);
            let name = output::visible(&name);
            if valid {
                output::say(&format!("{name} is valid"));
            } else if let Some(other) = manifest_file::other_type(&text, args.job_type.into()) {
                let code = other.code().to_lowercase();
                output::say(&format!(
                    "hint: {name} is a valid manifest of an {code} job: use `--type {code}`"
                ));
            }
        }
    }
    Ok(if valid { Exit::Success } else { Exit::Failed })
}
