//! All printing: data to stdout, talk to stderr, nothing anywhere else.

mod diagnostics;
mod progress;
mod table;
mod words;

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use serde::Serialize;

use crate::exit::Exit;

pub(crate) use diagnostics::{ProblemPrinted, Source};
pub(crate) use progress::Bar;
pub(crate) use table::table;
pub(crate) use words::{bytes, duration, path, rate, visible};

/// How a command prints its data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// `--output`, for commands that print data.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct OutputArgs {
    /// How to print the result
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) output: Format,
}

/// Advice that goes with an error: attached with `context`, printed as `hint:`.
#[derive(Debug)]
pub(crate) struct Hint(pub(crate) String);

impl std::fmt::Display for Hint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whoever read our standard output is gone, which is no failure of ours.
#[derive(Debug, thiserror::Error)]
#[error("standard output is closed")]
struct StdoutClosed;

/// Prints data for people: `text` and a newline.
pub(crate) fn data(text: &str) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    let written = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
    written.map_err(|error| match error.kind() {
        std::io::ErrorKind::BrokenPipe => StdoutClosed.into(),
        _ => anyhow::Error::from(error).context("write to standard output"),
    })
}

/// Writes foreign bytes to standard output. On a terminal control characters are spelt out: a file
/// must not steer it.
pub(crate) fn foreign(bytes: &[u8]) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    let written = match stdout.is_terminal() {
        true => stdout.write_all(visible(&String::from_utf8_lossy(bytes)).as_bytes()),
        false => stdout.write_all(bytes),
    };
    written
        .and_then(|()| stdout.flush())
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::BrokenPipe => StdoutClosed.into(),
            _ => anyhow::Error::from(error).context("write to standard output"),
        })
}

/// Prints one value for programs, on one line.
pub(crate) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    data(&serde_json::to_string(value)?)
}

/// Prints `value` in the format asked for; `text` makes the form for people.
pub(crate) fn print<T: Serialize>(
    format: Format,
    value: &T,
    text: impl FnOnce(&T) -> String,
) -> anyhow::Result<()> {
    match format {
        Format::Json => json(value),
        Format::Text => data(&text(value)),
    }
}

/// Says something to the person at the terminal. That nobody listens is no failure.
pub(crate) fn say(text: &str) {
    let mut stderr = std::io::stderr().lock();
    drop(writeln!(stderr, "{text}"));
}

/// Says something without breaking a progress bar in two; control characters are spelt out.
pub(crate) fn say_above_bars(text: &str) {
    progress::suspended(|| say(&visible(text)));
}

/// Whether a person watches standard error.
pub(crate) fn on_terminal() -> bool {
    std::io::stderr().is_terminal()
}

/// Whether standard output is a terminal whose user wants colours (NO_COLOR, CLICOLOR, TERM).
fn colours() -> bool {
    dialoguer::console::colors_enabled()
}

/// Prints an error with its causes and hint.
pub(crate) fn error(error: &anyhow::Error) {
    let hint = error.downcast_ref::<Hint>().map(Hint::to_string);
    let mut label = "error";
    let mut last = String::new();
    for cause in error.chain().map(ToString::to_string) {
        // Some libraries repeat their source in their own text.
        if Some(&cause) == hint.as_ref() || (!last.is_empty() && last.ends_with(&cause)) {
            continue;
        }
        say(&format!("{label}: {}", visible(&cause)));
        label = "caused by";
        last = cause;
    }
    if let Some(hint) = hint {
        say(&format!("hint: {}", visible(&hint)));
    }
}

/// The last word of `main`: prints the error, if there is one, and picks the exit code.
pub(crate) fn conclude(result: anyhow::Result<Exit>) -> ExitCode {
    match result {
        Ok(exit) => exit.into(),
        Err(closed) if closed.is::<StdoutClosed>() => Exit::Success.into(),
        Err(failure) => {
            error(&failure);
            Exit::Failed.into()
        }
    }
}

/// Sends log lines to standard error, `filter` deciding which.
pub(crate) fn start_log(filter: &str) -> anyhow::Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_new(filter).map_err(|error| {
        anyhow::Error::from(error).context(format!("read the log filter {filter:?}"))
    })?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(progress::above_bars)
        .with_ansi(on_terminal())
        .init();
    Ok(())
}
