//! Manifests that the original service accepted.

use super::*;

/// The one its JavaScript client was tested with.
const JAVASCRIPT: &str = "\
manifestVersion: 2.0
generator: AWS ImportExport Web Service Tool 1.0
accessKeyId: AKIAIOSFODNN7EXAMPLE
deviceId: 3QD0T87T
bucket: my-bucket
prefix: imported/
eraseDevice: yes
notificationEmail: john.doe@example.com
serviceLevel: expeditedShipping
returnAddress:
    name: John Doe
    company: Example Corp.
    street1: 123 Any Street
    city: Anytown
    stateOrProvince: WA
    postalCode: 91111
    phoneNumber: 206-555-1000
    country: USA
";

/// The one its .NET client was tested with: version 1.3, a number for the device, `true`.
const DOT_NET: &str = "\
manifestVersion: 1.3
accessKeyId: AKIAIOSFODNN7EXAMPLE
bucket: my-bucket
eraseDevice: true
deviceId: 123
notificationEmail: john.doe@example.com
returnAddress:
   name: Amazon.com ATTN:Joe Random
   street1: 123 Any Street
   city: Anytown
   stateOrProvince: WA
   postalCode: 91111
   phoneNumber: 206-555-1000
   country: USA
";

/// The other one of the .NET client.
const DOT_NET_EXPORT: &str = "\
manifestVersion: 1.2
accessKeyId: AKIAIOSFODNN7EXAMPLE
deviceId: 532404500021
logBucket: my-bucket
logPrefix: logs/
fileSystem: NTFS
pinCode: 1234
operations:
    - exportBucket: my-bucket
notificationEmail: john.doe@example.com
returnAddress:
   name: Amazon.com ATTN:Joe Random
   street1: 123 Any Street
   city: Anytown
   stateOrProvince: WA
   postalCode: 91111
   phoneNumber: 206-555-1000
   country: USA
";

/// What the command line's reference shows for create-job: a `;`, an address that is not indented.
const COMMAND_LINE: &str = "\
manifestVersion: 2.0;
returnAddress:
name: Jane Roe
company: Example Corp.
street1: 123 Any Street
city: Anytown
stateOrProvince: WA
postalCode: 91011-1111
phoneNumber: 206-555-1111
country: USA
deviceId: 49382
eraseDevice: yes
notificationEmail: john.doe@example.com;jane.roe@example.com
bucket: myBucket
";

/// What the same reference shows for get-status: no blanks behind colons, empty lines of address.
const STATUS: &str = "\
manifestVersion:2.0
generator:Text editor
bucket:myBucket
deviceId:49382
eraseDevice:yes
notificationEmail:john.doe@example.com;jane.roe@example.com
trueCryptPassword:password123
acl:private
serviceLevel:standard
returnAddress:
    name: Jane Roe
    company: Example Corp.
    street1: 123 Any Street
    street2:
    street3:
    city: Anytown
    stateOrProvince: WA
    postalCode: 91011-1111
    country:USA
    phoneNumber:206-555-1111
";

#[test]
fn reads_the_guides_minimal_manifest() {
    let (manifest, warnings) = accept(MINIMAL);
    assert_eq!(warnings, [""; 0]);
    let import = s3_import(manifest.kind.clone());
    assert_eq!(import.bucket.as_str(), "myawsbucket");
    assert!(!import.erase_device);
    assert_eq!(import.headers, ObjectHeaders::default());
    let common = &manifest.common;
    assert_eq!(common.version, ManifestVersion::V2_0);
    assert_eq!(
        common.access_key_id.as_deref(),
        Some("AKIAIOSFODNN7EXAMPLE")
    );
    assert_eq!(common.device_id, "3QD0T87T");
    assert_eq!(common.log_bucket.as_str(), "myawsbucket");
    let address = Address {
        name: "Amazon.com ATTN Joe Random".into(),
        street1: "123 Any Street".into(),
        city: "Anytown".into(),
        state_or_province: Some("WA".into()),
        postal_code: Some("91111".into()),
        phone_number: "555-555-0100".into(),
        country: "USA".into(),
        ..Address::default()
    };
    assert_eq!(common.return_address, address);
    assert_eq!(manifest.extensions, Extensions::default());
}

#[test]
fn reads_the_javascript_clients_manifest() {
    let (manifest, warnings) = accept(JAVASCRIPT);
    assert_eq!(warnings, [ERASE_WARNING]);
    let import = s3_import(manifest.kind.clone());
    assert!(import.erase_device);
    assert_eq!(import.prefix, "imported/");
    let common = manifest.common;
    assert_eq!(common.service_level, ServiceLevel::ExpeditedShipping);
    assert_eq!(common.notification_email, ["john.doe@example.com"]);
}

#[test]
fn reads_the_dot_net_clients_manifests() {
    let (manifest, warnings) = accept(DOT_NET);
    assert_eq!(warnings, [ERASE_WARNING]);
    assert_eq!(manifest.common.version, ManifestVersion::V1_3);
    assert_eq!(manifest.common.device_id, "123");
    let name = &manifest.common.return_address.name;
    assert_eq!(name, "Amazon.com ATTN:Joe Random");
    let (manifest, warnings) = accept_as(DOT_NET_EXPORT, JobType::Export);
    assert_eq!(warnings, [""; 0]);
    assert_eq!(manifest.kind.name(), JobKind::S3Export);
}

