//! `--unlock-from`: passwords of encrypted devices, from a file or the terminal, never from an argument.

use std::fs::File;
use std::io::{IsTerminal as _, Read as _, stdin};
use std::time::Duration;

use anyhow::{Context as _, bail};
use packhorse_core::secret::Secret;
use packhorse_media::Unlock;
use zeroize::Zeroizing;

use crate::config;
use crate::output::Hint;

/// Longest password, and then some for line ends.
const BYTES_MAX: u64 = 1024 + 2;
/// The word that stands for the terminal.
const PROMPT: &str = "prompt";

/// Where a password comes from.
#[derive(clap::Args)]
pub(super) struct UnlockArgs {
    /// Open encrypted volumes with the password in this file; - reads it from standard input, prompt
    /// asks for it. It is used for this run and kept nowhere
    #[arg(long, value_name = "FILE|prompt")]
    unlock_from: Option<String>,
}

impl UnlockArgs {
    /// The password, within the limits of the configuration.
    pub(super) fn unlock(&self, config: &config::Station) -> anyhow::Result<Unlock> {
        let password = self.unlock_from.as_deref().map(read).transpose()?;
        Ok(Unlock {
            passwords: password.into_iter().collect(),
            is_expected: self.unlock_from.is_some(),
            containers: Vec::new(),
            memory_bytes: config.unlock_memory_bytes,
            time: Duration::from_secs(config.unlock_seconds),
        })
    }
}

/// Reads a password from where the operator says.
pub(crate) fn read(from: &str) -> anyhow::Result<Secret> {
    let password = match from {
        PROMPT => return ask(),
        "-" => take(stdin()).context("read the password from standard input")?,
        path => {
            let file = File::open(path);
            file.and_then(take)
                .with_context(|| format!("read the password from {path}"))?
        }
    };
    let line = password.strip_suffix('\n').unwrap_or(&password);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() || line.len() as u64 > BYTES_MAX - 2 || line.contains('\n') {
        bail!(
            "the password must be one line of 1 to {} bytes",
            BYTES_MAX - 2
        );
    }
    Ok(Secret::new(line))
}

fn take(from: impl std::io::Read) -> std::io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    from.take(BYTES_MAX + 1).read_to_string(&mut text)?;
    Ok(text)
}

fn ask() -> anyhow::Result<Secret> {
    if !stdin().is_terminal() {
        let hint = "give the password in a file: --unlock-from FILE";
        return Err(
            anyhow::anyhow!("there is no terminal to ask for the password")
                .context(Hint(hint.into())),
        );
    }
    let answer = dialoguer::Password::new()
        .with_prompt("Password of the device")
        .interact();
    Ok(Secret::new(answer.context("ask for the password")?))
}
