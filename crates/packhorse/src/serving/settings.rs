//! From the configuration to what the server takes.

use std::net::SocketAddr;

use anyhow::{Context as _, anyhow, bail};
use jiff::SignedDuration;
use packhorse_server::{Facility, Settings, Tls};
use packhorse_wire::desk::ObjectStore;
use reqwest::Url;

use crate::config::{self, Config, CredentialsOf};
use crate::output::Hint;

const SECONDS_PER_DAY: i64 = 24 * 60 * 60;

/// Refuses what would be less safe, or other, than the operator asked for.
pub(super) fn refuse_unsupported(config: &Config) -> anyhow::Result<()> {
    let server = &config.server;
    if server.tls_cert.is_none() {
        refuse_open_plain(config, server.listen, "server.listen")?;
    }
    if config.object_store.endpoint.is_none() {
        refuse_open_plain(config, server.s3_listen, "server.s3_listen")?;
    }
    if config.object_store.credentials == CredentialsOf::Service {
        bail!("object_store.credentials is \"service\", but this version knows \"owner\" only");
    }
    Ok(())
}

/// Plain HTTP stays on this machine unless the operator says that the network may be trusted.
fn refuse_open_plain(config: &Config, address: SocketAddr, key: &str) -> anyhow::Result<()> {
    if config.server.allow_plain_http || address.ip().is_loopback() {
        return Ok(());
    }
    let advice = match key {
        "server.listen" => {
            "set server.tls_cert and server.tls_key; or, behind a proxy that speaks TLS, \
             server.allow_plain_http = true"
        }
        _ => {
            "the embedded store has no TLS: keep it on 127.0.0.1, set object_store.endpoint, or \
             server.allow_plain_http = true where the network is trusted"
        }
    };
    let what = format!("{key} is {address}: other machines would speak plain HTTP to it");
    Err(anyhow!(what).context(Hint(advice.into())))
}

/// The certificate and its key, if there is one.
pub(super) fn tls(config: &Config) -> anyhow::Result<Option<Tls>> {
    match (&config.server.tls_cert, &config.server.tls_key) {
        (None, None) => Ok(None),
        (Some(cert), Some(key)) => Ok(Some(Tls::load(cert.clone(), key.clone())?)),
        (Some(_), None) => bail!("server.tls_cert is set, and server.tls_key is not"),
        (None, Some(_)) => bail!("server.tls_key is set, and server.tls_cert is not"),
    }
}

/// What the operator configured, for the server. `api` is the URL under which clients reach it,
/// `embedded` that of the embedded store.
pub(super) fn settings(
    config: &Config,
    api: &str,
    embedded: Option<&str>,
) -> anyhow::Result<Settings> {
    let endpoint = match (&config.object_store.endpoint, embedded) {
        (Some(endpoint), _) => checked_url(endpoint).context("read object_store.endpoint")?,
        (None, Some(embedded)) => embedded.to_owned(),
        (None, None) => bail!("no object store is configured"),
    };
    Ok(Settings {
        public_url: api.to_owned(),
        object_store: ObjectStore {
            endpoint,
            region: config.object_store.region.clone(),
            // The embedded store has no host names for buckets.
            path_style: config.object_store.path_style || config.object_store.endpoint.is_none(),
        },
        facility: facility(&config.facility)?,
        jobs_per_day: config.limits.jobs_per_day,
        expiry: days(config.limits.expiry_days),
        closed_jobs_shown: days(config.limits.closed_job_days),
        requests_per_second: config.limits.requests_per_second,
        regions: config.server.regions.clone(),
    })
}

fn days(number: u32) -> SignedDuration {
    SignedDuration::from_secs(i64::from(number).saturating_mul(SECONDS_PER_DAY))
}