#[test]
fn reads_the_command_lines_manifest_and_says_what_is_odd() {
    let (manifest, warnings) = accept(COMMAND_LINE);
    let expected = [
        ERASE_WARNING,
        "line 1, column 18: manifestVersion: the `;` is ignored; write `manifestVersion: 2.0`",
        "line 3, column 1: the line belongs to the option above it and must be indented; read as \
         `  name: Jane Roe` (and 7 more lines like it)",
        "line 14, column 9: bucket: the bucket name `myBucket` is not DNS-compatible; some stores \
         refuse it, and it cannot be part of a host name",
    ];
    assert_eq!(warnings, expected);
    assert_eq!(manifest.common.device_id, "49382");
    assert_eq!(manifest.common.notification_email.len(), 2);
    assert_eq!(manifest.common.return_address.country, "USA");
}

#[test]
fn reads_the_command_lines_quoted_manifest() {
    let quoted = COMMAND_LINE.trim_end().replace('\n', "\n ");
    let (manifest, warnings) = accept(&quoted);
    let hanging = "line 2, column 1: the line is indented although it belongs to nothing; read as \
                   `returnAddress:` (and 12 more lines like it)";
    assert!(
        warnings.iter().any(|warning| warning == hanging),
        "{warnings:#?}"
    );
    assert_eq!(manifest.common.return_address.name, "Jane Roe");
    let wrong = quoted
        .replace("acl", "")
        .replace("eraseDevice: yes", "eraseDevice: y");
    assert_eq!(
        lines(&refuse(wrong)),
        ["line 12, column 15: eraseDevice: must be yes or no, not `y`"]
    );
}

#[test]
fn reads_a_manifest_as_get_status_shows_it() {
    let (manifest, warnings) = accept(STATUS);
    let blank = "line 1, column 16: a blank is missing behind the colon; read as \
                 `manifestVersion: 2.0` (and 10 more lines like it)";
    assert_eq!(warnings[1], blank);
    let password = manifest.common.true_crypt_password.unwrap();
    assert!(password.matches("password123"));
    let address = manifest.common.return_address;
    assert_eq!((address.street2, address.street3), (None, None));
    assert_eq!(address.phone_number, "206-555-1111");
    assert_eq!(address.country, "USA");
    let shown = redact(STATUS);
    assert_eq!(shown, STATUS.replace("password123", "(redacted)"));
}

#[test]
fn a_redacted_manifest_is_not_taken_back_as_it_is() {
    let problems = refuse(redact(STATUS));
    let said = "line 7, column 19: trueCryptPassword: `(redacted)` is what the service shows \
                instead of the value; write the value itself";
    assert_eq!(lines(&problems), [said]);
}

#[test]
fn reads_every_option() {
    let text = with(
        "logBucket: my-log-bucket\nlogPrefix: logs/\ngenerator: 'Text editor'\npinCode: 0123\n\
         prefix: my$COLON$\nsubstitutions:\n  $COLON$: ':'\n  \"b\": \n\
         ignore: ['\\.psd$', \"^backup/\"]\nacl: public-read\ncacheControl: max-age=3600\n\
         contentDisposition: attachment\ncontentLanguage: Spanish\nexpires: tomorrow\n\
         contentTypes:\n  jpg: image/jpeg\n  JPG: image/x-jpeg\n\
         defaultContentType: text/plain\nsetContentEncodingForGzFiles: Yes\n\
         diskTimestampMetadataKey: mtime\nstaticMetadata: {project: 7, Owner: me}\n\
         storageClass: REDUCED_REDUNDANCY\ncustoms:\n  dataDescription: Tests.\n  \
         encryptedData: no\n  deviceValue: 250.00\n\
         packhorse:\n  skipJunk: yes\n  preserveMetadata: TRUE\n  \
         serverSideEncryption: AES256\n  verify: reread\n  onConflict: keep\n  unlock: ask\n  \
         volume: 2\n  restoreExport: yes\n",
    );
    let (manifest, warnings) = accept(text);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("expires: `tomorrow` is not a date"));
    let common = manifest.common;
    assert_eq!(common.log_bucket.as_str(), "my-log-bucket");
    assert_eq!(common.log_prefix, "logs/");
    assert_eq!(common.generator.as_deref(), Some("Text editor"));
    assert!(common.pin_code.unwrap().matches("0123"));
    let customs = common.customs.unwrap();
    assert_eq!(customs.encrypted_data, Some(false));
    assert_eq!(customs.device_value.as_deref(), Some("250.00"));
    let import = s3_import(manifest.kind);
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(
        import.substitutions.0,
        [pair("$COLON$", ":"), pair("b", "")]
    );
    assert_eq!(import.ignore.find("x/y.psd"), Some("\\.psd$"));
    assert_eq!(import.prefix, "my$COLON$");
    let headers = ObjectHeaders {
        acl: CannedAcl::PublicRead,
        cache_control: Some("max-age=3600".into()),
        content_disposition: Some("attachment".into()),
        content_language: Some("Spanish".into()),
        expires: Some("tomorrow".into()),
        content_types: vec![pair("jpg", "image/jpeg"), pair("JPG", "image/x-jpeg")],
        default_content_type: Some("text/plain".into()),
        set_content_encoding_for_gz_files: true,
        disk_timestamp_metadata_key: Some("mtime".into()),
        static_metadata: vec![pair("project", "7"), pair("Owner", "me")],
        storage_class: StorageClass::ReducedRedundancy,
    };
    assert_eq!(import.headers, headers);
    let extensions = Extensions {
        skip_junk: true,
        preserve_metadata: true,
        server_side_encryption: Some(Encryption::Aes256),
        verify: Verification::Reread,
        on_conflict: ConflictPolicy::Keep,
        unlock: UnlockPolicy::Ask,
        volume: Some(2),
        restore_export: true,
        ..Extensions::default()
    };
    assert_eq!(manifest.extensions, extensions);
}
