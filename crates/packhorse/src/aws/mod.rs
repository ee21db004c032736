//! Where the API is and whose key speaks to it, found the way AWS's own tools find it: environment
//! variables first, then the profile files.

mod profile;

use std::path::PathBuf;

use anyhow::Context as _;
use packhorse_core::secret::Secret;

use crate::config::Environment;
use crate::output::Hint;
use profile::Profiles;

/// The service's name in `AWS_ENDPOINT_URL_…` and in `[services …]`.
const SERVICE: &str = "importexport";
/// What the original's endpoint signs with when nothing else is configured.
const REGION_DEFAULT: &str = "us-east-1";
/// A profile file is a few kilobytes; more than this is another file.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// `--endpoint` and `--profile`, for commands that speak the AWS API.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct AwsArgs {
    /// URL of the Packhorse API [env: PACKHORSE_ENDPOINT, AWS_ENDPOINT_URL_IMPORTEXPORT,
    /// AWS_ENDPOINT_URL, or endpoint_url of the profile]
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint: Option<String>,
    /// Profile of ~/.aws/credentials and ~/.aws/config [env: AWS_PROFILE]; without it
    /// AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY count first
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
}

/// How to reach the API.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    /// `http://host:port`, with a path if the API is behind one.
    pub(crate) endpoint: String,
    /// Part of every signature.
    pub(crate) region: String,
    /// The public half of the key.
    pub(crate) access_key_id: String,
    /// The secret half.
    pub(crate) secret_access_key: Secret,
}

impl Access {
    /// Finds endpoint, region and key.
    pub(crate) fn find(args: &AwsArgs, environment: &Environment) -> anyhow::Result<Self> {
        let sources = Sources::read(args, environment)?;
        let (access_key_id, secret_access_key) = sources.key()?;
        let Place { endpoint, region } = sources.place()?;
        Ok(Self {
            endpoint,
            region,
            access_key_id,
            secret_access_key,
        })
    }
}

/// Where the API is, for those who need no key.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// As in [`Access`].
    pub(crate) endpoint: String,
    /// As in [`Access`].
    pub(crate) region: String,
}

impl Place {
    /// Finds endpoint and region.
    pub(crate) fn find(args: &AwsArgs, environment: &Environment) -> anyhow::Result<Self> {
        Sources::read(args, environment)?.place()
    }
}

/// Flags, environment and profile files, with the profile that counts.
struct Sources<'a> {
    args: &'a AwsArgs,
    environment: &'a Environment,
    profiles: Profiles,
    profile: &'a str,
}

impl<'a> Sources<'a> {
    fn read(args: &'a AwsArgs, environment: &'a Environment) -> anyhow::Result<Self> {
        let profiles = read_profiles(environment)?;
        if let Some(named) = args.profile.as_deref().filter(|name| !profiles.has(name)) {
            anyhow::bail!("there is no profile {named} in the AWS profile files");
        }
        let named = args
            .profile
            .as_deref()
            .or_else(|| environment.get("AWS_PROFILE"));
        let profile = named.or_else(|| environment.get("AWS_DEFAULT_PROFILE"));
        Ok(Self {
            args,
            environment,
            profiles,
            profile: profile.unwrap_or("default"),
        })
    }

    fn of_profile(&self, name: &str) -> Option<&str> {
        self.profiles.get(self.profile, name)
    }

    fn key(&self) -> anyhow::Result<(String, Secret)> {
        let from_environment = match self.args.profile {
            Some(_) => None,
            None => pair(
                self.environment.get("AWS_ACCESS_KEY_ID"),
                self.environment.get("AWS_SECRET_ACCESS_KEY"),
            ),
        };
        let from_profile = || {
            pair(
                self.of_profile("aws_access_key_id"),
                self.of_profile("aws_secret_access_key"),
            )
        };
        let (id, secret) = from_environment.or_else(from_profile).ok_or_else(|| {
            anyhow::anyhow!("no access key is configured").context(Hint(
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a --profile".into(),
            ))
        })?;
        Ok((id.to_owned(), Secret::new(secret)))
    }

    fn place(&self) -> anyhow::Result<Place> {
        let environment = self.environment;
        let endpoint = self
            .args
            .endpoint
            .as_deref()
            .or_else(|| environment.get("PACKHORSE_ENDPOINT"))
            .or_else(|| environment.get("AWS_ENDPOINT_URL_IMPORTEXPORT"))
            .or_else(|| environment.get("AWS_ENDPOINT_URL"))
            .or_else(|| self.profiles.service_endpoint(self.profile, SERVICE))
            .or_else(|| self.of_profile("endpoint_url"))
            .ok_or_else(|| {
                anyhow::anyhow!("no endpoint is configured").context(Hint(
                    "give --endpoint URL or set PACKHORSE_ENDPOINT; `packhorse serve` prints it"
                        .into(),
                ))
            })?;
        let region = environment
            .get("AWS_REGION")
            .or_else(|| environment.get("AWS_DEFAULT_REGION"))
            .or_else(|| self.of_profile("region"))
            .unwrap_or(REGION_DEFAULT);
        Ok(Place {
            endpoint: endpoint.to_owned(),
            region: region.to_owned(),
        })
    }
}

