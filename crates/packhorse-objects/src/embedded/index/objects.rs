//! Objects: finding, replacing, removing.

use rusqlite::{Connection, OptionalExtension as _, Row};

use super::Changes;
use crate::embedded::acl::CannedAcl;
use crate::embedded::attributes::Attributes;
use crate::embedded::fault::{Code, Fault};
use crate::embedded::files::{BodyId, NewFile};
use crate::embedded::limits::SMALL_BODY_BYTES_MAX;

/// A body that the index does not name yet.
#[derive(Debug)]
pub(crate) enum NewBody {
    /// Short enough for the index itself.
    Small(BodyId, Vec<u8>),
    /// Sealed in its file.
    File(NewFile),
}

/// An object as the index knows it.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) size: u64,
    pub(crate) etag: String,
    /// Milliseconds since 1970.
    pub(crate) modified: i64,
    /// Its body; with parts, the upload they came with.
    pub(crate) body: BodyId,
    /// Zero when stored in one piece.
    pub(crate) parts: u32,
    pub(crate) attributes: Attributes,
}

/// A piece of an object: a body of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) number: u32,
    pub(crate) size: u64,
    pub(crate) body: BodyId,
}

/// What must hold for an object to be stored under a key.
#[derive(Clone, Debug, Default)]
pub(crate) struct Condition {
    /// `If-None-Match: *`
    pub(crate) absent: bool,
    /// `If-Match`
    pub(crate) etag: Option<String>,
}

impl Condition {
    fn check(&self, former: Option<&Object>) -> Result<(), Fault> {
        if self.absent && former.is_some() {
            return Err(Code::PreconditionFailed.into());
        }
        match (&self.etag, former) {
            (None, _) => Ok(()),
            (Some(_), None) => Err(Code::NoSuchKey.into()),
            (Some(etag), Some(former)) if *etag == former.etag => Ok(()),
            (Some(_), Some(_)) => Err(Code::PreconditionFailed.into()),
        }
    }
}

impl Object {
    /// Reads the columns size, etag, modified, body, parts, attributes, which begin at `first`.
    pub(super) fn read(row: &Row<'_>, first: usize) -> Result<Self, rusqlite::Error> {
        Ok(Self {
            size: row.get(first)?,
            etag: row.get(first + 1)?,
            modified: row.get(first + 2)?,
            body: row.get(first + 3)?,
            parts: row.get(first + 4)?,
            attributes: from_json(row, first + 5)?,
        })
    }
}

/// Reads a column of JSON that this store wrote.
pub(super) fn from_json<T: serde::de::DeserializeOwned>(
    row: &Row<'_>,
    column: usize,
) -> Result<T, rusqlite::Error> {
    let text = row.get_ref(column)?.as_str()?;
    serde_json::from_str(text).map_err(|error| {
        let kind = rusqlite::types::Type::Text;
        rusqlite::Error::FromSqlConversionFailure(column, kind, Box::new(error))
    })
}

pub(super) fn to_json<T: serde::Serialize>(value: &T) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(Fault::internal)
}

/// Finds an object.
pub(crate) fn find(db: &Connection, bucket: i64, key: &str) -> Result<Option<Object>, Fault> {
    let mut select = db.prepare_cached(
        "SELECT size, etag, modified, body, parts, attributes FROM objects
         WHERE bucket = ? AND key = ?",
    )?;
    let found = select.query_row((bucket, key.as_bytes()), |row| Object::read(row, 0));
    Ok(found.optional()?)
}

