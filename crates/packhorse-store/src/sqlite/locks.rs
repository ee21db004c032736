//! Encrypted devices: what keeps them locked, and what the customer gave to open them.

use jiff::Timestamp;
use packhorse_core::event::Actor;
use packhorse_core::id::{AccountId, JobId};
use packhorse_core::job::{Change, Location, Progress};
use packhorse_core::secret::Secret;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use super::desk::worth_noting;
use super::row::{self, Row};
use super::time::cut;
use super::{Sqlite, chain};
use crate::error::Result;
use crate::types::Lock;

/// The events; none changes the progress.
const LOCKED: &str = "Locked";
const UNLOCK: &str = "Unlock";
const PASSWORD_GIVEN: &str = "PasswordGiven";

fn place(id: &JobId) -> String {
    format!("unlock password of {id}")
}

impl Sqlite {
    /// The device is there, so it is received, whether it can be opened or not.
    pub(super) async fn keep_locked(
        &self,
        id: &JobId,
        reason: &str,
        actor: Actor,
        now: Timestamp,
    ) -> Result<Progress> {
        let mut tx = self.write().await?;
        let mut row = row::load(&mut tx, id).await?;
        row.state.after(Change::Claim)?;
        if row.state.location == Location::NotReceived {
            chain::change(&mut tx, &mut row, Change::Receive, actor.clone(), "", now).await?;
        }
        if worth_noting(&mut tx, &row, LOCKED, reason).await? {
            chain::append(&mut tx, &mut row, actor, LOCKED, reason, now).await?;
        }
        sqlx::query(
            "INSERT INTO locks (job, reason) VALUES (?1, ?2) \
             ON CONFLICT (job) DO UPDATE SET reason = ?2",
        )
        .bind(row.seq)
        .bind(reason)
        .execute(&mut *tx)
        .await?;
        row::save(&mut tx, &mut row).await?;
        tx.commit().await?;
        Ok(row.state.progress)
    }

    pub(super) async fn keep_password(
        &self,
        account: AccountId,
        id: &JobId,
        access_key_id: &str,
        password: &Secret,
        now: Timestamp,
    ) -> Result<()> {
        let mut tx = self.write().await?;
        let mut row = row::load_of(&mut tx, account, id).await?;
        // It may be loaded, now or again: else a password is of no use and is not kept.
        row.state.after(Change::Claim)?;
        let actor = Actor::Customer(access_key_id.to_owned());
        if worth_noting(&mut tx, &row, UNLOCK, "").await? {
            chain::append(&mut tx, &mut row, actor, UNLOCK, "", now).await?;
        }
        row.updated_at = cut(now);
        let sealed = self.seal.seal(&place(id), password.expose())?;
        sqlx::query(
            "INSERT INTO locks (job, sealed_password) VALUES (?1, ?2) \
             ON CONFLICT (job) DO UPDATE SET sealed_password = ?2, reason = NULL",
        )
        .bind(row.seq)
        .bind(sealed)
        .execute(&mut *tx)
        .await?;
        row::save(&mut tx, &mut row).await?;
        Ok(tx.commit().await?)
    }

    pub(super) async fn note_password_given(
        &self,
        id: &JobId,
        actor: Actor,
        detail: &str,
        now: Timestamp,
    ) -> Result<()> {
        let mut tx = self.write().await?;
        let mut row = row::load(&mut tx, id).await?;
        if worth_noting(&mut tx, &row, PASSWORD_GIVEN, detail).await? {
            chain::append(&mut tx, &mut row, actor, PASSWORD_GIVEN, detail, now).await?;
            row::save(&mut tx, &mut row).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Out of the columns of `locks` beside a job's.
    pub(super) fn lock(&self, id: &JobId, found: &SqliteRow) -> Result<Lock> {
        let sealed: Option<Vec<u8>> = found.try_get("sealed_password")?;
        let password = match sealed {
            Some(sealed) => {
                let text = self.seal.open(&place(id), &sealed)?;
                Some(Secret::new(text.as_str()))
            }
            None => None,
        };
        Ok(Lock {
            reason: found.try_get("lock_reason")?,
            password,
        })
    }
}

/// What kept the device locked is no longer said: something was done about it.
pub(super) async fn forget_reason(conn: &mut SqliteConnection, row: &Row) -> Result<()> {
    sqlx::query("UPDATE locks SET reason = NULL WHERE job = ?")
        .bind(row.seq)
        .execute(conn)
        .await?;
    Ok(())
}

/// A job that is over keeps no password.
pub(super) async fn forget(conn: &mut SqliteConnection, seq: i64) -> Result<()> {
    sqlx::query("DELETE FROM locks WHERE job = ?")
        .bind(seq)
        .execute(conn)
        .await?;
    Ok(())
}
