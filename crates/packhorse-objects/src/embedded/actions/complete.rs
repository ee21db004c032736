//! CompleteMultipartUpload.

use super::Ask;
use crate::clock;
use crate::embedded::answer::{Answer, checksum_elements, quoted, xml};
use crate::embedded::checksum::Algorithm;
use crate::embedded::fault::{Code, Fault};
use crate::embedded::index::uploads::{Completion, NamedPart};
use crate::embedded::limits::PARTS_MAX;
use crate::uri;
use crate::xml::Element;

pub(super) async fn complete(mut ask: Ask<'_>) -> Result<Answer, Fault> {
    let bucket = ask.bucket_to_write()?;
    let condition = ask.condition()?;
    let expected = expected_checksum(&ask)?;
    let expected_size = match ask.head.header("x-amz-mp-object-size") {
        None => None,
        Some(text) => Some(text.parse().map_err(|_| {
            Fault::new(
                Code::InvalidArgument,
                "x-amz-mp-object-size must be a number",
            )
        })?),
    };
    let root = without_object_checksum(&mut ask).await?;
    let completion = Completion {
        parts: named_parts(&root)?,
        expected,
        expected_size,
        condition,
        now: clock::now().as_millisecond(),
    };
    let key = ask.key().to_owned();
    let token = ask.head.query("uploadId").unwrap_or_default().to_owned();
    let id = bucket.id;
    let object = ask
        .store
        .index
        .change(move |changes| changes.complete_upload(id, &key, &token, &completion))
        .await?;
    let mut location = format!("/{}/", bucket.name);
    uri::encode_path(ask.key(), &mut location);
    Ok(xml("CompleteMultipartUploadResult", |xml| {
        xml.text("Location", &location);
        xml.text("Bucket", &bucket.name);
        xml.text("Key", ask.key());
        xml.text("ETag", &quoted(&object.etag));
        if let Some(checksum) = &object.attributes.checksum {
            checksum_elements(xml, checksum);
        }
    }))
}

/// Here `x-amz-checksum-…` is that of the whole object, perhaps composite, not of the document.
fn expected_checksum(ask: &Ask<'_>) -> Result<Option<(Algorithm, String)>, Fault> {
    let mut given = Algorithm::ALL.into_iter().filter_map(|algorithm| {
        let value = ask.head.header(algorithm.header())?;
        Some((algorithm, value.to_owned()))
    });
    match (given.next(), given.next()) {
        (given, None) => Ok(given),
        (_, Some(_)) => Err(Fault::new(
            Code::InvalidRequest,
            "Expecting a single x-amz-checksum- header",
        )),
    }
}

async fn without_object_checksum(ask: &mut Ask<'_>) -> Result<Element, Fault> {
    for algorithm in Algorithm::ALL {
        ask.head.headers.remove(algorithm.header());
    }
    let root = ask.document().await?;
    root.filter(|root| root.name == "CompleteMultipartUpload")
        .ok_or_else(|| Code::MalformedXml.into())
}

fn named_parts(root: &Element) -> Result<Vec<NamedPart>, Fault> {
    let malformed = || Fault::from(Code::MalformedXml);
    let parts = root
        .all("Part")
        .map(|part| {
            let number = part.text_of("PartNumber").ok_or_else(malformed)?;
            let etag = part.text_of("ETag").ok_or_else(malformed)?;
            Ok(NamedPart {
                number: number.trim().parse().map_err(|_| malformed())?,
                etag: etag.trim().trim_matches('"').to_owned(),
                checksum: named_checksum(part)?,
            })
        })
        .collect::<Result<Vec<NamedPart>, Fault>>()?;
    if parts.is_empty() || parts.len() > PARTS_MAX as usize {
        return Err(malformed());
    }
    Ok(parts)
}

fn named_checksum(part: &Element) -> Result<Option<Vec<u8>>, Fault> {
    for algorithm in Algorithm::ALL {
        if let Some(text) = part.text_of(algorithm.element()) {
            let value = algorithm.decode(text);
            return value.map(Some).ok_or_else(|| Code::InvalidPart.into());
        }
    }
    Ok(None)
}
