//! The options of every kind of job.

use crate::bucket::BucketName;
use crate::id;
use crate::secret::Secret;

use super::fields::{Field, Fields};
use super::problem::{ProblemKind, Problems, shown};
use super::types::{Common, ManifestVersion, ServiceLevel};
use super::yaml::Value;
use super::{address, customs};
use crate::mapping::KEY_BYTES_MAX;

/// What stands between `logPrefix` and the job id in a report's key.
const LOG_NAME: &str = "import-log-";
/// An access key id has 20 characters; 128 is the longest any S3-compatible store issues.
const ACCESS_KEY_BYTES_MAX: usize = 128;
/// Longer than any serial number, short enough for a label.
const DEVICE_ID_BYTES_MAX: usize = 256;
/// The name of a program.
const GENERATOR_BYTES_MAX: usize = 1024;
/// The longest address mail can be sent to (RFC 5321, 4.5.3.1.3).
const EMAIL_BYTES_MAX: usize = 254;
/// People told about one job.
const EMAILS_MAX: usize = 50;
/// The longest password TrueCrypt takes is 64 characters; pins are shorter.
const SECRET_BYTES_MAX: usize = 1024;
/// What GetStatus shows instead of a secret, see [`super::redact`].
pub(super) const REDACTED: &str = "(redacted)";

/// A version this service does not load, or one it does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    Known(ManifestVersion),
    /// 3.0: EBS and Glacier imports.
    V3_0,
}

/// What was read of the common options; `None` where there was a problem.
pub(super) struct Partial {
    pub(super) version: Option<Version>,
    pub(super) access_key_id: Option<String>,
    pub(super) device_id: Option<String>,
    pub(super) generator: Option<String>,
    pub(super) log_bucket: Option<BucketName>,
    pub(super) log_prefix: String,
    pub(super) notification_email: Vec<String>,
    pub(super) return_address: Option<super::Address>,
    pub(super) service_level: ServiceLevel,
    pub(super) customs: Option<super::Customs>,
    pub(super) true_crypt_password: Option<Secret>,
    pub(super) pin_code: Option<Secret>,
}

impl Partial {
    /// The whole, when nothing required is missing. The log bucket is the data bucket if none is
    /// given.
    pub(super) fn complete(self, bucket: Option<&BucketName>) -> Option<Common> {
        let Some(Version::Known(version)) = self.version else {
            return None;
        };
        Some(Common {
            version,
            access_key_id: self.access_key_id,
            device_id: self.device_id?,
            generator: self.generator,
            log_bucket: self.log_bucket.or_else(|| bucket.cloned())?,
            log_prefix: self.log_prefix,
            notification_email: self.notification_email,
            return_address: self.return_address?,
            service_level: self.service_level,
            customs: self.customs,
            true_crypt_password: self.true_crypt_password,
            pin_code: self.pin_code,
        })
    }
}

/// Reads the options that every kind of job has.
pub(super) fn read(document: &Fields<'_>, problems: &mut Problems) -> Partial {
    let text = |name, bytes_max, problems: &mut Problems| {
        let field = document.optional(name)?;
        field.text(bytes_max, problems).map(str::to_owned)
    };
    Partial {
        version: version(document, problems),
        access_key_id: access_key_id(document, problems),
        device_id: document
            .required("deviceId", "the serial number on the device", problems)
            .and_then(|field| not_blank(&field, DEVICE_ID_BYTES_MAX, problems)),
        generator: text("generator", GENERATOR_BYTES_MAX, problems),
        log_bucket: document
            .optional("logBucket")
            .and_then(|field| bucket(&field, problems)),
        log_prefix: log_prefix(document, problems).unwrap_or_default(),
        notification_email: document
            .optional("notificationEmail")
            .map(|field| emails(&field, problems))
            .unwrap_or_default(),
        return_address: document
            .required(
                "returnAddress",
                "the address the device goes back to, in indented lines below it",
                problems,
            )
            .and_then(|field| address::read(field, problems)),
        service_level: document
            .optional("serviceLevel")
            .and_then(|field| {
                let allowed = [
                    ("standard", ServiceLevel::Standard),
                    ("expeditedShipping", ServiceLevel::ExpeditedShipping),
                ];
                field.one_of(&allowed, problems)
            })
            .unwrap_or_default(),
        customs: document
            .optional("customs")
            .and_then(|field| customs::read(field, problems)),
        true_crypt_password: secret(document, "trueCryptPassword", problems),
        pin_code: secret(document, "pinCode", problems),
    }
}

fn version(document: &Fields<'_>, problems: &mut Problems) -> Option<Version> {
    let field = document.required("manifestVersion", "`manifestVersion: 2.0`", problems)?;
    let word = field.word(32, problems)?;
    match word {
        "1" | "1.0" => Some(Version::Known(ManifestVersion::V1_0)),
        "1.2" => Some(Version::Known(ManifestVersion::V1_2)),
        "1.3" => Some(Version::Known(ManifestVersion::V1_3)),
        "2" | "2.0" => Some(Version::Known(ManifestVersion::V2_0)),
        "3" | "3.0" => Some(Version::V3_0),
        _ => {
            let written = shown(word);
            problems.add(field.wrong(format!(
                "{written} is not known; allowed: 1.0, 1.2, 1.3, 2.0 (3.0 for EBS and Glacier)"
            )));
            None
        }
    }
}

