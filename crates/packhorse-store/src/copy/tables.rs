//! The tables whose rows are the service's memory, and their rows as values of either database.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;

use crate::database::{Record, Session, Value};
use crate::error::{Error, Result};

/// Rows for one statement. PostgreSQL takes 65,535 values at once, SQLite half of that.
pub(super) const ROWS_AT_ONCE: usize = 200;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Int,
    Text,
    Bytes,
    Flag,
}

/// A table: its name and columns.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) columns: &'static [(&'static str, Kind)],
}

/// All of them but what each database knows of itself (its version, its master key); a table comes
/// after those that it refers to. A test compares this with what the databases say.
pub(super) const TABLES: [Table; 8] = {
    use Kind::{Bytes, Flag, Int, Text};
    [
        Table {
            name: "accounts",
            columns: &[
                ("id", Int),
                ("name", Text),
                ("enabled", Flag),
                ("created_at", Int),
            ],
        },
        Table {
            name: "access_keys",
            columns: &[
                ("seq", Int),
                ("id", Text),
                ("account", Int),
                ("sealed_secret", Bytes),
                ("enabled", Flag),
                ("created_at", Int),
            ],
        },
        Table {
            name: "stations",
            columns: &[("name", Text), ("key_sha256", Bytes), ("created_at", Int)],
        },
        Table {
            name: "jobs",
            columns: &[
                ("seq", Int),
                ("id", Text),
                ("account", Int),
                ("access_key_id", Text),
                ("job_type", Text),
                ("location", Text),
                ("progress", Text),
                ("revision", Int),
                ("created_at", Int),
                ("updated_at", Int),
                ("counts", Text),
                ("log_bucket", Text),
                ("log_key", Text),
                ("epoch", Int),
                ("lease_station", Text),
                ("lease_device", Text),
                ("lease_until", Int),
                ("event_count", Int),
                ("event_link", Bytes),
                ("version", Int),
                ("carrier", Text),
                ("tracking_number", Text),
            ],
        },
        Table {
            name: "locks",
            columns: &[("job", Int), ("reason", Text), ("sealed_password", Bytes)],
        },
        Table {
            name: "revisions",
            columns: &[
                ("job", Int),
                ("revision", Int),
                ("job_type", Text),
                ("access_key_id", Text),
                ("sealed_manifest", Bytes),
                ("at", Int),
            ],
        },
        Table {
            name: "events",
            columns: &[
                ("job", Int),
                ("seq", Int),
                ("at", Int),
                ("actor", Text),
                ("what", Text),
                ("detail", Text),
                ("link", Bytes),
            ],
        },
        Table {
            name: "ended_sessions",
            columns: &[("id", Bytes), ("until", Int)],
        },
    ]
};

/// A value out of a row.
#[derive(Clone, Debug)]
pub(super) enum Cell {
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
    Flag(bool),
}

impl Cell {
    fn of(record: &Record, column: &str, kind: Kind) -> Result<Self> {
        Ok(match kind {
            Kind::Int => Self::Int(record.get(column)?),
            Kind::Text => Self::Text(record.get(column)?),
            Kind::Bytes => Self::Bytes(record.get(column)?),
            Kind::Flag => Self::Flag(record.get(column)?),
        })
    }

    fn value(&self) -> Value<'_> {
        match self {
            Self::Int(value) => Value::Int(*value),
            Self::Text(value) => Value::Text(value.as_deref()),
            Self::Bytes(value) => Value::Bytes(value.as_deref()),
            Self::Flag(value) => Value::Flag(*value),
        }
    }

    fn json(&self) -> Json {
        match self {
            Self::Int(value) => (*value).into(),
            Self::Text(value) => value.as_deref().into(),
            Self::Bytes(value) => value.as_ref().map(|bytes| STANDARD.encode(bytes)).into(),
            Self::Flag(value) => (*value).into(),
        }
    }

    fn from_json(json: &Json, kind: Kind) -> Option<Self> {
        Some(match (kind, json) {
            (Kind::Int, Json::Null) => Self::Int(None),
            (Kind::Int, json) => Self::Int(Some(json.as_i64()?)),
            (Kind::Text, Json::Null) => Self::Text(None),
            (Kind::Text, json) => Self::Text(Some(json.as_str()?.to_owned())),
            (Kind::Bytes, Json::Null) => Self::Bytes(None),
            (Kind::Bytes, json) => Self::Bytes(Some(STANDARD.decode(json.as_str()?).ok()?)),
            (Kind::Flag, json) => Self::Flag(json.as_bool()?),
        })
    }
}

impl Table {
    /// The table of this name.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        TABLES.iter().find(|table| table.name == name)
    }

    fn columns(&self) -> String {
        let names: Vec<_> = self.columns.iter().map(|(name, _)| *name).collect();
        names.join(", ")
    }

    /// All its rows, in no order that matters.
    pub(super) fn select(&self) -> String {
        format!("SELECT {} FROM {}", self.columns(), self.name)
    }

    /// A row out of what [`Table::select`] gives.
    pub(super) fn row(&self, record: &Record) -> Result<Vec<Cell>> {
        let cells = self.columns.iter();
        cells
            .map(|(name, kind)| Cell::of(record, name, *kind))
            .collect()
    }

    /// Inserts rows, at most [`ROWS_AT_ONCE`].
    pub(super) async fn insert(&self, session: &mut Session, rows: &[Vec<Cell>]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let mut sql = format!("INSERT INTO {} ({}) VALUES ", self.name, self.columns());
        let mut number = 0;
        for row in 0..rows.len() {
            sql.push_str(if row == 0 { "(" } else { ", (" });
            for column in 0..self.columns.len() {
                number += 1;
                let comma = if column == 0 { "" } else { ", " };
                write!(sql, "{comma}${number}").map_err(|_| Error::Corrupt("a statement"))?;
            }
            sql.push(')');
        }
        let values: Vec<_> = rows.iter().flatten().map(Cell::value).collect();
        session.execute_made(sql, &values).await.map(drop)
    }

    /// The row as a line of a dump, without the end of the line.
    pub(super) fn line(&self, row: &[Cell]) -> String {
        let names = self.columns.iter().map(|(name, _)| (*name).to_owned());
        let fields: serde_json::Map<_, _> = names.zip(row.iter().map(Cell::json)).collect();
        serde_json::json!({ "table": self.name, "row": fields }).to_string()
    }

    /// The row out of a line of a dump: exactly the table's columns.
    pub(super) fn row_of(&self, fields: &serde_json::Map<String, Json>) -> Option<Vec<Cell>> {
        if fields.len() != self.columns.len() {
            return None;
        }
        let cells = self.columns.iter();
        cells
            .map(|(name, kind)| Cell::from_json(fields.get(*name)?, *kind))
            .collect()
    }
}
