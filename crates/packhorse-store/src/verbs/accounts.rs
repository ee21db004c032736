//! Accounts, their access keys, and stations.

use std::collections::HashMap;

use jiff::Timestamp;
use packhorse_core::id::AccountId;
use packhorse_core::secret::Secret;
use sha2::{Digest, Sha256};

use super::Verbs;
use crate::database::{Record, Session};
use crate::error::{Error, Result};
use crate::names::{check_key_pair, check_name, is_storable};
use crate::time::{from_micros, micros};
use crate::types::{AccessKey, Account, KeyPair, KeySummary, StationKey};

/// Base32 (RFC 4648), which the original's key ids used.
const ID_ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// 64 letters that need no escaping in a URL, a shell or a form.
const SECRET_ALPHABET: &[u8; 64] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// One letter of `alphabet`, whose length divides 256, for each random byte.
fn letters<const N: usize>(alphabet: &[u8; N], random: &[u8]) -> String {
    random
        .iter()
        .filter_map(|byte| alphabet.get(usize::from(*byte) % N))
        .map(|letter| char::from(*letter))
        .collect()
}

/// Where a secret is sealed: beside its id.
fn place(access_key_id: &str) -> String {
    format!("secret of {access_key_id}")
}

impl Verbs {
    pub(super) async fn create_account_with(
        &self,
        name: &str,
        key: Option<&KeyPair>,
        now: Timestamp,
    ) -> Result<AccessKey> {
        check_name(name)?;
        let pair = match key {
            Some(pair) => pair.clone(),
            None => self.random_pair()?,
        };
        check_key_pair(&pair)?;
        let mut session = self.database.write().await?;
        // Who comes between looking and inserting breaks a uniqueness, and the verb begins anew.
        if account_named(&mut session, name).await?.is_some() {
            return Err(Error::AccountExists);
        }
        let account = session
            .one(
                "INSERT INTO accounts (id, name, created_at) \
                 SELECT COALESCE(MAX(id), 0) + 1, $1, $2 FROM accounts RETURNING id",
                &[name.into(), micros(now).into()],
            )
            .await?;
        let account = AccountId(account.get("id")?);
        self.insert_key(&mut session, account, &pair, now).await?;
        session.commit().await?;
        Ok(access_key(pair, account, name))
    }

    pub(super) async fn rotate(&self, name: &str, now: Timestamp) -> Result<AccessKey> {
        let mut session = self.database.write().await?;
        let found = account_named(&mut session, name).await?;
        let found = found.ok_or(Error::UnknownAccount)?;
        if !found.get::<bool>("enabled")? {
            return Err(Error::AccountDisabled);
        }
        let account = AccountId(found.get("id")?);
        session
            .execute(
                "UPDATE access_keys SET enabled = $1 WHERE account = $2",
                &[false.into(), account.0.into()],
            )
            .await?;
        let pair = self.random_pair()?;
        self.insert_key(&mut session, account, &pair, now).await?;
        session.commit().await?;
        Ok(access_key(pair, account, name))
    }

    pub(super) async fn set_enabled(&self, name: &str, enabled: bool) -> Result<()> {
        let mut session = self.database.write().await?;
        if account_named(&mut session, name).await?.is_none() {
            return Err(Error::UnknownAccount);
        }
        session
            .execute(
                "UPDATE accounts SET enabled = $1 WHERE name = $2",
                &[enabled.into(), name.into()],
            )
            .await?;
        session.commit().await
    }

    pub(super) async fn all_accounts(&self) -> Result<Vec<Account>> {
        let mut session = self.database.read().await?;
        let records = session
            .all("SELECT id, name, enabled, created_at FROM accounts", &[])
            .await?;
        let keys = session
            .all(
                "SELECT account, id, enabled, created_at FROM access_keys ORDER BY seq",
                &[],
            )
            .await?;
        let mut keys_of: HashMap<i64, Vec<KeySummary>> = HashMap::new();
        for key in &keys {
            let account = key.get("account")?;
            keys_of.entry(account).or_default().push(key_summary(key)?);
        }
        let mut accounts: Vec<_> = records
            .iter()
            .map(|record| {
                let id: i64 = record.get("id")?;
                Ok(Account {
                    id: AccountId(id),
                    name: record.get("name")?,
                    enabled: record.get("enabled")?,
                    created_at: from_micros(record.get("created_at")?)?,
                    keys: keys_of.remove(&id).unwrap_or_default(),
                })
            })
            .collect::<Result<_>>()?;
        accounts.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(accounts)
    }

