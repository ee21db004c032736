//! The embedded object store knows the same access keys as the API.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use packhorse_objects::embedded::{Keys, Owner, Unavailable};
use packhorse_store::Store;

/// A key is looked up again after this: long enough to spare the database during a load, short
/// enough that a disabled key stops working at once, as people count.
const REMEMBERED: Duration = Duration::from_secs(1);
/// Keys remembered at once; when there are more, all are forgotten.
const REMEMBERED_MAX: usize = 1024;

/// Looks access keys up in the job store.
pub(super) struct AccountKeys {
    store: Arc<dyn Store>,
    known: Mutex<HashMap<String, (Instant, Owner)>>,
}

impl AccountKeys {
    /// Knows nothing yet.
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            known: Mutex::default(),
        }
    }

    fn remembered(&self, id: &str, now: Instant) -> Option<Owner> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, owner) = known.get(id)?;
        (now.duration_since(*at) < REMEMBERED).then(|| owner.clone())
    }

    fn remember(&self, id: &str, owner: &Owner, now: Instant) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED_MAX {
            known.clear();
        }
        known.insert(id.to_owned(), (now, owner.clone()));
    }
}

#[async_trait]
impl Keys for AccountKeys {
    async fn find(&self, access_key_id: &str) -> Result<Option<Owner>, Unavailable> {
        let now = Instant::now();
        if let Some(owner) = self.remembered(access_key_id, now) {
            return Ok(Some(owner));
        }
        // A key that does not exist is not remembered: anybody can invent any number of them.
        let Some(key) = self.store.find_access_key(access_key_id).await? else {
            return Ok(None);
        };
        let owner = Owner {
            account: key.account_name,
            secret: key.secret,
            enabled: key.enabled,
        };
        self.remember(access_key_id, &owner, now);
        Ok(Some(owner))
    }
}
