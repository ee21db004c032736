//! Parcels: a device comes, a device goes back, a load is given up.

use jiff::Timestamp;
use packhorse_core::event::Actor;
use packhorse_core::id::JobId;
use packhorse_core::job::{ABORTS, Change, Location, Progress, State};

use super::desk::{live_lease, worth_noting};
use super::{Verbs, chain, row};
use crate::error::{Error, Result};
use crate::names::printable;
use crate::types::{Erasure, HereJob, Parcel};

impl Verbs {
    pub(super) async fn here(&self, limit: u32) -> Result<Vec<HereJob>> {
        let mut session = self.database.single().await?;
        let records = session
            .all(
                "SELECT jobs.*, locks.reason AS lock_reason FROM jobs \
                 LEFT JOIN locks ON locks.job = jobs.seq WHERE jobs.location = 'AtAWS' \
                 ORDER BY jobs.updated_at DESC LIMIT $1",
                &[limit.into()],
            )
            .await?;
        records.iter().map(row::here).collect()
    }

    pub(super) async fn note_arrival(
        &self,
        id: &JobId,
        note: &str,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<State> {
        let mut session = self.database.write().await?;
        let mut row = row::load(&mut session, id).await?;
        if row.state.location == Location::AtAWS {
            return Ok(row.state);
        }
        chain::change(
            &mut session,
            &mut row,
            Change::Receive,
            actor.clone(),
            note,
            now,
        )
        .await?;
        row::save(&mut session, &mut row).await?;
        session.commit().await?;
        Ok(row.state)
    }

    pub(super) async fn note_departure(
        &self,
        id: &JobId,
        parcel: &Parcel,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<State> {
        let mut session = self.database.write().await?;
        let mut row = row::load(&mut session, id).await?;
        if row.parcel.as_ref() == Some(parcel) {
            return Ok(row.state);
        }
        let actor = actor.clone();
        let detail = format!("{} {}", parcel.carrier, parcel.tracking_number);
        match row.state.location {
            Location::Returned => {
                let event = chain::event(actor, Change::Return.code(), &detail, now);
                chain::append(&mut session, &mut row, event).await?;
            }
            Location::NotReceived | Location::AtAWS => {
                let change = Change::Return;
                chain::change(&mut session, &mut row, change, actor, &detail, now).await?;
            }
        }
        row.parcel = Some(parcel.clone());
        row::save(&mut session, &mut row).await?;
        session.commit().await?;
        Ok(row.state)
    }

    /// Whether its device may be erased is decided with the note: no load begins in between, since a
    /// job that is over stays so.
    pub(super) async fn note_erasure(
        &self,
        id: &JobId,
        erasure: Erasure,
        actor: &Actor,
        detail: &str,
        now: Timestamp,
    ) -> Result<State> {
        let mut session = self.database.write().await?;
        let mut row = row::load(&mut session, id).await?;
        let progress = row.state.progress;
        let is_loaded = matches!(progress, Progress::Complete | Progress::SuccessWithErrors);
        if !is_loaded && !ABORTS.contains(&progress) {
            return Err(Error::NotOver(progress));
        }
        let what = match erasure {
            Erasure::Begun => "Erase",
            Erasure::Done => "Erased",
            Erasure::Failed => "EraseFailed",
        };
        let event = chain::event(actor.clone(), what, detail, now);
        if worth_noting(&mut session, &row, &event).await? {
            chain::append(&mut session, &mut row, event).await?;
            row::save(&mut session, &mut row).await?;
        }
        session.commit().await?;
        Ok(row.state)
    }

    pub(super) async fn end_without_lease(
        &self,
        id: &JobId,
        code: Progress,
        reason: &str,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<Progress> {
        let mut session = self.database.write().await?;
        let mut row = row::load(&mut session, id).await?;
        if row.state.progress == code {
            return Ok(code);
        }
        if let Some(lease) = live_lease(&row, now) {
            return Err(Error::Leased { until: lease.until });
        }
        chain::change(
            &mut session,
            &mut row,
            Change::Abort(code),
            actor.clone(),
            reason,
            now,
        )
        .await?;
        row::save(&mut session, &mut row).await?;
        session.commit().await?;
        Ok(row.state.progress)
    }
}

/// A parcel as every database keeps it.
pub(super) fn kept(parcel: Parcel) -> Parcel {
    Parcel {
        carrier: printable(&parcel.carrier).into_owned(),
        tracking_number: printable(&parcel.tracking_number).into_owned(),
    }
}
