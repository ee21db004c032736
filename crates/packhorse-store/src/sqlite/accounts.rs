//! Accounts, their access keys, and stations.

use jiff::Timestamp;
use packhorse_core::id::AccountId;
use packhorse_core::secret::Secret;
use sha2::{Digest, Sha256};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use super::Sqlite;
use super::time::{from_micros, micros};
use crate::error::{Error, Result};
use crate::names::{check_key_pair, check_name};
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

impl Sqlite {
    pub(super) async fn create_account_with(
        &self,
        name: &str,
        key: Option<KeyPair>,
        now: Timestamp,
    ) -> Result<AccessKey> {
        check_name(name)?;
        let pair = match key {
            Some(pair) => pair,
            None => self.random_pair()?,
        };
        check_key_pair(&pair)?;
        let mut tx = self.write().await?;
        let account: i64 = sqlx::query_scalar(
            "INSERT INTO accounts (name, created_at) VALUES (?, ?) RETURNING id",
        )
        .bind(name)
        .bind(micros(now))
        .fetch_one(&mut *tx)
        .await
        .map_err(|error| taken(error, Error::AccountExists))?;
        self.insert_key(&mut tx, AccountId(account), &pair, now)
            .await?;
        tx.commit().await?;
        Ok(access_key(pair, AccountId(account), name))
    }

    pub(super) async fn rotate(&self, name: &str, now: Timestamp) -> Result<AccessKey> {
        let mut tx = self.write().await?;
        let row = sqlx::query("SELECT id, enabled FROM accounts WHERE name = ?")
            .bind(name)
            .fetch_optional(&mut *tx)
            .await?
            .ok_or(Error::UnknownAccount)?;
        if !row.try_get::<bool, _>("enabled")? {
            return Err(Error::AccountDisabled);
        }
        let account = AccountId(row.try_get("id")?);
        sqlx::query("UPDATE access_keys SET enabled = 0 WHERE account = ?")
            .bind(account.0)
            .execute(&mut *tx)
            .await?;
        let pair = self.random_pair()?;
        self.insert_key(&mut tx, account, &pair, now).await?;
        tx.commit().await?;
        Ok(access_key(pair, account, name))
    }

    pub(super) async fn set_enabled(&self, name: &str, enabled: bool) -> Result<()> {
        let mut tx = self.write().await?;
        let done = sqlx::query("UPDATE accounts SET enabled = ? WHERE name = ?")
            .bind(enabled)
            .bind(name)
            .execute(&mut *tx)
            .await?;
        if done.rows_affected() == 0 {
            return Err(Error::UnknownAccount);
        }
        Ok(tx.commit().await?)
    }

    pub(super) async fn all_accounts(&self) -> Result<Vec<Account>> {
        let mut tx = self.read().await?;
        let rows = sqlx::query("SELECT id, name, enabled, created_at FROM accounts ORDER BY name")
            .fetch_all(&mut *tx)
            .await?;
        let mut accounts = Vec::with_capacity(rows.len());
        for row in rows {
            let id: i64 = row.try_get("id")?;
            let keys = sqlx::query(
                "SELECT id, enabled, created_at FROM access_keys WHERE account = ? ORDER BY seq",
            )
            .bind(id)
            .fetch_all(&mut *tx)
            .await?;
            accounts.push(Account {
                id: AccountId(id),
                name: row.try_get("name")?,
                enabled: row.try_get("enabled")?,
                created_at: from_micros(row.try_get("created_at")?)?,
                keys: keys.iter().map(key_summary).collect::<Result<_>>()?,
            });
        }
        Ok(accounts)
    }

    pub(super) async fn access_key(
        &self,
        conn: &mut SqliteConnection,
        id: &str,
    ) -> Result<Option<AccessKey>> {
        let row = sqlx::query(
            "SELECT k.id, k.sealed_secret, k.account, a.name, k.enabled AND a.enabled AS enabled \
             FROM access_keys k JOIN accounts a ON a.id = k.account WHERE k.id = ?",
        )
        .bind(id)
        .fetch_optional(conn)
        .await?;
        row.map(|row| self.opened_key(&row)).transpose()
    }

    /// The key to load a job with: the one named if it is enabled, else the newest enabled one.
    pub(super) async fn owner_key(
        &self,
        conn: &mut SqliteConnection,
        account: AccountId,
        preferred: &str,
    ) -> Result<AccessKey> {
        let row = sqlx::query(
            "SELECT k.id, k.sealed_secret, k.account, a.name, 1 AS enabled \
             FROM access_keys k JOIN accounts a ON a.id = k.account \
             WHERE a.id = ? AND a.enabled AND k.enabled \
             ORDER BY k.id = ? DESC, k.seq DESC LIMIT 1",
        )
        .bind(account.0)
        .bind(preferred)
        .fetch_optional(conn)
        .await?;
        self.opened_key(&row.ok_or(Error::NoOwnerKey)?)
    }

    fn opened_key(&self, row: &SqliteRow) -> Result<AccessKey> {
        let id: String = row.try_get("id")?;
        let sealed: Vec<u8> = row.try_get("sealed_secret")?;
        let secret = self.seal.open(&place(&id), &sealed)?;
        Ok(AccessKey {
            secret: Secret::new(secret.as_str()),
            account: AccountId(row.try_get("account")?),
            account_name: row.try_get("name")?,
            enabled: row.try_get("enabled")?,
            id,
        })
    }

    async fn insert_key(
        &self,
        conn: &mut SqliteConnection,
        account: AccountId,
        pair: &KeyPair,
        now: Timestamp,
    ) -> Result<()> {
        let id = &pair.access_key_id;
        sqlx::query(
            "INSERT INTO access_keys (id, account, sealed_secret, created_at) VALUES (?, ?, ?, ?)",
        )
        .bind(id)
        .bind(account.0)
        .bind(self.seal.seal(&place(id), pair.secret.expose())?)
        .bind(micros(now))
        .execute(conn)
        .await
        .map_err(|error| taken(error, Error::KeyExists))?;
        Ok(())
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
        sqlx::query("INSERT INTO stations (name, key_sha256, created_at) VALUES (?, ?, ?)")
            .bind(name)
            .bind(Sha256::digest(&key).to_vec())
            .bind(micros(now))
            .execute(&self.writer)
            .await
            .map_err(|error| taken(error, Error::StationExists))?;
        Ok(StationKey {
            station: name.to_owned(),
            key: Secret::new(key),
        })
    }

    /// Looks the key up by its hash: how long that takes says nothing about the key.
    pub(super) async fn station_with(&self, key: &str) -> Result<Option<String>> {
        let name = sqlx::query_scalar("SELECT name FROM stations WHERE key_sha256 = ?")
            .bind(Sha256::digest(key).to_vec())
            .fetch_optional(&self.readers)
            .await?;
        Ok(name)
    }
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

fn key_summary(row: &SqliteRow) -> Result<KeySummary> {
    Ok(KeySummary {
        id: row.try_get("id")?,
        enabled: row.try_get("enabled")?,
        created_at: from_micros(row.try_get("created_at")?)?,
    })
}

/// A broken uniqueness means that the name is taken; anything else is the database's trouble.
fn taken(error: sqlx::Error, meaning: Error) -> Error {
    match &error {
        sqlx::Error::Database(inner) if inner.is_unique_violation() => meaning,
        _ => error.into(),
    }
}
