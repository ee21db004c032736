//! The options of every kind of job.

use crate::bucket::BucketName;
use crate::mapping::KEY_BYTES_MAX;

use super::fields::{Field, Fields};
use super::options::limits::{
    ACCESS_KEY_BYTES_MAX, DEVICE_ID_BYTES_MAX, EMAIL_BYTES_MAX, EMAILS_MAX, GENERATOR_BYTES_MAX,
};
use super::options::{LOG_PREFIX_BYTES_MAX, Place};
use super::problem::{Problem, Problems, shown};
use super::types::{Address, Common, Customs};
use super::words::{JobKind, ManifestVersion, ServiceLevel};
use super::{Facility, address, availability, customs, names, secrets, shipping};

/// The words the original put into WarningMessage when the device will be erased.
pub const ERASE_WARNING: &str = "**** Device will be erased before being returned. ****";

/// What was read of the common options; `None` where there was a problem.
pub(super) struct Partial {
    version: Option<ManifestVersion>,
    access_key_id: Option<String>,
    device_id: Option<String>,
    generator: Option<String>,
    pub(super) log_bucket: Option<BucketName>,
    log_prefix: String,
    notification_email: Vec<String>,
    return_address: Option<Address>,
    service_level: ServiceLevel,
    customs: Option<Customs>,
    true_crypt_password: Option<crate::secret::Secret>,
    pin_code: Option<crate::secret::Secret>,
}

impl Partial {
    /// The whole, when nothing required is missing. The log bucket is the data bucket if none is
    /// given.
    pub(super) fn complete(self, bucket: Option<&BucketName>) -> Option<Common> {
        Some(Common {
            version: self.version?,
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

    /// Whether the data on the device are, or will be, encrypted.
    pub(super) fn is_encrypted(&self) -> bool {
        self.true_crypt_password.is_some() || self.pin_code.is_some()
    }
}

/// Reads the options that every kind of job has, and compares the document with the table.
pub(super) fn read(
    document: &Fields<'_>,
    kind: JobKind,
    version: Option<ManifestVersion>,
    facility: Option<&Facility>,
    problems: &mut Problems,
) -> Partial {
    availability::check(document, kind, version, problems);
    let secret = |name, problems: &mut Problems| {
        let has_it = Place::Document.row(name).is_some_and(|row| row.is_of(kind));
        let read = || secrets::read(document, name, problems);
        has_it.then(read).flatten()
    };
    let return_address = document
        .get(Place::ReturnAddress.name())
        .and_then(|field| address::read(field, kind, problems));
    let customs = document
        .get(Place::Customs.name())
        .and_then(|field| customs::read(field, kind, problems));
    let service_level = document
        .get("serviceLevel")
        .and_then(|field| field.one_of(problems))
        .unwrap_or_default();
    if let (Some(facility), Some(address)) = (facility, &return_address) {
        shipping::check(
            document,
            facility,
            &address.country,
            service_level,
            problems,
        );
    }
    Partial {
        version,
        access_key_id: access_key_id(document, problems),
        device_id: document
            .get("deviceId")
            .and_then(|field| field.not_blank(DEVICE_ID_BYTES_MAX, problems)),
        generator: document
            .get("generator")
            .and_then(|field| field.text(GENERATOR_BYTES_MAX, problems))
            .map(str::to_owned),
        log_bucket: document
            .get("logBucket")
            .and_then(|field| bucket(&field, problems)),
        log_prefix: log_prefix(document, problems).unwrap_or_default(),
        notification_email: document
            .get("notificationEmail")
            .map(|field| emails(&field, problems))
            .unwrap_or_default(),
        return_address,
        service_level,
        customs,
        true_crypt_password: secret("trueCryptPassword", problems),
        pin_code: secret("pinCode", problems),
    }
}

/// `eraseDevice`, with the original's warning when it is yes.
pub(super) fn erase_device(document: &Fields<'_>, problems: &mut Problems) -> Option<bool> {
    let erase = document.get("eraseDevice")?.boolean(problems);
    if erase == Some(true) {
        problems.warn(None, "", ERASE_WARNING);
    }
    erase
}

fn access_key_id(document: &Fields<'_>, problems: &mut Problems) -> Option<String> {
    let field = document.get("accessKeyId")?;
    let text = field.text(ACCESS_KEY_BYTES_MAX, problems)?;
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
    if !plain {
        problems.add(field.wrong("an access key id is letters and digits without blanks"));
    }
    plain.then(|| text.to_owned())
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
            let hint = bucket_hint(text);
            let message = format!("{} cannot be a bucket: {error}{hint}", shown(text));
            problems.add(field.wrong(message));
            None
        }
    }
}

/// What to write instead, as the end of a message: an address is no name, and a letter of another
/// alphabet may look like one that is allowed.
fn bucket_hint(text: &str) -> String {
    let of_address = text.split_once("://").map(|(_, rest)| rest);
    let name = of_address.and_then(|rest| rest.split('/').next());
    match name.filter(|name| BucketName::parse(name).is_ok()) {
        Some(name) => format!("; write the name alone: `{name}`"),
        None => names::foreign_letter(text),
    }
}

fn log_prefix(document: &Fields<'_>, problems: &mut Problems) -> Option<String> {
    let field = document.get("logPrefix")?;
    let text = field.any_text(problems)?;
    if text.len() > LOG_PREFIX_BYTES_MAX {
        problems.add(field.wrong(format!(
            "has {} bytes, at most {LOG_PREFIX_BYTES_MAX} are allowed: the report's key is \
             logPrefix, `import-log-` or `export-log-`, and the job id, together at most \
             {KEY_BYTES_MAX} bytes",
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

/// The problem that a list has more entries than it may.
pub(super) fn too_many(field: &Field<'_>, count: usize, max: usize, what: &str) -> Problem {
    field.wrong(format!("has {count} {what}, at most {max} are allowed"))
}
