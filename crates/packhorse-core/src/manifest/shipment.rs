//! What a parcel's papers say of a manifest, read without the rest: no pattern is compiled and no
//! rule checked that the papers do not need, since they are printed as often as somebody asks.

use crate::bucket::BucketName;
use crate::job::JobType;

use super::fields::Fields;
use super::problem::Problems;
use super::types::Address;
use super::words::JobKind;
use super::yaml::Value;
use super::{common, kind, lenient, text, yaml};

/// What the papers of a job need to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shipment {
    /// `deviceId`.
    pub device_id: String,
    /// Whether an import ends with the device erased; `false` for every other kind of job.
    pub erase_device: bool,
    /// `returnAddress`.
    pub return_address: Address,
    /// Where reports and labels are kept.
    pub log_bucket: BucketName,
    /// `logPrefix`.
    pub log_prefix: String,
}

/// Reads a manifest that was found valid before; `None` when the rules for what is asked for have
/// changed since.
pub fn shipment(manifest: &str, job_type: JobType) -> Option<Shipment> {
    let mut ignored = Problems::default();
    let text = text::decode(manifest.as_bytes(), &mut ignored).ok()?;
    let corrected = lenient::correct(text, &mut ignored).ok()?;
    let tree = yaml::parse(&corrected.text, &corrected.places).ok()?;
    let Value::Mapping(entries) = &tree.root.value else {
        return None;
    };
    let document = Fields::of_document(entries);
    let (kind, version) = kind::decide(&document, job_type, &mut ignored);
    let partial = common::read(&document, kind, version, None, &mut ignored);
    let (bucket, erase_device) = match kind {
        JobKind::S3Import => (
            document
                .get("bucket")
                .and_then(|field| common::bucket(&field, &mut ignored)),
            common::erase_device(&document, &mut ignored)?,
        ),
        JobKind::S3Export | JobKind::EbsImport | JobKind::GlacierImport => (None, false),
    };
    let common = partial.complete(bucket.as_ref())?;
    Some(Shipment {
        device_id: common.device_id,
        erase_device,
        return_address: common.return_address,
        log_bucket: common.log_bucket,
        log_prefix: common.log_prefix,
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Kind, Word as _, read, template};
    use super::*;

    #[test]
    fn the_papers_say_what_the_whole_manifest_says() {
        for (name, kind) in JobKind::WORDS {
            let (text, job_type) = (template(*kind), kind.job_type());
            let whole = read(&text, job_type).unwrap().manifest;
            let shipment = shipment(&text, job_type).unwrap();
            let erases = matches!(&whole.kind, Kind::S3Import(import) if import.erase_device);
            let expected = Shipment {
                device_id: whole.common.device_id,
                erase_device: erases,
                return_address: whole.common.return_address,
                log_bucket: whole.common.log_bucket,
                log_prefix: whole.common.log_prefix,
            };
            assert_eq!(shipment, expected, "{name}");
        }
    }

    #[test]
    fn what_papers_do_not_need_is_not_judged() {
        let text = template(JobKind::S3Import);
        let text = format!("{text}\nignore:\n  - '(((('\n");
        assert!(shipment(&text, JobType::Import).is_some());
        assert_eq!(shipment("", JobType::Import), None);
        assert_eq!(shipment("- a", JobType::Import), None);
        assert_eq!(shipment("deviceId: 1", JobType::Import), None);
    }
}