fn access_key_id(document: &Fields<'_>, problems: &mut Problems) -> Option<String> {
    let field = document.optional("accessKeyId")?;
    let text = field.text(ACCESS_KEY_BYTES_MAX, problems)?;
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
    if !plain {
        problems.add(field.wrong("an access key id is letters and digits without blanks"));
    }
    plain.then(|| text.to_owned())
}

/// A text that is more than blanks.
pub(super) fn not_blank(
    field: &Field<'_>,
    bytes_max: usize,
    problems: &mut Problems,
) -> Option<String> {
    let text = field.text(bytes_max, problems)?;
    if text.trim().is_empty() {
        problems.add(field.wrong("must not be blank"));
        return None;
    }
    Some(text.to_owned())
}

/// A bucket name; one that needs an old store is worth a warning.
pub(super) fn bucket(field: &Field<'_>, problems: &mut Problems) -> Option<BucketName> {
    let text = field.text(KEY_BYTES_MAX, problems)?;
    match BucketName::parse(text) {
        Ok(name) => {
            if !name.is_dns_compatible() {
                let message = format!(
                    "the bucket name {} is not DNS-compatible; some stores refuse it, and it \
                     cannot be part of a host name",
                    shown(text)
                );
                field.warn(problems, message);
            }
            Some(name)
        }
        Err(error) => {
            problems.add(field.wrong(format!("{} cannot be a bucket: {error}", shown(text))));
            None
        }
    }
}

fn log_prefix(document: &Fields<'_>, problems: &mut Problems) -> Option<String> {
    let field = document.optional("logPrefix")?;
    let bytes_max = KEY_BYTES_MAX - LOG_NAME.len() - id::LENGTH;
    let text = field.text(super::MANIFEST_BYTES_MAX, problems)?;
    if text.len() > bytes_max {
        problems.add(field.wrong(format!(
            "has {} bytes, at most {bytes_max} are allowed: the report's key is logPrefix, \
             `{LOG_NAME}` and the job id, together at most {KEY_BYTES_MAX} bytes",
            text.len()
        )));
        return None;
    }
    Some(text.to_owned())
}

fn emails(field: &Field<'_>, problems: &mut Problems) -> Vec<String> {
    let Some(text) = field.text(EMAILS_MAX * (EMAIL_BYTES_MAX + 2), problems) else {
        return Vec::new();
    };
    let parts = text.split(';').map(str::trim).filter(|p| !p.is_empty());
    let addresses: Vec<&str> = parts.collect();
    if addresses.is_empty() || addresses.len() > EMAILS_MAX {
        problems.add(field.wrong(format!(
            "must be 1 to {EMAILS_MAX} mail addresses separated by `;`"
        )));
    }
    for address in addresses.iter().filter(|address| !is_email(address)) {
        problems.add(field.wrong(format!(
            "{} is not a mail address; separate several addresses by `;`",
            shown(address)
        )));
    }
    addresses.into_iter().map(str::to_owned).collect()
}

/// Whether mail could be sent there: `local@domain`, no blanks, no list inside.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let outside = |c: char| c.is_whitespace() || c.is_control() || "@,<>()[]\\\"".contains(c);
    let label = |label: &str| {
        let inside = label.chars().all(|c| c.is_alphanumeric() || c == '-');
        !label.is_empty() && inside && !label.starts_with('-') && !label.ends_with('-')
    };
    !local.is_empty()
        && local.len() <= 64
        && text.len() <= EMAIL_BYTES_MAX
        && !local.contains(outside)
        && domain.split('.').all(label)
}

/// A password or pin. No message about it repeats any of it.
fn secret(document: &Fields<'_>, name: &str, problems: &mut Problems) -> Option<Secret> {
    let field = document.optional(name)?;
    let message = match &field.node.value {
        Value::Scalar { text, .. } if text == REDACTED => format!(
            "`{REDACTED}` is what the service shows instead of the value; write the value itself"
        ),
        Value::Scalar { text, .. } if text.len() > SECRET_BYTES_MAX => {
            format!("is too long, at most {SECRET_BYTES_MAX} bytes are allowed")
        }
        Value::Scalar { text, .. } if text.chars().any(char::is_control) => {
            "contains a control character, perhaps a line break".to_owned()
        }
        Value::Scalar { text, .. } => {
            let plain = "encrypted devices cannot be opened yet: the device must hold a file \
                         system that is not encrypted";
            field.warn(problems, plain);
            return Some(Secret::new(text.as_str()));
        }
        Value::Sequence(_) | Value::Mapping(_) => {
            "must be a text; put it between single quotes".to_owned()
        }
    };
    problems.add(field.wrong(message));
    None
}

/// Says that this facility has no such target yet, once everything else was checked.
pub(super) fn unsupported(document: &Fields<'_>, name: &str, what: &str, problems: &mut Problems) {
    let position = document.optional(name).map(|field| field.node.start);
    problems.add(super::Problem {
        kind: ProblemKind::InvalidField,
        position,
        field: name.to_owned(),
        message: format!(
            "this facility does not take {what}; it takes S3 imports (job type \
             Import, manifestVersion 2.0)"
        ),
    });
}
