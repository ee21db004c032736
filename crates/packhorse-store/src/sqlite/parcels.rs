//! Parcels: a device comes, a device goes back, a load is given up.

use jiff::Timestamp;
use packhorse_core::event::Actor;
use packhorse_core::id::JobId;
use packhorse_core::job::{Change, Location, Progress, State};

use super::desk::live_lease;
use super::{Sqlite, chain, row};
use crate::error::{Error, Result};
use crate::types::Parcel;

impl Sqlite {
    pub(super) async fn note_arrival(
        &self,
        id: &JobId,
        note: &str,
        actor: Actor,
        now: Timestamp,
    ) -> Result<State> {
        let mut tx = self.write().await?;
        let mut row = row::load(&mut tx, id).await?;
        if row.state.location == Location::AtAWS {
            return Ok(row.state);
        }
        chain::change(&mut tx, &mut row, Change::Receive, actor, note, now).await?;
        row::save(&mut tx, &mut row).await?;
        tx.commit().await?;
        Ok(row.state)
    }

    pub(super) async fn note_departure(
        &self,
        id: &JobId,
        parcel: Parcel,
        actor: Actor,
        now: Timestamp,
    ) -> Result<State> {
        let mut tx = self.write().await?;
        let mut row = row::load(&mut tx, id).await?;
        if row.parcel.as_ref() == Some(&parcel) {
            return Ok(row.state);
        }
        let detail = format!("{} {}", parcel.carrier, parcel.tracking_number);
        match row.state.location {
            Location::Returned => {
                let what = Change::Return.code();
                chain::append(&mut tx, &mut row, actor, what, &detail, now).await?;
            }
            Location::NotReceived | Location::AtAWS => {
                chain::change(&mut tx, &mut row, Change::Return, actor, &detail, now).await?;
            }
        }
        row.parcel = Some(parcel);
        row::save(&mut tx, &mut row).await?;
        tx.commit().await?;
        Ok(row.state)
    }

    pub(super) async fn end_without_lease(
        &self,
        id: &JobId,
        code: Progress,
        reason: &str,
        actor: Actor,
        now: Timestamp,
    ) -> Result<Progress> {
        let mut tx = self.write().await?;
        let mut row = row::load(&mut tx, id).await?;
        if row.state.progress == code {
            return Ok(code);
        }
        if let Some(lease) = live_lease(&row, now) {
            return Err(Error::Leased { until: lease.until });
        }
        chain::change(&mut tx, &mut row, Change::Abort(code), actor, reason, now).await?;
        row::save(&mut tx, &mut row).await?;
        tx.commit().await?;
        Ok(row.state.progress)
    }
}
