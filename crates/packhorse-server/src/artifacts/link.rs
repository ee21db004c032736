//! Links that nobody can guess and that end by themselves.
//!
//! A token is the HMAC-SHA256 of what it says, and what it says: kind, end, job, access key id.
//! None of these is a secret; without the key of the service nobody can make another that holds.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use packhorse_core::id::JobId;
use sha2::Sha256;

/// How long a link holds: whoever creates a job in the evening prints the next morning. GetStatus
/// gives new ones at any time.
const LIFETIME: SignedDuration = SignedDuration::from_hours(24);
/// Longest token worth decoding; ours have some 120 characters.
const TOKEN_BYTES_MAX: usize = 512;
/// Bytes of an HMAC-SHA256.
const MAC_BYTES: usize = 32;

/// What a link leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Document {
    /// The page that lies in the parcel.
    PackingSlip,
    /// The SIGNATURE file.
    Signature,
    /// A label whose sender is the manifest's return address, printed when it is fetched.
    ShippingLabel,
    /// The label that GetShippingLabel stored in the job's log bucket.
    StoredLabel,
}

impl Document {
    const ALL: [Self; 4] = [
        Self::PackingSlip,
        Self::Signature,
        Self::ShippingLabel,
        Self::StoredLabel,
    ];

    /// The word in tokens.
    fn code(self) -> &'static str {
        match self {
            Self::PackingSlip => "slip",
            Self::Signature => "signature",
            Self::ShippingLabel => "label",
            Self::StoredLabel => "stored-label",
        }
    }

    /// `Description` in an `ArtifactList`.
    pub(super) fn description(self) -> &'static str {
        match self {
            Self::PackingSlip => "Packing slip (PDF): print it and put it into the parcel",
            Self::Signature => "SIGNATURE file: put it into the root folder of the device",
            Self::ShippingLabel | Self::StoredLabel => {
                "Shipping label (PDF): print it and fix it on the parcel"
            }
        }
    }

    /// What the file is called when it is saved.
    pub(super) fn file_name(self, job: &JobId) -> String {
        match self {
            Self::PackingSlip => format!("packing-slip-{job}.pdf"),
            Self::Signature => "SIGNATURE".to_owned(),
            Self::ShippingLabel | Self::StoredLabel => format!("shipping-label-{job}.pdf"),
        }
    }

    /// SIGNATURE is no text to a browser: some add `.txt` to the name of one when they save it.
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Signature => "application/octet-stream",
            Self::PackingSlip | Self::ShippingLabel | Self::StoredLabel => "application/pdf",
        }
    }

    /// Whether a browser shows or saves it.
    pub(super) fn disposition(self) -> &'static str {
        match self {
            Self::Signature => "attachment",
            Self::PackingSlip | Self::ShippingLabel | Self::StoredLabel => "inline",
        }
    }
}

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) document: Document,
    pub(super) job: JobId,
    /// The key that asked for the link: when it is disabled, the link is dead.
    pub(super) access_key_id: String,
    /// Seconds since 1970.
    ends: i64,
}

impl Link {
    pub(super) fn new(
        document: Document,
        job: &JobId,
        access_key_id: &str,
        now: Timestamp,
    ) -> Self {
        Self {
            document,
            job: job.clone(),
            access_key_id: access_key_id.to_owned(),
            ends: now.as_second().saturating_add(LIFETIME.as_secs()),
        }
    }

    /// The token, made of letters that need no escaping in a URL.
    pub(super) fn to_token(&self, key: &[u8; 32]) -> String {
        let Self { job, ends, .. } = self;
        let (code, access_key_id) = (self.document.code(), &self.access_key_id);
        let said = format!("{code}/{ends}/{job}/{access_key_id}");
        let mut bytes = mac(key, said.as_bytes()).finalize().into_bytes().to_vec();
        bytes.extend_from_slice(said.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a token that this key signed and that holds at `now`.
    pub(super) fn from_token(token: &str, key: &[u8; 32], now: Timestamp) -> Option<Self> {
        if token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (tag, said) = bytes.split_at_checked(MAC_BYTES)?;
        // Compares in constant time.
        mac(key, said).verify_slice(tag).ok()?;
        let mut parts = std::str::from_utf8(said).ok()?.splitn(4, '/');
        let code = parts.next()?;
        let link = Self {
            document: Document::ALL.into_iter().find(|d| d.code() == code)?,
            ends: parts.next()?.parse().ok()?,
            job: JobId::parse(parts.next()?).ok()?,
            access_key_id: parts.next()?.to_owned(),
        };
        (now.as_second() < link.ends).then_some(link)
    }
}

fn mac(key: &[u8; 32], said: &[u8]) -> Hmac<Sha256> {
    let mut mac =
        <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(said);
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [7; 32];

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn link() -> Link {
        let job = JobId::parse("AB12CD34").unwrap();
        let now = at("2026-01-01T00:00:00Z");
        Link::new(Document::PackingSlip, &job, "AKIA/with+slash", now)
    }

    #[test]
    fn holds_for_a_day_and_not_a_second_longer() {
        for document in Document::ALL {
            let link = Link { document, ..link() };
            let token = link.to_token(&KEY);
            let read = |now| Link::from_token(&token, &KEY, at(now));
            assert_eq!(read("2026-01-01T23:59:59Z"), Some(link.clone()));
            assert_eq!(read("2026-01-02T00:00:00Z"), None);
        }
    }

    #[test]
    fn one_changed_letter_or_another_key_is_enough() {
        let token = link().to_token(&KEY);
        let now = at("2026-01-01T00:00:00Z");
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        assert!(token.bytes().all(plain), "{token}");
        assert_eq!(Link::from_token(&token, &[8; 32], now), None);
        for at in 0..token.len() {
            let mut forged = token.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).unwrap();
            assert_eq!(Link::from_token(&forged, &KEY, now), None, "{at}");
            assert_eq!(Link::from_token(&token[..at], &KEY, now), None, "{at}");
        }
        for text in ["", "/", "é", "AAAA", &token.repeat(9), &format!("{token}=")] {
            assert_eq!(Link::from_token(text, &KEY, now), None, "{text}");
        }
    }
}
