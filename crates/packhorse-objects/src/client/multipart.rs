//! Objects uploaded in parts.

use bytes::Bytes;
use http::Method;

use super::call::Call;
use super::list::{Names, is_truncated, number, required};
use super::object::unquoted;
use super::{Client, Error, Etag, ObjectMeta};
use crate::digest::{BodyDigest, crc32c_text};
use crate::xml::{Element, Writer};

/// The store's name for an upload in progress. It is no secret, but means nothing to people.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct UploadId(pub String);

/// A part that the store has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// 1 to 10,000.
    pub number: u32,
    /// The part's ETag, its MD5 unless encrypted with a foreign key.
    pub etag: Etag,
    /// Its bytes.
    pub size: u64,
}

/// A part as it is named when the upload is completed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompletedPart {
    /// 1 to 10,000.
    pub number: u32,
    /// From the answer to the part, or from the list of parts.
    pub etag: Etag,
    /// The part's CRC32C; sent so that the store compares once more.
    pub crc32c: u32,
}

/// Some parts of an upload, by number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartsPage {
    /// Parts.
    pub parts: Vec<Part>,
    /// Ask again after this number; `None` on the last page.
    pub next: Option<u32>,
}

/// An upload in progress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// The key it will have.
    pub key: String,
    /// Its id.
    pub id: UploadId,
    /// When it began, as the store writes it.
    pub initiated: Option<String>,
}

/// Where the next page of uploads begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadMarker {
    /// Last key of the page before.
    pub key: String,
    /// Last upload of that key.
    pub id: String,
}

/// Some uploads in progress, by key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UploadsPage {
    /// Uploads.
    pub uploads: Vec<Upload>,
    /// Asks for the page after this; `None` on the last.
    pub next: Option<UploadMarker>,
}

impl Client {
    /// Begins an upload whose parts carry CRC32C checksums.
    pub async fn create_multipart_upload(
        &self,
        bucket: &str,
        key: &str,
        meta: &ObjectMeta,
    ) -> Result<UploadId, Error> {
        let mut call = Call::on_object(Method::POST, bucket, key);
        call.query("uploads", "");
        meta.write(&mut call.headers)?;
        call.constant_header("x-amz-checksum-algorithm", "CRC32C");
        let root = self.send_for_xml(call).await?;
        Ok(UploadId(required(&root, "UploadId")?.to_owned()))
    }

    /// Stores one part, confirmed like an object. The same number again replaces the part.
    pub async fn upload_part(
        &self,
        bucket: &str,
        key: &str,
        upload: &UploadId,
        number: u32,
        body: Bytes,
        digest: &BodyDigest,
    ) -> Result<Etag, Error> {
        let mut call = Call::on_object(Method::PUT, bucket, key);
        call.query("partNumber", &number.to_string());
        call.query("uploadId", &upload.0);
        self.send_body(call, body, digest).await
    }

    /// The parts the store has, with numbers above `after`.
    pub async fn list_parts(
        &self,
        bucket: &str,
        key: &str,
        upload: &UploadId,
        after: u32,
    ) -> Result<PartsPage, Error> {
        let mut call = Call::on_object(Method::GET, bucket, key);
        call.query("part-number-marker", &after.to_string());
        call.query("uploadId", &upload.0);
        parts_page(&self.send_for_xml(call).await?)
    }

    /// Makes the object from the parts, which must be in ascending order. Stores may answer 200 and
    /// fail afterwards: such an answer is the error it carries. `None` where the store does not say
    /// what ETag the object has (Ceph 16).
    pub async fn complete_multipart_upload(
        &self,
        bucket: &str,
        key: &str,
        upload: &UploadId,
        parts: &[CompletedPart],
    ) -> Result<Option<Etag>, Error> {
        let mut call = Call::on_object(Method::POST, bucket, key);
        call.query("uploadId", &upload.0);
        call.document(Bytes::from(completion(parts)));
        let root = self.send_for_xml(call).await?;
        let etag = unquoted(root.text_of("ETag").unwrap_or_default());
        Ok(Some(etag).filter(|etag| !etag.is_empty()))
    }