/// The bodies of an object, in order.
fn pieces(db: &Connection, object: &Object) -> Result<Vec<Piece>, Fault> {
    if object.parts == 0 {
        return Ok(vec![Piece {
            number: 1,
            size: object.size,
            body: object.body,
        }]);
    }
    let mut select =
        db.prepare_cached("SELECT number, size, body FROM parts WHERE upload = ? ORDER BY number")?;
    let rows = select.query_map([object.body], |row| {
        Ok(Piece {
            number: row.get(0)?,
            size: row.get(1)?,
            body: row.get(2)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// An object with all that is needed to read it.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) object: Object,
    pub(crate) pieces: Vec<Piece>,
    /// The bytes of those pieces that are in the index, in the order of the pieces.
    pub(crate) small: Vec<Option<Vec<u8>>>,
}

/// Finds an object and its bodies.
pub(crate) fn open(db: &Connection, bucket: i64, key: &str) -> Result<Option<Opened>, Fault> {
    let Some(object) = find(db, bucket, key)? else {
        return Ok(None);
    };
    let pieces = pieces(db, &object)?;
    let small = pieces
        .iter()
        .map(|piece| match piece.size <= SMALL_BODY_BYTES_MAX as u64 {
            true => small_body(db, piece.body),
            false => Ok(None),
        })
        .collect::<Result<_, Fault>>()?;
    Ok(Some(Opened {
        object,
        pieces,
        small,
    }))
}

fn small_body(db: &Connection, id: BodyId) -> Result<Option<Vec<u8>>, Fault> {
    let mut select = db.prepare_cached("SELECT bytes FROM small_bodies WHERE id = ?")?;
    Ok(select.query_row([id], |row| row.get(0)).optional()?)
}

impl Changes<'_> {
    /// Stores an object in one piece, in place of what was under its key.
    pub(crate) fn put_object(
        &mut self,
        bucket: i64,
        key: &str,
        mut object: Object,
        body: NewBody,
        condition: &Condition,
    ) -> Result<(), Fault> {
        object.body = self.add(body)?;
        self.replace_object(bucket, key, &object, condition)
    }

    /// Names an object whose bodies are in the index already.
    pub(super) fn replace_object(
        &mut self,
        bucket: i64,
        key: &str,
        object: &Object,
        condition: &Condition,
    ) -> Result<(), Fault> {
        self.check_bucket(bucket)?;
        let former = find(self.db, bucket, key)?;
        condition.check(former.as_ref())?;
        if let Some(former) = former {
            self.remove_pieces(&former)?;
        }
        let mut insert = self.db.prepare_cached(
            "INSERT OR REPLACE INTO objects
             (bucket, key, size, etag, modified, body, parts, attributes)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )?;
        insert.execute((
            bucket,
            key.as_bytes(),
            object.size,
            &object.etag,
            object.modified,
            object.body,
            object.parts,
            to_json(&object.attributes)?,
        ))?;
        Ok(())
    }

    /// Removes an object; one that is not there counts as removed.
    pub(crate) fn delete_object(&mut self, bucket: i64, key: &str) -> Result<(), Fault> {
        let Some(former) = find(self.db, bucket, key)? else {
            return Ok(());
        };
        self.remove_pieces(&former)?;
        let mut delete = self
            .db
            .prepare_cached("DELETE FROM objects WHERE bucket = ? AND key = ?")?;
        delete.execute((bucket, key.as_bytes()))?;
        Ok(())
    }

    /// Gives an object another ACL.
    pub(crate) fn set_object_acl(
        &mut self,
        bucket: i64,
        key: &str,
        acl: CannedAcl,
    ) -> Result<(), Fault> {
        let mut object = find(self.db, bucket, key)?.ok_or_else(|| Fault::from(Code::NoSuchKey))?;
        object.attributes.acl = acl;
        self.db.execute(
            "UPDATE objects SET attributes = ? WHERE bucket = ? AND key = ?",
            (to_json(&object.attributes)?, bucket, key.as_bytes()),
        )?;
        Ok(())
    }

    fn remove_pieces(&mut self, object: &Object) -> Result<(), Fault> {
        for piece in pieces(self.db, object)? {
            self.remove(piece.body)?;
        }
        if object.parts > 0 {
            let mut delete = self
                .db
                .prepare_cached("DELETE FROM parts WHERE upload = ?")?;
            delete.execute([object.body])?;
        }
        Ok(())
    }
}