    pub(super) async fn access_key(&self, id: &str) -> Result<Option<AccessKey>> {
        if !is_storable(id) {
            return Ok(None);
        }
        let mut session = self.database.single().await?;
        let found = session
            .optional(
                "SELECT k.id, k.sealed_secret, k.account, a.name, \
                 k.enabled AND a.enabled AS enabled \
                 FROM access_keys k JOIN accounts a ON a.id = k.account WHERE k.id = $1",
                &[id.into()],
            )
            .await?;
        found.map(|record| self.opened_key(&record)).transpose()
    }

    /// The key to load a job with: the one named if it is enabled, else the newest enabled one.
    pub(super) async fn owner_key(
        &self,
        session: &mut Session,
        account: AccountId,
        preferred: &str,
    ) -> Result<AccessKey> {
        let found = session
            .optional(
                "SELECT k.id, k.sealed_secret, k.account, a.name, TRUE AS enabled \
                 FROM access_keys k JOIN accounts a ON a.id = k.account \
                 WHERE a.id = $1 AND a.enabled AND k.enabled \
                 ORDER BY k.id = $2 DESC, k.seq DESC LIMIT 1",
                &[account.0.into(), preferred.into()],
            )
            .await?;
        self.opened_key(&found.ok_or(Error::NoOwnerKey)?)
    }

    fn opened_key(&self, record: &Record) -> Result<AccessKey> {
        let id: String = record.get("id")?;
        let sealed: Vec<u8> = record.get("sealed_secret")?;
        let secret = self.seal.open(&place(&id), &sealed)?;
        Ok(AccessKey {
            secret: Secret::new(secret.as_str()),
            account: AccountId(record.get("account")?),
            account_name: record.get("name")?,
            enabled: record.get("enabled")?,
            id,
        })
    }

    async fn insert_key(
        &self,
        session: &mut Session,
        account: AccountId,
        pair: &KeyPair,
        now: Timestamp,
    ) -> Result<()> {
        let id = pair.access_key_id.as_str();
        let taken = session
            .optional("SELECT 1 FROM access_keys WHERE id = $1", &[id.into()])
            .await?;
        if taken.is_some() {
            return Err(Error::KeyExists);
        }
        let sealed = self.seal.seal(&place(id), pair.secret.expose())?;
        session
            .execute(
                "INSERT INTO access_keys (seq, id, account, sealed_secret, created_at) \
                 SELECT COALESCE(MAX(seq), 0) + 1, $1, $2, $3, $4 FROM access_keys",
                &[
                    id.into(),
                    account.0.into(),
                    sealed.as_slice().into(),
                    micros(now).into(),
                ],
            )
            .await
            .map(drop)
    }

    /// 80 random bits of id, 240 of secret.
    fn random_pair(&self) -> Result<KeyPair> {
        Ok(KeyPair {
            access_key_id: format!("AKIA{}", letters(ID_ALPHABET, &self.random::<16>()?)),
            secret: Secret::new(letters(SECRET_ALPHABET, &self.random::<40>()?)),
        })
    }

    pub(super) async fn add_station(&self, name: &str, now: Timestamp) -> Result<StationKey> {
        check_name(name)?;
        let key = hex::encode(self.random::<32>()?);
        let mut session = self.database.write().await?;
        let taken = session
            .optional("SELECT 1 FROM stations WHERE name = $1", &[name.into()])
            .await?;
        if taken.is_some() {
            return Err(Error::StationExists);
        }
        session
            .execute(
                "INSERT INTO stations (name, key_sha256, created_at) VALUES ($1, $2, $3)",
                &[
                    name.into(),
                    Sha256::digest(&key).as_slice().into(),
                    micros(now).into(),
                ],
            )
            .await?;
        session.commit().await?;
        Ok(StationKey {
            station: name.to_owned(),
            key: Secret::new(key),
        })
    }

    /// Looks the key up by its hash: how long that takes says nothing about the key.
    pub(super) async fn station_with(&self, key: &str) -> Result<Option<String>> {
        let mut session = self.database.single().await?;
        let found = session
            .optional(
                "SELECT name FROM stations WHERE key_sha256 = $1",
                &[Sha256::digest(key).as_slice().into()],
            )
            .await?;
        found.map(|record| record.get("name")).transpose()
    }
}

async fn account_named(session: &mut Session, name: &str) -> Result<Option<Record>> {
    if !is_storable(name) {
        return Ok(None);
    }
    session
        .optional(
            "SELECT id, enabled FROM accounts WHERE name = $1",
            &[name.into()],
        )
        .await
}

fn access_key(pair: KeyPair, account: AccountId, name: &str) -> AccessKey {
    AccessKey {
        id: pair.access_key_id,
        secret: pair.secret,
        account,
        account_name: name.to_owned(),
        enabled: true,
    }
}

fn key_summary(record: &Record) -> Result<KeySummary> {
    Ok(KeySummary {
        id: record.get("id")?,
        enabled: record.get("enabled")?,
        created_at: from_micros(record.get("created_at")?)?,
    })
}
