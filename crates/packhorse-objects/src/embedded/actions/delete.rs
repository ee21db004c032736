//! DeleteObject and DeleteObjects.

use http::StatusCode;

use super::Ask;
use crate::embedded::answer::{Answer, empty, xml};
use crate::embedded::fault::{Code, Fault};
use crate::embedded::limits::{DELETE_KEYS_MAX, KEY_BYTES_MAX};

pub(super) async fn one(ask: &Ask<'_>) -> Result<Answer, Fault> {
    let bucket = ask.bucket_to_write()?;
    if ask.head.headers.contains_key("if-match") {
        return Err(Code::NotImplemented.into());
    }
    let key = ask.key().to_owned();
    ask.store
        .index
        .change(move |changes| changes.delete_object(bucket.id, &key))
        .await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

pub(super) async fn many(mut ask: Ask<'_>) -> Result<Answer, Fault> {
    let bucket = ask.bucket_to_write()?;
    let root = ask
        .document()
        .await?
        .filter(|root| root.name == "Delete")
        .ok_or_else(|| Fault::from(Code::MalformedXml))?;
    let quiet = root.text_of("Quiet") == Some("true");
    let mut keys = Vec::new();
    for object in root.all("Object") {
        let key = object.text_of("Key").filter(|key| !key.is_empty());
        let key = key.ok_or_else(|| Fault::from(Code::MalformedXml))?;
        let version = object.text_of("VersionId").unwrap_or("null");
        if version != "null" || object.child("ETag").is_some() {
            return Err(Code::NotImplemented.into());
        }
        keys.push(key.to_owned());
    }
    if keys.is_empty() || keys.len() > DELETE_KEYS_MAX {
        return Err(Code::MalformedXml.into());
    }
    let (deleted, refused) = ask
        .store
        .index
        .change(move |changes| {
            let (usual, long): (Vec<String>, Vec<String>) =
                keys.into_iter().partition(|key| key.len() <= KEY_BYTES_MAX);
            for key in &usual {
                changes.delete_object(bucket.id, key)?;
            }
            Ok((usual, long))
        })
        .await?;
    Ok(xml("DeleteResult", |xml| {
        for key in deleted.iter().filter(|_| !quiet) {
            xml.element("Deleted", |xml| xml.text("Key", key));
        }
        for key in &refused {
            xml.element("Error", |xml| {
                xml.text("Key", key);
                Fault::from(Code::KeyTooLong).write(xml);
            });
        }
    }))
}