/// The address for parcels: whole or not at all.
fn facility(section: &config::Facility) -> anyhow::Result<Option<Facility>> {
    let required = [
        ("name", &section.name),
        ("street1", &section.street1),
        ("city", &section.city),
        ("postal_code", &section.postal_code),
    ];
    let missing: Vec<_> = required
        .iter()
        .filter(|(_, value)| value.is_none())
        .map(|(name, _)| *name)
        .collect();
    let [Some(name), Some(street1), Some(city), Some(postal_code)] =
        required.map(|(_, value)| value.clone())
    else {
        if section.is_empty() {
            return Ok(None);
        }
        bail!("[facility] is an address only with {}", missing.join(", "));
    };
    Ok(Some(Facility {
        name,
        street1,
        street2: section.street2.clone(),
        city,
        state_or_province: section.state_or_province.clone(),
        postal_code,
        country: section.country.clone(),
        phone_number: section.phone_number.clone(),
    }))
}

/// A URL that clients can use, without a slash at its end.
pub(super) fn checked_url(text: &str) -> anyhow::Result<String> {
    Url::parse(text)
        .ok()
        .filter(|url| ["http", "https"].contains(&url.scheme()) && url.has_host())
        .map(|_| text.trim_end_matches('/').to_owned())
        .ok_or_else(|| anyhow!("{text} is not an http or https address"))
}

/// A URL for an address that is listened on. "All addresses" is no address to connect to: the host
/// of the public URL stands in for it, or this machine.
pub(super) fn reachable_url(scheme: &str, address: SocketAddr, public_url: Option<&str>) -> String {
    if !address.ip().is_unspecified() {
        return format!("{scheme}://{address}");
    }
    let public = public_url.and_then(|url| Url::parse(url).ok());
    let host = public
        .as_ref()
        .and_then(Url::host_str)
        .unwrap_or("127.0.0.1");
    format!("{scheme}://{host}:{}", address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_addresses_become_one_that_can_be_connected_to() {
        let check = |address: &str, public, expected| {
            let url = reachable_url("http", address.parse().unwrap(), public);
            assert_eq!(url, expected);
        };
        check(
            "127.0.0.1:1",
            Some("http://dock.example"),
            "http://127.0.0.1:1",
        );
        check("[::1]:1", None, "http://[::1]:1");
        check(
            "0.0.0.0:9000",
            Some("https://dock.example/api"),
            "http://dock.example:9000",
        );
        check("[::]:9000", None, "http://127.0.0.1:9000");
    }

    #[test]
    fn half_an_address_is_refused() {
        let mut section = config::Facility::default();
        assert_eq!(facility(&section).unwrap(), None);
        section.city = Some("Springfield".into());
        let error = facility(&section).unwrap_err().to_string();
        assert!(error.contains("name, street1, postal_code"), "{error}");
    }

    #[test]
    fn what_would_be_less_safe_than_asked_is_refused() {
        let mut config = Config::default();
        assert!(refuse_unsupported(&config).is_ok());
        config.server.listen = "0.0.0.0:8080".parse().unwrap();
        let error = format!("{:#}", refuse_unsupported(&config).unwrap_err());
        assert!(error.contains("server.listen is 0.0.0.0:8080"), "{error}");
        config.server.tls_cert = Some("cert.pem".into());
        assert!(refuse_unsupported(&config).is_ok());
        assert!(tls(&config).is_err());
        config.server.s3_listen = "192.0.2.1:9000".parse().unwrap();
        let error = format!("{:#}", refuse_unsupported(&config).unwrap_err());
        assert!(error.contains("server.s3_listen"), "{error}");
        config.object_store.endpoint = Some("https://s3.example".into());
        assert!(refuse_unsupported(&config).is_ok());
        config.object_store.endpoint = None;
        config.server.allow_plain_http = true;
        assert!(refuse_unsupported(&config).is_ok());
    }

    #[test]
    fn only_web_addresses_are_urls() {
        assert_eq!(checked_url("http://a/").unwrap(), "http://a");
        for text in ["a", "ftp://a", "http://", "/path"] {
            assert!(checked_url(text).is_err(), "{text}");
        }
    }
}
