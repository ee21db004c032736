//! The manifests of the guide and of its clients, and what is wrong with broken ones.

use super::*;

/// The minimal manifest of the guide's page "Examples".
const MINIMAL: &str = "\
manifestVersion: 2.0
bucket: myawsbucket
accessKeyId: AKIAIOSFODNN7EXAMPLE
deviceId: 3QD0T87T
eraseDevice: no
returnAddress:
  name: Amazon.com ATTN Joe Random
  street1: 123 Any Street
  city: Anytown
  stateOrProvince: WA
  postalCode: 91111
  phoneNumber: 555-555-0100
  country: USA
";

fn accept(text: &str) -> (Manifest, Vec<String>) {
    match read(text, JobType::Import) {
        Ok(Reading { manifest, warnings }) => {
            (manifest, warnings.iter().map(ToString::to_string).collect())
        }
        Err(problems) => panic!("{text}\n{problems:#?}"),
    }
}

#[test]
fn reads_the_guides_minimal_manifest() {
    let (manifest, warnings) = accept(MINIMAL);
    assert_eq!(warnings, [""; 0]);
    let Kind::S3Import(import) = &manifest.kind;
    assert_eq!(import.bucket.as_str(), "myawsbucket");
    assert!(!import.erase_device);
    let common = &manifest.common;
    assert_eq!(common.version, ManifestVersion::V2_0);
    assert_eq!(common.log_bucket.as_str(), "myawsbucket");
    assert_eq!(common.device_id, "3QD0T87T");
    assert_eq!(common.return_address.postal_code, "91111");
}