/// Both halves of a key, or nothing.
fn pair<'a>(id: Option<&'a str>, secret: Option<&'a str>) -> Option<(&'a str, &'a str)> {
    id.zip(secret)
}

/// Reads both profile files; absent ones are empty.
fn read_profiles(environment: &Environment) -> anyhow::Result<Profiles> {
    let path = |variable, name| match environment.get(variable) {
        Some(path) => Some(PathBuf::from(path)),
        None => Some(environment.home()?.join(".aws").join(name)),
    };
    let mut profiles = Profiles::default();
    if let Some(text) = read(path("AWS_CONFIG_FILE", "config"))? {
        profiles.add_config(&text);
    }
    // Added second: where both name a key, the credentials file counts.
    if let Some(text) = read(path("AWS_SHARED_CREDENTIALS_FILE", "credentials"))? {
        profiles.add_credentials(&text);
    }
    Ok(profiles)
}

fn read(path: Option<PathBuf>) -> anyhow::Result<Option<String>> {
    let Some(path) = path else { return Ok(None) };
    let bytes = match std::fs::metadata(&path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("read {}", path.display())),
    };
    if bytes > FILE_BYTES_MAX {
        anyhow::bail!(
            "{} has {bytes} bytes, which no profile file has",
            path.display()
        );
    }
    let text = std::fs::read_to_string(&path);
    text.map(Some)
        .with_context(|| format!("read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "[default]\naws_access_key_id = A\naws_secret_access_key = a\n\
                        endpoint_url = http://default\n\
                        [other]\naws_access_key_id = B\naws_secret_access_key = b\n";

    fn find(args: [Option<&str>; 2], variables: &[(&str, &str)]) -> anyhow::Result<Access> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("credentials");
        std::fs::write(&file, FILE).unwrap();
        let file = file.to_str().unwrap();
        let mut all = vec![
            ("AWS_SHARED_CREDENTIALS_FILE", file),
            ("AWS_CONFIG_FILE", "/nonexistent/config"),
        ];
        all.extend_from_slice(variables);
        let [endpoint, profile] = args.map(|arg| arg.map(str::to_owned));
        Access::find(
            &AwsArgs { endpoint, profile },
            &Environment::from(all.as_slice()),
        )
    }

    fn check(args: [Option<&str>; 2], variables: &[(&str, &str)], expected: [&str; 3]) {
        let access = find(args, variables).unwrap();
        let found = [
            access.access_key_id.as_str(),
            access.endpoint.as_str(),
            access.region.as_str(),
        ];
        assert_eq!(found, expected, "{args:?} {variables:?}");
    }

    #[test]
    fn flag_beats_environment_beats_profile() {
        let keys = [("AWS_ACCESS_KEY_ID", "E"), ("AWS_SECRET_ACCESS_KEY", "e")];
        let endpoints = [
            ("AWS_ENDPOINT_URL", "http://any"),
            ("AWS_ENDPOINT_URL_IMPORTEXPORT", "http://service"),
        ];
        check([None, None], &[], ["A", "http://default", "us-east-1"]);
        check([None, None], &keys, ["E", "http://default", "us-east-1"]);
        check(
            [None, Some("default")],
            &keys,
            ["A", "http://default", "us-east-1"],
        );
        check(
            [None, None],
            &endpoints,
            ["A", "http://service", "us-east-1"],
        );
        check(
            [Some("http://flag"), None],
            &endpoints,
            ["A", "http://flag", "us-east-1"],
        );
        check(
            [None, None],
            &[("AWS_REGION", "eu")],
            ["A", "http://default", "eu"],
        );
        let profile = [
            ("AWS_PROFILE", "other"),
            ("PACKHORSE_ENDPOINT", "http://own"),
        ];
        check([None, None], &profile, ["B", "http://own", "us-east-1"]);
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = find([None, Some("nobody")], &[]).unwrap_err();
        assert!(error.to_string().contains("nobody"));
        let error = find([None, Some("other")], &[]).unwrap_err();
        assert!(format!("{error:#}").contains("no endpoint"));
        let error = find([None, None], &[("AWS_PROFILE", "nobody")]).unwrap_err();
        assert!(format!("{error:#}").contains("no access key"));
    }
}
