//! Sessions of the console that ended before their time.

use jiff::Timestamp;

use super::Verbs;
use crate::error::Result;
use crate::time::micros;

impl Verbs {
    pub(super) async fn close_session(
        &self,
        id: &[u8; 16],
        until: Timestamp,
        now: Timestamp,
    ) -> Result<()> {
        let mut session = self.database.write().await?;
        session
            .execute(
                "DELETE FROM ended_sessions WHERE until < $1",
                &[micros(now).into()],
            )
            .await?;
        session
            .execute(
                "INSERT INTO ended_sessions (id, until) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING",
                &[id.as_slice().into(), micros(until).into()],
            )
            .await?;
        session.commit().await
    }

    pub(super) async fn is_closed(&self, id: &[u8; 16]) -> Result<bool> {
        let mut session = self.database.single().await?;
        let found = session
            .optional(
                "SELECT 1 FROM ended_sessions WHERE id = $1",
                &[id.as_slice().into()],
            )
            .await?;
        Ok(found.is_some())
    }
}
