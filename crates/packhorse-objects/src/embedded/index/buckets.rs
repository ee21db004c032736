//! Buckets: few, so all of them are in memory beside their table.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use rusqlite::{Connection, OptionalExtension as _};

use super::Changes;
use crate::embedded::acl::CannedAcl;
use crate::embedded::fault::{Code, Fault};

/// What AWS allows at most; it also bounds the memory that one account can take.
const BUCKETS_PER_ACCOUNT_MAX: u32 = 1000;

/// A bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bucket {
    pub(crate) id: i64,
    pub(crate) name: String,
    /// Whose it is.
    pub(crate) account: String,
    /// Milliseconds since 1970.
    pub(crate) created: i64,
    pub(crate) acl: CannedAcl,
}

/// All buckets by name.
#[derive(Debug, Default)]
pub(crate) struct Buckets(RwLock<BTreeMap<String, Arc<Bucket>>>);

impl Buckets {
    pub(crate) fn find(&self, name: &str) -> Result<Arc<Bucket>, Fault> {
        let buckets = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let found = buckets.get(name).map(Arc::clone);
        found.ok_or_else(|| Code::NoSuchBucket.into())
    }

    /// Those of one account, by name.
    pub(crate) fn of_account(&self, account: &str) -> Vec<Arc<Bucket>> {
        let buckets = self.0.read().unwrap_or_else(PoisonError::into_inner);
        buckets
            .values()
            .filter(|bucket| bucket.account == account)
            .map(Arc::clone)
            .collect()
    }

    pub(super) fn reload(&self, db: &Connection) -> Result<(), rusqlite::Error> {
        let mut select = db.prepare("SELECT id, name, account, created, acl FROM buckets")?;
        let rows = select.query_map([], |row| {
            let acl: String = row.get(4)?;
            Ok(Bucket {
                id: row.get(0)?,
                name: row.get(1)?,
                account: row.get(2)?,
                created: row.get(3)?,
                // Only names of canned ACLs are ever written.
                acl: CannedAcl::parse(&acl).unwrap_or_default(),
            })
        })?;
        let mut fresh = BTreeMap::new();
        for bucket in rows {
            let bucket = bucket?;
            fresh.insert(bucket.name.clone(), Arc::new(bucket));
        }
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }
}

impl Changes<'_> {
    pub(crate) fn create_bucket(
        &mut self,
        name: &str,
        account: &str,
        acl: CannedAcl,
        now: i64,
    ) -> Result<(), Fault> {
        let owner: Option<String> = self
            .db
            .query_row(
                "SELECT account FROM buckets WHERE name = ?",
                [name],
                |row| row.get(0),
            )
            .optional()?;
        match owner {
            Some(owner) if owner == account => return Err(Code::BucketAlreadyOwnedByYou.into()),
            Some(_) => return Err(Code::BucketAlreadyExists.into()),
            None => {}
        }
        let count: u32 = self.db.query_row(
            "SELECT count(*) FROM buckets WHERE account = ?",
            [account],
            |row| row.get(0),
        )?;
        if count >= BUCKETS_PER_ACCOUNT_MAX {
            return Err(Code::TooManyBuckets.into());
        }
        self.db.execute(
            "INSERT INTO buckets (name, account, created, acl) VALUES (?, ?, ?, ?)",
            (name, account, now, acl.name()),
        )?;
        self.buckets_changed = true;
        Ok(())
    }

    /// Removes a bucket without objects, and its uploads in progress with it.
    pub(crate) fn delete_bucket(&mut self, bucket: i64) -> Result<(), Fault> {
        self.check_bucket(bucket)?;
        let filled = self
            .db
            .prepare_cached("SELECT 1 FROM objects WHERE bucket = ? LIMIT 1")?
            .exists([bucket])?;
        if filled {
            return Err(Code::BucketNotEmpty.into());
        }
        let uploads: Vec<u64> = self
            .db
            .prepare_cached("SELECT id FROM uploads WHERE bucket = ?")?
            .query_map([bucket], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for upload in uploads {
            self.remove_upload(upload)?;
        }
        self.db
            .execute("DELETE FROM buckets WHERE id = ?", [bucket])?;
        self.buckets_changed = true;
        Ok(())
    }

    pub(crate) fn set_bucket_acl(&mut self, bucket: i64, acl: CannedAcl) -> Result<(), Fault> {
        self.check_bucket(bucket)?;
        self.db.execute(
            "UPDATE buckets SET acl = ? WHERE id = ?",
            (acl.name(), bucket),
        )?;
        self.buckets_changed = true;
        Ok(())
    }

    /// The bucket may have been removed since it was looked up.
    pub(super) fn check_bucket(&self, bucket: i64) -> Result<(), Fault> {
        let mut select = self
            .db
            .prepare_cached("SELECT 1 FROM buckets WHERE id = ?")?;
        match select.exists([bucket])? {
            true => Ok(()),
            false => Err(Code::NoSuchBucket.into()),
        }
    }
}
