//! Uploads in progress, their parts, and how they become an object.

use md5::{Digest as _, Md5};
use rusqlite::{Connection, OptionalExtension as _, Row};
use serde::{Deserialize, Serialize};

use super::Changes;
use super::objects::{Condition, NewBody, Object, from_json, to_json};
use crate::embedded::attributes::Attributes;
use crate::embedded::checksum::{Algorithm, Coverage};
use crate::embedded::fault::{Code, Fault};
use crate::embedded::files::BodyId;
use crate::embedded::limits::{OBJECT_BYTES_MAX, PART_BYTES_MIN};

/// The checksum that an upload declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Declared {
    pub(crate) algorithm: Algorithm,
    pub(crate) coverage: Coverage,
}

/// An upload in progress.
#[derive(Clone, Debug)]
pub(crate) struct Upload {
    pub(crate) id: BodyId,
    /// What clients know it by.
    pub(crate) token: String,
    /// Milliseconds since 1970.
    pub(crate) initiated: i64,
    pub(crate) attributes: Attributes,
    pub(crate) declared: Option<Declared>,
}

/// A part of an upload.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) number: u32,
    pub(crate) size: u64,
    pub(crate) md5: [u8; 16],
    /// By the upload's algorithm.
    pub(crate) checksum: Option<Vec<u8>>,
    /// Milliseconds since 1970.
    pub(crate) modified: i64,
    pub(crate) body: BodyId,
}

/// A part as a client names it to complete an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedPart {
    pub(crate) number: u32,
    pub(crate) etag: String,
    pub(crate) checksum: Option<Vec<u8>>,
}

/// A wish to complete an upload.
#[derive(Clone, Debug)]
pub(crate) struct Completion {
    pub(crate) parts: Vec<NamedPart>,
    /// The checksum that the object must have.
    pub(crate) expected: Option<(Algorithm, String)>,
    /// The bytes that the object must have.
    pub(crate) expected_size: Option<u64>,
    pub(crate) condition: Condition,
    /// Milliseconds since 1970.
    pub(crate) now: i64,
}

impl Part {
    /// As clients know it, without quotes.
    pub(crate) fn etag(&self) -> String {
        hex::encode(self.md5)
    }

    fn read(row: &Row<'_>) -> Result<Self, rusqlite::Error> {
        Ok(Self {
            number: row.get(0)?,
            size: row.get(1)?,
            md5: row.get(2)?,
            checksum: row.get(3)?,
            modified: row.get(4)?,
            body: row.get(5)?,
        })
    }
}

/// Finds an upload by what a client says of it.
pub(crate) fn find(db: &Connection, bucket: i64, key: &str, token: &str) -> Result<Upload, Fault> {
    let mut select = db.prepare_cached(
        "SELECT id, token, initiated, attributes, checksum FROM uploads
         WHERE token = ? AND bucket = ? AND key = ?",
    )?;
    let found = select.query_row((token, bucket, key.as_bytes()), read_upload);
    found
        .optional()?
        .ok_or_else(|| Fault::from(Code::NoSuchUpload))
}

pub(super) fn read_upload(row: &Row<'_>) -> Result<Upload, rusqlite::Error> {
    let declared = match row.get_ref(4)? {
        rusqlite::types::ValueRef::Null => None,
        _ => Some(from_json(row, 4)?),
    };
    Ok(Upload {
        id: row.get(0)?,
        token: row.get(1)?,
        initiated: row.get(2)?,
        attributes: from_json(row, 3)?,
        declared,
    })
}

