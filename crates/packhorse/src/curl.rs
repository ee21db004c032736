//! `--print-curl`: a request as a command for the shell.
//!
//! The command reads the key from the environment when it is run, so that it holds no secret, can be
//! passed on and does not expire. curl signs it.

use std::path::Path;

use anyhow::{Context as _, bail};
use packhorse_wire::actions::{Action, VERSION};

use crate::api::read_url;
use crate::aws::Place;
use crate::manifest_file;

/// The parameter that is read from a file when the command is run.
const FROM_FILE: &str = "Manifest";

/// `--print-curl`, for commands that speak the AWS API.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct CurlArgs {
    /// Send nothing: print a curl command (7.76 or newer) that asks the same. It takes the key from
    /// AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY when it is run
    #[arg(long, conflicts_with = "output")]
    pub(crate) print_curl: bool,
}

/// The command that asks for `action` at `place`. A `manifest` file is named, not copied: what it
/// holds when the command is run is sent.
pub(crate) fn command<A: Action>(
    place: &Place,
    action: &A,
    manifest: Option<&Path>,
) -> anyhow::Result<String> {
    let url = read_url(&place.endpoint)?;
    if !url.username().is_empty() || url.password().is_some() {
        bail!("the endpoint holds a user name or password, which is not printed");
    }
    let signing = format!("aws:amz:{}:importexport", place.region);
    let mut lines = vec![
        "curl --silent --show-error --fail-with-body".to_owned(),
        format!("--aws-sigv4 {}", quoted(&signing)),
        "--user \"$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY\"".to_owned(),
    ];
    let fixed = [("Action", A::NAME), ("Version", VERSION)];
    let fixed = fixed.map(|(name, value)| (name.to_owned(), value.to_owned()));
    for (name, value) in fixed.into_iter().chain(action.pairs()) {
        let parameter = match manifest {
            Some(_) if name == FROM_FILE => format!("{name}@-"),
            _ => format!("{name}={value}"),
        };
        lines.push(format!("--data-urlencode {}", quoted(&parameter)));
    }
    let input = manifest.map(redirection).transpose()?.unwrap_or_default();
    lines.push(format!("{}{input}", quoted(url.as_str())));
    Ok(lines.join(" \\\n  "))
}

/// ` < FILE`. curl's own `@FILE` would stumble over `=` in the name.
fn redirection(file: &Path) -> anyhow::Result<String> {
    if file.as_os_str() == manifest_file::STDIN {
        return Ok(String::new());
    }
    let name = file.to_str();
    let name = name.with_context(|| format!("the name {} is not UTF-8", file.display()))?;
    Ok(format!(" < {}", quoted(name)))
}

/// A word that the shell takes as it is.
fn quoted(word: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./:=@".contains(&b);
    match !word.is_empty() && word.bytes().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use packhorse_core::job::JobType;
    use packhorse_wire::actions::{CreateJob, GetStatus};

    use super::*;

    fn place(endpoint: &str) -> Place {
        Place {
            endpoint: endpoint.to_owned(),
            region: "us-east-1".to_owned(),
        }
    }

    fn status(job_id: &str, endpoint: &str) -> anyhow::Result<String> {
        let action = GetStatus {
            job_id: job_id.to_owned(),
            manifest_secrets: false,
            api_version: None,
        };
        command(&place(endpoint), &action, None)
    }

    #[test]
    fn a_command_has_every_parameter_and_no_key() {
        assert_eq!(
            status("4K7PQ2XB", "http://127.0.0.1:8080").unwrap(),
            "curl --silent --show-error --fail-with-body \\\n  \
             --aws-sigv4 aws:amz:us-east-1:importexport \\\n  \
             --user \"$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY\" \\\n  \
             --data-urlencode Action=GetStatus \\\n  \
             --data-urlencode Version=2010-06-01 \\\n  \
             --data-urlencode JobId=4K7PQ2XB \\\n  \
             http://127.0.0.1:8080/"
        );
    }

    #[test]
    fn nothing_in_a_value_reaches_the_shell() {
        let text = status("$(reboot) 'x'; #", "http://h/").unwrap();
        assert!(text.contains(r"'JobId=$(reboot) '\''x'\''; #'"), "{text}");
    }

    #[test]
    fn the_manifest_is_read_from_its_file() {
        let action = CreateJob {
            job_type: JobType::Import,
            manifest: "secret: 1".to_owned(),
            manifest_addendum: None,
            validate_only: true,
            api_version: None,
        };
        let text = |path: &str| command(&place("http://h"), &action, Some(Path::new(path)));
        let named = text("a = b.yaml").unwrap();
        assert!(named.ends_with("http://h/ < 'a = b.yaml'"), "{named}");
        assert!(named.contains("--data-urlencode Manifest@- "), "{named}");
        assert!(!named.contains("secret"), "{named}");
        assert!(text("-").unwrap().ends_with("http://h/"));
    }

    #[test]
    fn an_endpoint_with_a_password_is_refused_unprinted() {
        let error = status("4K7PQ2XB", "http://me:hush@h/").unwrap_err();
        assert!(!format!("{error:#}").contains("hush"));
    }
}
