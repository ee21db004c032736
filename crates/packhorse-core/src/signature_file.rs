//! The SIGNATURE file: what a customer puts in the root of a device, and how it is checked.
//!
//! Format 2.0 of the original (guide page "PackingS3Jobs"): four `name:value` lines. The value is
//! HMAC-SHA1 under a server key over account and job id; it never covers the manifest, so a device
//! prepared before an UpdateJob stays valid.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use subtle::ConstantTimeEq;

use crate::id::{AccountId, JobId};

/// The file's name, in the root of the device, in capitals.
pub const FILE_NAME: &str = "SIGNATURE";
/// A SIGNATURE file is under 100 bytes; more than this is something else.
pub const BYTES_MAX: usize = 4096;

/// A signature value: 28 characters of base64 on the wire, compared in constant time.
#[derive(Clone, Debug)]
pub struct Signature([u8; 20]);

impl Signature {
    /// Signs a job (or a dry run, whose id is no [`JobId`]) with the server's key.
    pub fn sign(server_key: &[u8; 32], account: AccountId, job_id: &str) -> Self {
        let mut mac = <Hmac<Sha1> as KeyInit>::new_from_slice(server_key)
            .expect("HMAC takes keys of any length");
        mac.update(format!("packhorse:job:{}\n{job_id}", account.0).as_bytes());
        Self(mac.finalize().into_bytes().into())
    }

    /// Reads the base64 form.
    pub fn parse(text: &str) -> Option<Self> {
        Some(Self(STANDARD.decode(text).ok()?.try_into().ok()?))
    }

    /// The base64 form.
    pub fn to_base64(&self) -> String {
        STANDARD.encode(self.0)
    }

    /// Whether both are the same value.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }

    /// The text of the SIGNATURE file for `job_id`.
    pub fn file_contents(&self, job_id: &str) -> String {
        let value = self.to_base64();
        format!("version:2.0\nsigningMethod:HmacSHA1\njobId:{job_id}\nsignature:{value}")
    }
}

/// What a SIGNATURE file says.
#[derive(Clone, Debug)]
pub struct SignatureFile {
    /// The job it names.
    pub job_id: JobId,
    /// The proof.
    pub signature: Signature,
}

/// Why a SIGNATURE file cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureFileError {
    /// Longer than any SIGNATURE file.
    #[error("the SIGNATURE file has more than {BYTES_MAX} bytes")]
    TooLong,
    /// Not text.
    #[error("the SIGNATURE file is not UTF-8 text")]
    NotText,
    /// A line that is not `name:value`.
    #[error("line {0} of the SIGNATURE file is not of the form name:value")]
    NotAField(usize),
    /// A field is missing.
    #[error("the SIGNATURE file has no {0}")]
    Missing(&'static str),
    /// A field stands twice.
    #[error("the SIGNATURE file has two lines {0}")]
    Twice(&'static str),
    /// A field has a value this server never writes.
    #[error("the SIGNATURE file has an invalid {0}")]
    Invalid(&'static str),
}

impl SignatureFile {
    /// Reads the file: CRLF, blanks around names and values, a final newline or none, a byte order
    /// mark and a job id in lower case are accepted.
    pub fn parse(bytes: &[u8]) -> Result<Self, SignatureFileError> {
        use SignatureFileError::{Invalid, Missing, NotAField, NotText, TooLong, Twice};
        if bytes.len() > BYTES_MAX {
            return Err(TooLong);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| NotText)?;
        const NAMES: [&str; 4] = ["version", "signingMethod", "jobId", "signature"];
        let mut values: [Option<&str>; 4] = [None; 4];
        let text = text.trim_start_matches('\u{feff}');
        for (index, line) in text.lines().enumerate() {
            if line.trim().is_empty() {
                continue;
            }
            let (name, value) = line.split_once(':').ok_or(NotAField(index + 1))?;
            let slot = NAMES
                .iter()
                .zip(&mut values)
                .find(|(known, _)| **known == name.trim());
            let (known, slot) = slot.ok_or(NotAField(index + 1))?;
            if slot.replace(value.trim()).is_some() {
                return Err(Twice(known));
            }
        }
        let [version, method, job_id, signature] = values;
        match version.ok_or(Missing("version"))? {
            "2.0" => {}
            _ => return Err(Invalid("version")),
        }
        match method.ok_or(Missing("signingMethod"))? {
            "HmacSHA1" => {}
            _ => return Err(Invalid("signingMethod")),
        }
        let job_id = JobId::parse(job_id.ok_or(Missing("jobId"))?).map_err(|_| Invalid("jobId"))?;
        let signature = Signature::parse(signature.ok_or(Missing("signature"))?);
        Ok(Self {
            job_id,
            signature: signature.ok_or(Invalid("signature"))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [7; 32];

    fn contents() -> String {
        Signature::sign(&KEY, AccountId(1), "AB12CD34").file_contents("AB12CD34")
    }

    #[test]
    fn a_written_file_is_read_back_in_every_accepted_form() {
        let plain = contents();
        let forms = [
            plain.clone(),
            plain.replace('\n', "\r\n"),
            plain.replace(':', ": "),
            format!("{plain}\n"),
            format!("\u{feff}{plain}\n\n"),
            plain.replace("AB12CD34", "ab12cd34"),
        ];
        for form in forms {
            let file = SignatureFile::parse(form.as_bytes()).unwrap();
            assert_eq!(file.job_id.as_str(), "AB12CD34");
            assert!(
                file.signature
                    .matches(&Signature::sign(&KEY, AccountId(1), "AB12CD34"))
            );
        }
    }

    #[test]
    fn another_job_account_or_key_gives_another_value() {
        let signature = Signature::sign(&KEY, AccountId(1), "AB12CD34");
        assert!(!signature.matches(&Signature::sign(&KEY, AccountId(2), "AB12CD34")));
        assert!(!signature.matches(&Signature::sign(&KEY, AccountId(1), "AB12CD35")));
        assert!(!signature.matches(&Signature::sign(&[8; 32], AccountId(1), "AB12CD34")));
    }

    #[test]
    fn says_what_is_wrong() {
        use SignatureFileError::{Invalid, Missing, NotAField, NotText, TooLong, Twice};
        let plain = contents();
        let check = |text: String, expected| {
            assert_eq!(
                SignatureFile::parse(text.as_bytes()).unwrap_err(),
                expected,
                "{text}"
            );
        };
        check(String::new(), Missing("version"));
        check("hello".into(), NotAField(1));
        check(plain.replace("2.0", "9.9"), Invalid("version"));
        check(plain.replace("HmacSHA1", "none"), Invalid("signingMethod"));
        check(plain.replace("AB12CD34", "AB12"), Invalid("jobId"));
        check(format!("{plain}x"), Invalid("signature"));
        check(format!("{plain}\njobId:AB12CD34"), Twice("jobId"));
        check("x".repeat(5000), TooLong);
        assert_eq!(SignatureFile::parse(b"\xff").unwrap_err(), NotText);
    }
}