/// Parts with numbers above `after`, at most `count`. Also those of a finished object.
pub(crate) fn parts(
    db: &Connection,
    upload: BodyId,
    after: u32,
    count: u32,
) -> Result<Vec<Part>, Fault> {
    let mut select = db.prepare_cached(
        "SELECT number, size, md5, checksum, modified, body FROM parts
         WHERE upload = ? AND number > ? ORDER BY number LIMIT ?",
    )?;
    let rows = select.query_map((upload, after, count), Part::read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

impl Changes<'_> {
    pub(crate) fn create_upload(
        &mut self,
        bucket: i64,
        key: &str,
        upload: &Upload,
    ) -> Result<(), Fault> {
        self.check_bucket(bucket)?;
        let declared = upload.declared.as_ref().map(to_json).transpose()?;
        let mut insert = self.db.prepare_cached(
            "INSERT INTO uploads (id, token, bucket, key, initiated, attributes, checksum)
             VALUES (?, ?, ?, ?, ?, ?, ?)",
        )?;
        insert.execute((
            upload.id,
            &upload.token,
            bucket,
            key.as_bytes(),
            upload.initiated,
            to_json(&upload.attributes)?,
            declared,
        ))?;
        Ok(())
    }

    /// Stores a part, in place of the one with the same number.
    pub(crate) fn put_part(
        &mut self,
        upload: BodyId,
        part: &Part,
        body: NewBody,
    ) -> Result<(), Fault> {
        let open = self
            .db
            .prepare_cached("SELECT 1 FROM uploads WHERE id = ?")?
            .exists([upload])?;
        if !open {
            return Err(Code::NoSuchUpload.into());
        }
        let former: Option<BodyId> = self
            .db
            .prepare_cached("SELECT body FROM parts WHERE upload = ? AND number = ?")?
            .query_row((upload, part.number), |row| row.get(0))
            .optional()?;
        if let Some(former) = former {
            self.remove(former)?;
        }
        let body = self.add(body)?;
        let mut insert = self.db.prepare_cached(
            "INSERT OR REPLACE INTO parts
             (upload, number, size, md5, checksum, modified, body) VALUES (?, ?, ?, ?, ?, ?, ?)",
        )?;
        insert.execute((
            upload,
            part.number,
            part.size,
            part.md5,
            &part.checksum,
            part.modified,
            body,
        ))?;
        Ok(())
    }

    /// Gives an upload up, with all its parts.
    pub(crate) fn remove_upload(&mut self, upload: BodyId) -> Result<(), Fault> {
        for part in parts(self.db, upload, 0, u32::MAX)? {
            self.remove(part.body)?;
        }
        self.db
            .execute("DELETE FROM parts WHERE upload = ?", [upload])?;
        self.db
            .execute("DELETE FROM uploads WHERE id = ?", [upload])?;
        Ok(())
    }

    /// Makes the object; parts that are not named are dropped.
    pub(crate) fn complete_upload(
        &mut self,
        bucket: i64,
        key: &str,
        token: &str,
        completion: &Completion,
    ) -> Result<Object, Fault> {
        let upload = find(self.db, bucket, key, token)?;
        let stored = parts(self.db, upload.id, 0, u32::MAX)?;
        let chosen = choose(&stored, completion)?;
        let object = assemble(&upload, &chosen, completion)?;
        self.replace_object(bucket, key, &object, &completion.condition)?;
        let mut unnamed = stored.iter().filter(|part| {
            chosen
                .binary_search_by_key(&part.number, |part| part.number)
                .is_err()
        });
        unnamed.try_for_each(|part| {
            self.remove(part.body)?;
            self.db.execute(
                "DELETE FROM parts WHERE upload = ? AND number = ?",
                (upload.id, part.number),
            )?;
            Ok::<(), Fault>(())
        })?;
        self.db
            .execute("DELETE FROM uploads WHERE id = ?", [upload.id])?;
        Ok(object)
    }
}

/// The stored parts that a client names, in order; the rules are AWS's.
fn choose<'a>(stored: &'a [Part], completion: &Completion) -> Result<Vec<&'a Part>, Fault> {
    let named = &completion.parts;
    if !named.is_sorted_by(|left, right| left.number < right.number) {
        return Err(Code::InvalidPartOrder.into());
    }
    let chosen = named
        .iter()
        .map(|named| {
            let index = stored
                .binary_search_by_key(&named.number, |part| part.number)
                .map_err(|_| Fault::from(Code::InvalidPart))?;
            stored
                .get(index)
                .filter(|part| part.etag().eq_ignore_ascii_case(&named.etag))
                .filter(|part| {
                    let known = named.checksum.is_some() && part.checksum.is_some();
                    !known || named.checksum == part.checksum
                })
                .ok_or_else(|| Fault::from(Code::InvalidPart))
        })
        .collect::<Result<Vec<&Part>, Fault>>()?;
    let (_, all_but_last) = chosen
        .split_last()
        .ok_or_else(|| Fault::from(Code::MalformedXml))?;
    if all_but_last.iter().any(|part| part.size < PART_BYTES_MIN) {
        return Err(Code::EntityTooSmall.into());
    }
    Ok(chosen)
}

fn assemble(upload: &Upload, parts: &[&Part], completion: &Completion) -> Result<Object, Fault> {
    let size: u64 = parts.iter().map(|part| part.size).sum();
    if size > OBJECT_BYTES_MAX {
        return Err(Code::EntityTooLarge.into());
    }
    if completion
        .expected_size
        .is_some_and(|expected| expected != size)
    {
        return Err(Fault::new(
            Code::InvalidRequest,
            "x-amz-mp-object-size is not the size of the named parts together",
        ));
    }
    let mut attributes = upload.attributes.clone();
    if let Some(declared) = upload.declared {
        let sums: Vec<(Vec<u8>, u64)> = parts
            .iter()
            .map(|part| (part.checksum.clone().unwrap_or_default(), part.size))
            .collect();
        let checksum = declared.algorithm.of_parts(declared.coverage, &sums);
        if let Some((algorithm, value)) = &completion.expected
            && (*algorithm != checksum.algorithm || *value != checksum.value)
        {
            return Err(Code::BadDigest.into());
        }
        attributes.checksum = Some(checksum);
    }
    let mut md5 = Md5::new();
    for part in parts {
        md5.update(part.md5);
    }
    Ok(Object {
        size,
        etag: format!("{}-{}", hex::encode(md5.finalize()), parts.len()),
        modified: completion.now,
        body: upload.id,
        parts: u32::try_from(parts.len()).map_err(Fault::internal)?,
        attributes,
    })
}
