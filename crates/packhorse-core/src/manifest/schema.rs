//! The table of options as a JSON Schema, for editors.

use serde_json::{Map, Value, json};

use super::options::limits::{
    DOLLARS_DIGITS_MAX, HEADER_BYTES_MAX, HEADER_NAME_BYTES_MAX, PATTERN_BYTES_MAX,
    SECRET_BYTES_MAX, VOLUMES_MAX,
};
use super::options::{Need, Place, Row, Shape};
use super::words::{JobKind, Word as _};
use crate::mapping::{KEY_BYTES_MAX, PATTERNS_MAX};

/// A JSON Schema (draft 2020-12) of manifests of every kind.
///
/// It is as strict as a strict reader about names, and never stricter about values. What depends on
/// two options, on a country or on the bytes of a text is left to the reader.
pub fn schema() -> Value {
    let kinds = JobKind::WORDS.iter();
    let references: Vec<Value> = kinds
        .clone()
        .map(|(code, _)| json!({ "$ref": format!("#/$defs/{code}") }))
        .collect();
    let definitions: Map<String, Value> = kinds
        .map(|(code, kind)| ((*code).to_owned(), definition(*kind)))
        .collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Manifest of a Packhorse job",
        "type": "object",
        "anyOf": references,
        "$defs": definitions,
    })
}

fn definition(kind: JobKind) -> Value {
    let mut definition = mapping(Place::Document, kind);
    definition.insert("title".to_owned(), json!(kind.to_string()));
    Value::Object(definition)
}

fn mapping(place: Place, kind: JobKind) -> Map<String, Value> {
    let rows = || place.rows().iter().filter(|row| row.is_of(kind));
    let properties: Map<String, Value> = rows()
        .map(|row| (row.name.to_owned(), property(row, kind)))
        .collect();
    let required = rows().filter(|row| row.is_required(kind));
    let required: Vec<&str> = required.map(|row| row.name).collect();
    let mut mapping = Map::new();
    mapping.insert("type".to_owned(), json!("object"));
    mapping.insert("properties".to_owned(), Value::Object(properties));
    mapping.insert("required".to_owned(), json!(required));
    mapping.insert("additionalProperties".to_owned(), json!(false));
    mapping
}

/// An option. One that may be left out may also stand there without a value.
fn property(row: &Row, kind: JobKind) -> Value {
    let value = value(row.shape, kind);
    let value = match row.is_required(kind) {
        true => value,
        false => json!({ "anyOf": [value, { "type": "null" }] }),
    };
    let mut property = match value {
        Value::Object(members) => members,
        other => Map::from_iter([("const".to_owned(), other)]),
    };
    property.insert("description".to_owned(), json!(row.doc));
    if let Need::Default(default) = row.need {
        property.insert(
            "$comment".to_owned(),
            json!(format!("when left out: {default}")),
        );
    }
    Value::Object(property)
}

fn value(shape: Shape, kind: JobKind) -> Value {
    match shape {
        Shape::Version => version(kind),
        Shape::Text { bytes_max } => text(bytes_max),
        Shape::Characters { max } => text(max),
        Shape::Header => text(HEADER_BYTES_MAX),
        Shape::HeaderName => text(HEADER_NAME_BYTES_MAX),
        Shape::Secret => text(SECRET_BYTES_MAX),
        Shape::Emails => json!({ "type": "string", "pattern": "@" }),
        Shape::Directory => json!({
            "type": ["string", "number"],
            "maxLength": KEY_BYTES_MAX,
            "pattern": "^[^/\\\\][^\\\\]*$",
        }),
        Shape::Bucket => json!({
            "type": ["string", "number"],
            "pattern": "^[A-Za-z0-9._-]{3,255}$",
        }),
        // YAML 1.1 takes yes for a boolean, YAML 1.2 for a text.
        Shape::Boolean => json!({
            "anyOf": [
                { "type": "boolean" },
                {
                    "type": "string",
                    "pattern": "^([Yy][Ee][Ss]|[Nn][Oo]|[Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]);?$",
                },
            ],
        }),
        Shape::Word(codes) => json!({ "enum": codes() }),
        Shape::Volume => json!({
            "type": ["string", "number"],
            "pattern": "^[0-9]{1,3};?$",
            "minimum": 1,
            "maximum": VOLUMES_MAX,
        }),
        Shape::Split => json!({
            "type": "string",
            "pattern": "^ *[0-9]{1,4} *[xX×] *[0-9.]+ *([KkMmGgTtPp][Ii]?)?[Bb]? *;?$",
        }),
        Shape::Dollars => json!({
            "type": ["string", "number"],
            "pattern": format!("^\\$? *[0-9]{{1,{DOLLARS_DIGITS_MAX}}}(\\.[0-9]+)?;?$"),
        }),
        Shape::Patterns => json!({
            "type": "array",
            "items": { "type": ["string", "number", "boolean"], "maxLength": PATTERN_BYTES_MAX },
            "maxItems": PATTERNS_MAX,
        }),
        Shape::Texts {
            value_bytes_max,
            count_max,
            ..
        } => json!({
            "type": "object",
            "additionalProperties": { "anyOf": [text(value_bytes_max), { "type": "null" }] },
            "maxProperties": count_max,
        }),
        Shape::Members(place) => Value::Object(mapping(place, kind)),
        Shape::Entries { of, count_max } => json!({
            "type": "array",
            "items": mapping(of, kind),
            "minItems": 1,
            "maxItems": if kind == JobKind::S3Export { count_max } else { 1 },
        }),
    }
}

/// A text; numbers and booleans are texts as they are written.
fn text(length_max: usize) -> Value {
    json!({ "type": ["string", "number", "boolean"], "maxLength": length_max })
}

/// A version as text, whole or short, or as a number.
fn version(kind: JobKind) -> Value {
    let mut spellings = Vec::new();
    for version in kind.versions() {
        let code = version.code();
        spellings.push(json!(code));
        spellings.extend(code.parse::<f64>().ok().map(|number| json!(number)));
        spellings.extend(code.strip_suffix(".0").map(|short| json!(short)));
    }
    json!({ "enum": spellings })
}
