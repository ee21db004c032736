//! What the store remembers: keys, sizes, ETags and uploads in progress; no bytes.

use std::collections::BTreeMap;

use md5::{Digest as _, Md5};

/// What is known of an object or a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its bytes.
    pub size: u64,
    /// Its MD5; for an object in parts the MD5 of their MD5s.
    pub md5: [u8; 16],
    /// How many parts it was made of; 0 for one that came whole.
    pub parts: u32,
}

impl Object {
    /// The ETag, without quotes.
    pub fn etag(&self) -> String {
        let mut etag = String::with_capacity(40);
        for byte in self.md5 {
            for nibble in [byte >> 4, byte & 15] {
                etag.push(char::from(b"0123456789abcdef"[usize::from(nibble)]));
            }
        }
        if self.parts > 0 {
            etag.push_str(&format!("-{}", self.parts));
        }
        etag
    }
}

/// An upload in progress.
#[derive(Debug, Default)]
pub struct Upload {
    /// The key it will have.
    pub key: String,
    /// By number.
    pub parts: BTreeMap<u32, Object>,
}

/// One bucket.
#[derive(Debug, Default)]
pub struct Bucket {
    /// By key, in the order of a listing.
    pub objects: BTreeMap<Box<str>, Object>,
    /// By id.
    pub uploads: BTreeMap<u64, Upload>,
}

impl Bucket {
    /// Makes the object of an upload from those of its parts that are named.
    pub fn complete(&mut self, id: u64, numbers: &[u32]) -> Option<(String, Object)> {
        let upload = self.uploads.remove(&id)?;
        let mut whole = Md5::new();
        let mut size = 0;
        for number in numbers {
            let part = upload.parts.get(number)?;
            whole.update(part.md5);
            size += part.size;
        }
        let object = Object {
            size,
            md5: whole.finalize().into(),
            parts: u32::try_from(numbers.len()).ok()?,
        };
        self.objects
            .insert(upload.key.as_str().into(), object.clone());
        Some((upload.key, object))
    }
}

/// Reads the 16 bytes of a `Content-MD5`.
pub fn from_base64(text: &str) -> Option<[u8; 16]> {
    let mut out = Vec::with_capacity(18);
    for group in text.as_bytes().chunks(4) {
        let mut bits = 0u32;
        for byte in group {
            let value = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'a'..=b'z' => byte - b'a' + 26,
                b'0'..=b'9' => byte - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                b'=' => 0,
                _ => return None,
            };
            bits = bits << 6 | u32::from(value);
        }
        out.extend_from_slice(&bits.to_be_bytes()[1..]);
    }
    out.get(..16)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_content_md5() {
        let md5: [u8; 16] = Md5::digest(b"123456789").into();
        assert_eq!(from_base64("JfnnlDI7RTiF9RgfG2JNCw=="), Some(md5));
        assert_eq!(from_base64("?"), None);
    }

    #[test]
    fn an_object_of_parts_has_their_number_in_its_etag() {
        let part = Object {
            size: 5,
            md5: Md5::digest(b"").into(),
            parts: 0,
        };
        let mut bucket = Bucket::default();
        let parts = BTreeMap::from([(1, part.clone()), (2, part)]);
        bucket.uploads.insert(
            1,
            Upload {
                key: "k".into(),
                parts,
            },
        );
        let (_, object) = bucket.complete(1, &[1, 2]).unwrap();
        assert_eq!(object.size, 10);
        assert!(object.etag().ends_with("-2"));
        assert_eq!(bucket.complete(1, &[1]), None);
    }
}
