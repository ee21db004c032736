//! What an object is: its type by name, its encoding by its first bytes.

use crate::manifest::ObjectHeaders;

/// What an object is when nothing else tells (guide page "S3examplesofimportmanifest").
pub const DEFAULT_CONTENT_TYPE: &str = "binary/octet-stream";
/// How many bytes of a file [`content`] wants to see.
pub const SNIFF_BYTES: usize = GZIP.len();
/// How every gzip file begins (RFC 1952, 2.3.1).
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// Endings that say no more than that a file is gzip.
const GZIP_ENDINGS: [&str; 2] = [".gz", ".gzip"];

/// The type and encoding of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// `Content-Type`
    pub content_type: String,
    /// `Content-Encoding: gzip`
    pub gzip: bool,
}

/// What the file at `path` is, by its name and its first [`SNIFF_BYTES`] bytes.
pub fn content(headers: &ObjectHeaders, path: &str, first_bytes: &[u8]) -> Content {
    let gzip = headers.set_content_encoding_for_gz_files && first_bytes.starts_with(&GZIP);
    let name = path.rsplit('/').next().unwrap_or(path);
    let bare = GZIP_ENDINGS
        .iter()
        .find_map(|ending| name.strip_suffix(ending));
    let name = if gzip { bare.unwrap_or(name) } else { name };
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    let content_type = extension
        .and_then(|extension| listed(headers, extension).or_else(|| built_in(extension)))
        .or(headers.default_content_type.as_deref())
        .unwrap_or(DEFAULT_CONTENT_TYPE)
        .to_owned();
    Content { content_type, gzip }
}

/// `contentTypes`, in which `jpg` and `JPG` are two.
fn listed<'a>(headers: &'a ObjectHeaders, extension: &str) -> Option<&'a str> {
    let entry = headers
        .content_types
        .iter()
        .find(|(known, _)| known == extension);
    entry.map(|(_, content_type)| content_type.as_str())
}

fn built_in(extension: &str) -> Option<&'static str> {
    mime_guess::from_ext(extension).first_raw()
}
