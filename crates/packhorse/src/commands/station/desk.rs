//! Which desk a station speaks to, and with which key.

use anyhow::anyhow;
use packhorse_core::secret::Secret;

use crate::config::{Config, Password};
use crate::output::Hint;

/// The desk.
#[derive(clap::Args)]
pub(super) struct DeskArgs {
    /// URL of the Packhorse server [env: PACKHORSE_STATION__SERVER]
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// Key from `packhorse station-key create` [env: PACKHORSE_STATION_KEY]; other users of this
    /// machine can see flags, so prefer the variable
    #[arg(long, value_name = "K")]
    station_key: Option<String>,
}

impl DeskArgs {
    /// The server's URL and the station's key, as flags and configuration say.
    pub(super) fn resolve(self, config: &Config) -> anyhow::Result<(String, Secret)> {
        let server = self.server.or_else(|| config.station.server.clone());
        let server = server.ok_or_else(|| {
            anyhow!("no server is configured").context(Hint(
                "give --server URL or set PACKHORSE_STATION__SERVER".into(),
            ))
        })?;
        let given = self.station_key.map(|key| Password::from(key.as_str()));
        let key = given
            .or_else(|| config.station.key.clone())
            .ok_or_else(|| {
                anyhow!("no station key is configured").context(Hint(
                "make one with `packhorse station-key create NAME` and set PACKHORSE_STATION_KEY"
                    .into(),
            ))
            })?;
        Ok((server, key.secret().clone()))
    }
}