    /// Gives an upload and its parts up.
    pub async fn abort_multipart_upload(
        &self,
        bucket: &str,
        key: &str,
        upload: &UploadId,
    ) -> Result<(), Error> {
        let mut call = Call::on_object(Method::DELETE, bucket, key);
        call.query("uploadId", &upload.0);
        self.send_for_nothing(call).await
    }

    /// Uploads in progress whose keys begin with `prefix`, after `marker`.
    pub async fn list_multipart_uploads(
        &self,
        bucket: &str,
        prefix: &str,
        marker: Option<&UploadMarker>,
    ) -> Result<UploadsPage, Error> {
        let mut call = Call::on_bucket(Method::GET, bucket);
        call.query("encoding-type", "url");
        if let Some(marker) = marker {
            call.query("key-marker", &marker.key);
        }
        if !prefix.is_empty() {
            call.query("prefix", prefix);
        }
        if let Some(marker) = marker {
            call.query("upload-id-marker", &marker.id);
        }
        call.query("uploads", "");
        uploads_page(&self.send_for_xml(call).await?)
    }
}

fn completion(parts: &[CompletedPart]) -> String {
    let mut xml = Writer::new();
    let namespace = " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"";
    xml.with_attributes("CompleteMultipartUpload", namespace, |xml| {
        for part in parts {
            xml.element("Part", |xml| {
                xml.text("PartNumber", &part.number.to_string());
                xml.text("ETag", &format!("\"{}\"", part.etag));
                xml.text("ChecksumCRC32C", &crc32c_text(part.crc32c));
            });
        }
    });
    xml.finish()
}

fn parts_page(root: &Element) -> Result<PartsPage, Error> {
    let parts = root
        .all("Part")
        .map(|part| {
            Ok(Part {
                number: number(part, "PartNumber")?,
                etag: unquoted(required(part, "ETag")?),
                size: number(part, "Size")?,
            })
        })
        .collect::<Result<Vec<Part>, Error>>()?;
    let next = match is_truncated(root) {
        true => Some(number(root, "NextPartNumberMarker")?),
        false => None,
    };
    Ok(PartsPage { parts, next })
}

fn uploads_page(root: &Element) -> Result<UploadsPage, Error> {
    let names = Names::of(root);
    let uploads = root
        .all("Upload")
        .map(|upload| {
            Ok(Upload {
                key: names.read(required(upload, "Key")?)?,
                id: UploadId(required(upload, "UploadId")?.to_owned()),
                initiated: upload.text_of("Initiated").map(str::to_owned),
            })
        })
        .collect::<Result<Vec<Upload>, Error>>()?;
    let next = match is_truncated(root) {
        true => Some(UploadMarker {
            key: names.read(required(root, "NextKeyMarker")?)?,
            id: required(root, "NextUploadIdMarker")?.to_owned(),
        }),
        false => None,
    };
    Ok(UploadsPage { uploads, next })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_every_part_with_its_etag_and_checksum() {
        let document = completion(&[CompletedPart {
            number: 3,
            etag: "e".to_owned(),
            crc32c: 0xe306_9283,
        }]);
        let root = Element::parse(&document).unwrap();
        let part = root.child("Part").unwrap();
        assert_eq!(part.text_of("PartNumber"), Some("3"));
        assert_eq!(part.text_of("ETag"), Some("\"e\""));
        assert_eq!(part.text_of("ChecksumCRC32C"), Some("4waSgw=="));
    }

    #[test]
    fn reads_pages_of_parts_and_uploads() {
        let root = Element::parse(
            "<L><IsTruncated>true</IsTruncated><NextPartNumberMarker>2</NextPartNumberMarker>\
             <Part><PartNumber>2</PartNumber><ETag>\"e\"</ETag><Size>5</Size></Part></L>",
        )
        .unwrap();
        let page = parts_page(&root).unwrap();
        assert_eq!((page.parts.len(), page.next), (1, Some(2)));
        let root = Element::parse(
            "<L><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>\
             <Upload><Key>a%20b</Key><UploadId>u</UploadId></Upload></L>",
        )
        .unwrap();
        let page = uploads_page(&root).unwrap();
        assert_eq!(page.uploads[0].key, "a b");
        assert_eq!(page.next, None);
    }
}
