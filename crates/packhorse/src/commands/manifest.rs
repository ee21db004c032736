//! `packhorse manifest …`: manifests without a server.

use std::path::{Path, PathBuf};

use packhorse_core::job::JobType;
use packhorse_core::manifest::{self, JobKind, Problem};
use serde::Serialize;

use crate::exit::Exit;
use crate::manifest_file;
use crate::output::{self, Format, OutputArgs};

use super::job::TypeArg;

/// Write and check manifests
#[derive(clap::Args)]
#[command(after_help = "\
EXAMPLES:
  packhorse manifest new > manifest.yaml
  packhorse manifest check manifest.yaml --type import")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Check(CheckArgs),
    /// Print an annotated manifest to start from
    #[command(after_help = "\
EXAMPLES:
  packhorse manifest new > manifest.yaml")]
    New {
        /// The kind of job it is for
        #[arg(
            long = "type",
            value_enum,
            ignore_case = true,
            default_value = "import"
        )]
        job_type: TypeArg,
    },
}

/// Find every problem of a manifest
///
/// The same rules as the server's, without asking it: what only the server and the store know
/// (whether the bucket exists) is not checked. Problems are printed on standard output as
/// `file:line:column: error: …`, warnings alike. Ends with 1 when there is an error.
#[derive(clap::Args)]
#[command(after_help = "\
EXAMPLES:
  packhorse manifest check manifest.yaml --type import
  packhorse manifest check - --type import --output json < manifest.yaml")]
struct CheckArgs {
    /// File with the manifest (YAML), or - for standard input
    file: PathBuf,
    /// The kind of job it is for
    #[arg(long = "type", value_enum, ignore_case = true)]
    job_type: TypeArg,
    #[command(flatten)]
    output: OutputArgs,
}

/// One problem, as `--output json` prints it.
#[derive(Serialize)]
struct ProblemPrinted<'a> {
    severity: &'static str,
    line: Option<usize>,
    column: Option<usize>,
    field: &'a str,
    message: &'a str,
}

pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    match args.command {
        Command::Check(args) => check(&args),
        Command::New { job_type } => {
            let kind = match JobType::from(job_type) {
                JobType::Import => JobKind::S3Import,
                JobType::Export => JobKind::S3Export,
            };
            output::data(manifest::template(kind).trim_end())?;
            Ok(Exit::Success)
        }
    }
}

fn check(args: &CheckArgs) -> anyhow::Result<Exit> {
    let text = manifest_file::read_bytes(&args.file)?;
    let (problems, valid) = match manifest::read(&text, args.job_type.into()) {
        Ok(reading) => (reading.warnings, true),
        Err(problems) => (problems, false),
    };
    print(args.output.output, &args.file, &problems, valid)?;
    Ok(if valid { Exit::Success } else { Exit::Failed })
}

fn print(format: Format, file: &Path, problems: &[Problem], valid: bool) -> anyhow::Result<()> {
    let printed: Vec<_> = problems.iter().map(printed).collect();
    match format {
        Format::Json => output::json(&serde_json::json!({ "valid": valid, "problems": printed })),
        Format::Text => {
            let lines: Vec<_> = printed.iter().map(|problem| line(file, problem)).collect();
            if !lines.is_empty() {
                output::data(&lines.join("\n"))?;
            }
            if valid {
                output::say(&format!("{} is valid", name(file)));
            }
            Ok(())
        }
    }
}

fn printed(problem: &Problem) -> ProblemPrinted<'_> {
    ProblemPrinted {
        severity: if problem.is_error() {
            "error"
        } else {
            "warning"
        },
        line: problem.position().map(|position| position.line),
        column: problem.position().map(|position| position.column),
        field: &problem.field,
        message: &problem.message,
    }
}

/// `file:line:column: error: field: message`, as compilers print it; a problem of the whole document
/// stands at its first character.
fn line(file: &Path, problem: &ProblemPrinted<'_>) -> String {
    let (line, column) = (problem.line.unwrap_or(1), problem.column.unwrap_or(1));
    let field = match problem.field {
        "" => String::new(),
        field => format!("{field}: "),
    };
    let place = format!("{}:{line}:{column}", name(file));
    output::visible(&format!(
        "{place}: {}: {field}{}",
        problem.severity, problem.message
    ))
}

fn name(file: &Path) -> String {
    match file.as_os_str() == manifest_file::STDIN {
        true => "<stdin>".to_owned(),
        false => file.display().to_string(),
    }
}
