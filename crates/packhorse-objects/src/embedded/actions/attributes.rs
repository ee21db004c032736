//! GetObjectAttributes.

use http::header::LAST_MODIFIED;

use super::Ask;
use super::rights::readable;
use crate::embedded::answer::{Answer, checksum_elements, http_date, set, xml};
use crate::embedded::fault::{Code, Fault};
use crate::embedded::index::objects;

pub(super) async fn get(ask: &Ask<'_>) -> Result<Answer, Fault> {
    let bucket = ask.bucket_to_look()?;
    let (id, key) = (bucket.id, ask.key().to_owned());
    let found = ask
        .store
        .index
        .read(move |db| objects::find(db, id, &key))
        .await?;
    let object = readable(&ask.caller, &bucket, found, |object| object)?;
    let wanted: Vec<&str> = ask
        .head
        .headers
        .get_all("x-amz-object-attributes")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|names| names.split(','))
        .map(str::trim)
        .collect();
    if wanted.is_empty() {
        return Err(Fault::new(
            Code::InvalidArgument,
            "x-amz-object-attributes must name at least one attribute",
        ));
    }
    let mut answer = xml("GetObjectAttributesResponse", |xml| {
        if wanted.contains(&"ETag") {
            xml.text("ETag", &object.etag);
        }
        if let Some(checksum) = &object.attributes.checksum
            && wanted.contains(&"Checksum")
        {
            xml.element("Checksum", |xml| checksum_elements(xml, checksum));
        }
        if wanted.contains(&"ObjectParts") && object.parts > 0 {
            xml.element("ObjectParts", |xml| {
                xml.text("PartsCount", &object.parts.to_string());
            });
        }
        if wanted.contains(&"StorageClass") {
            xml.text("StorageClass", object.attributes.storage_class());
        }
        if wanted.contains(&"ObjectSize") {
            xml.text("ObjectSize", &object.size.to_string());
        }
    });
    let date = http_date(object.modified)?;
    set(answer.headers_mut(), LAST_MODIFIED, &date);
    Ok(answer)
}
