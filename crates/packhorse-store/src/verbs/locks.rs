//! Encrypted devices: what keeps them locked, and what the customer gave to open them.

use jiff::Timestamp;
use packhorse_core::event::Actor;
use packhorse_core::id::{AccountId, JobId};
use packhorse_core::job::{Change, Location, Progress};
use packhorse_core::secret::Secret;

use super::desk::worth_noting;
use super::row::{self, Row};
use super::{Verbs, chain};
use crate::database::{Record, Session};
use crate::error::Result;
use crate::names::printable;
use crate::time::cut;
use crate::types::Lock;

/// The events; none changes the progress.
const LOCKED: &str = "Locked";
const UNLOCK: &str = "Unlock";
const PASSWORD_GIVEN: &str = "PasswordGiven";

fn place(id: &JobId) -> String {
    format!("unlock password of {id}")
}

impl Verbs {
    /// The device is there, so it is received, whether it can be opened or not.
    pub(super) async fn keep_locked(
        &self,
        id: &JobId,
        reason: &str,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<Progress> {
        let mut session = self.database.write().await?;
        let mut row = row::load(&mut session, id).await?;
        row.state.after(Change::Claim)?;
        if row.state.location == Location::NotReceived {
            chain::change(
                &mut session,
                &mut row,
                Change::Receive,
                actor.clone(),
                "",
                now,
            )
            .await?;
        }
        let event = chain::event(actor.clone(), LOCKED, reason, now);
        if worth_noting(&mut session, &row, &event).await? {
            chain::append(&mut session, &mut row, event).await?;
        }
        session
            .execute(
                "INSERT INTO locks (job, reason) VALUES ($1, $2) \
                 ON CONFLICT (job) DO UPDATE SET reason = $2",
                &[row.seq.into(), printable(reason).as_ref().into()],
            )
            .await?;
        row::save(&mut session, &mut row).await?;
        session.commit().await?;
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
        let mut session = self.database.write().await?;
        let mut row = row::load_of(&mut session, account, id).await?;
        // It may be loaded, now or again: else a password is of no use and is not kept.
        row.state.after(Change::Claim)?;
        let actor = Actor::Customer(access_key_id.to_owned());
        let event = chain::event(actor, UNLOCK, "", now);
        if worth_noting(&mut session, &row, &event).await? {
            chain::append(&mut session, &mut row, event).await?;
        }
        row.updated_at = cut(now);
        let sealed = self.seal.seal(&place(id), password.expose())?;
        session
            .execute(
                "INSERT INTO locks (job, sealed_password) VALUES ($1, $2) \
                 ON CONFLICT (job) DO UPDATE SET sealed_password = $2, reason = NULL",
                &[row.seq.into(), sealed.as_slice().into()],
            )
            .await?;
        row::save(&mut session, &mut row).await?;
        session.commit().await
    }

    pub(super) async fn note_password_given(
        &self,
        id: &JobId,
        actor: &Actor,
        detail: &str,
        now: Timestamp,
    ) -> Result<()> {
        let mut session = self.database.write().await?;
        let mut row = row::load(&mut session, id).await?;
        let event = chain::event(actor.clone(), PASSWORD_GIVEN, detail, now);
        if worth_noting(&mut session, &row, &event).await? {
            chain::append(&mut session, &mut row, event).await?;
            row::save(&mut session, &mut row).await?;
        }
        session.commit().await
    }

    /// Out of the columns of `locks` beside a job's.
    pub(super) fn lock(&self, id: &JobId, found: &Record) -> Result<Lock> {
        let sealed: Option<Vec<u8>> = found.get("sealed_password")?;
        let password = match sealed {
            Some(sealed) => {
                let text = self.seal.open(&place(id), &sealed)?;
                Some(Secret::new(text.as_str()))
            }
            None => None,
        };
        Ok(Lock {
            reason: found.get("lock_reason")?,
            password,
        })
    }
}

/// What kept the device locked is no longer said: something was done about it.
pub(super) async fn forget_reason(session: &mut Session, row: &Row) -> Result<()> {
    session
        .execute(
            "UPDATE locks SET reason = NULL WHERE job = $1",
            &[row.seq.into()],
        )
        .await?;
    Ok(())
}

/// A job that is over keeps no password.
pub(super) async fn forget(session: &mut Session, seq: i64) -> Result<()> {
    session
        .execute("DELETE FROM locks WHERE job = $1", &[seq.into()])
        .await?;
    Ok(())
}
