//! Rules that need more than one option: customs, service level, countries, strictness; and that
//! the table of options, the reader and the schema agree.

use serde_json::Value as Json;

use super::super::options::{self, Place};
use super::*;

/// For a facility in this country.
fn facility(country: &str) -> Options {
    Options {
        facility: Some(Facility {
            country: Some(country.to_owned()),
            has_image_targets: false,
        }),
        ..Options::default()
    }
}

fn errors(text: &str, options: &Options) -> Vec<Problem> {
    match read_with(text, JobType::Import, options) {
        Ok(_) => Vec::new(),
        Err(mut problems) => {
            problems.retain(Problem::is_error);
            problems
        }
    }
}

const CUSTOMS: &str = "\
customs:
  dataDescription: Tests.
  encryptedData: no
  exportCertifierName: John Doe
  requiresExportLicense: no
  deviceValue: 250.00
  deviceCountryOfOrigin: China
  deviceType: externalStorageDevice
  typeOfExport: return
";

#[test]
fn a_device_that_crosses_a_border_needs_customs() {
    for (from, to, needed) in [
        ("USA", "USA", false),
        ("United States of America", "US", false),
        ("USA", "Germany", true),
        ("Ireland", "Deutschland", false),
        ("Ireland", "CH", true),
        ("Nowhere", "USA", false),
    ] {
        let text = changed("USA", to);
        let without = errors(&text, &facility(from));
        assert_eq!(!without.is_empty(), needed, "{from} {to} {without:?}");
        assert!(
            without
                .iter()
                .all(|p| p.kind == ProblemKind::MissingCustoms)
        );
        assert_eq!(
            errors(&(text + CUSTOMS), &facility(from)),
            [],
            "{from} {to}"
        );
    }
    let said = lines(&errors(&changed("USA", "Japan"), &facility("DE")));
    let expected = "customs: is missing, and the device passes customs on its way from Germany to \
                    Japan; write dataDescription, encryptedData, exportCertifierName, \
                    requiresExportLicense, deviceValue, deviceCountryOfOrigin, deviceType, \
                    typeOfExport, and encryptionClassification when encryptedData is yes, in \
                    indented lines below it";
    assert_eq!(said, [expected]);
}

#[test]
fn each_missing_member_of_customs_is_named() {
    let text = changed("USA", "Japan") + CUSTOMS;
    let text = text
        .replace("encryptedData: no", "encryptedData: yes")
        .replace("  deviceType: externalStorageDevice\n", "")
        .replace("250.00", "much");
    let problems = errors(&text, &facility("DE"));
    let expected = [
        "line 14, column 1: customs.encryptionClassification: is missing; write it, since the \
         device crosses a border",
        "line 14, column 1: customs.deviceType: is missing; write it, since the device crosses a \
         border",
        "line 19, column 16: customs.deviceValue: must be the value in US dollars, such as `250.00`",
    ];
    assert_eq!(lines(&problems), expected);
    let kinds: Vec<ProblemKind> = problems.iter().map(|problem| problem.kind).collect();
    use ProblemKind::{InvalidCustoms, MissingCustoms};
    assert_eq!(kinds, [MissingCustoms, MissingCustoms, InvalidCustoms]);
}

#[test]
fn a_country_that_nobody_knows_is_a_warning_unless_customs_depend_on_it() {
    let text = changed("USA", "Atlantis");
    let said = "line 13, column 12: returnAddress.country: `Atlantis` is no country that is known \
                here; write its English name or its ISO 3166 code";
    assert_eq!(accept(&text).1, [said]);
    let problems = errors(&text, &facility("DE"));
    assert_eq!(problems[0].kind, ProblemKind::InvalidAddress);
    assert_eq!(problems.len(), 1);
}

#[test]
fn expedited_shipping_stays_in_the_country() {
    let text = with("serviceLevel: expeditedShipping\n");
    assert_eq!(errors(&text, &facility("US")), []);
    let abroad = text.replace("USA", "DE").replace("91111", "10115") + CUSTOMS;
    let said = "line 14, column 15: serviceLevel: expeditedShipping is only for addresses in the \
                facility's country, United States of America; write `serviceLevel: standard`";
    assert_eq!(lines(&errors(&abroad, &facility("US"))), [said]);
}

#[test]
fn postal_codes_belong_to_countries() {
    let canada = |code: &str| {
        let there = changed("USA", "Canada").replace("WA", "ON");
        there.replace("91111", code)
    };
    assert_eq!(accept(canada("K1A 0B1")).1, [""; 0]);
    let said = "line 11, column 15: returnAddress.postalCode: `98101` is no postal code of Canada: \
                it has the form `A1A 1A1`";
    assert_eq!(lines(&refuse(canada("98101"))), [said]);
    let none = "  postalCode: 91111\n";
    let emirates = changed("USA", "AE").replace(none, "");
    assert_eq!(accept(emirates).0.common.return_address.postal_code, None);
    let germany = refuse(changed("USA", "DE").replace(none, ""));
    assert_eq!(germany[0].field, "returnAddress.postalCode");
    assert_eq!(germany[0].kind, ProblemKind::MissingField);
}

#[test]
fn a_strict_reader_tolerates_nothing() {
    let strict = Options {
        strict: true,
        ..Options::default()
    };
    assert_eq!(errors(MINIMAL, &strict), []);
    assert_eq!(errors(&with("bucket_name: x"), &Options::default()), []);
    for (text, kind) in [
        (format!("\u{feff}{MINIMAL}"), ProblemKind::Malformed),
        (MINIMAL.replace('\n', "\r\n"), ProblemKind::Malformed),
        (MINIMAL.replace("\n  ", "\n\t"), ProblemKind::Malformed),
        (MINIMAL.replace("\n  ", "\n"), ProblemKind::Malformed),
        (changed("bucket: ", "bucket:"), ProblemKind::Malformed),
        (changed("bucket: ", "bucket:\t"), ProblemKind::Malformed),
        (changed("2.0", "2.0;"), ProblemKind::InvalidField),
        (with("colour: red"), ProblemKind::InvalidField),
        (with("fileSystem: NTFS"), ProblemKind::InvalidField),
        (with("ignore: abc"), ProblemKind::InvalidField),
        (with("prefix: null"), ProblemKind::InvalidField),
        (with("customs: {colour: red}"), ProblemKind::InvalidField),
    ] {
        let problems = errors(&text, &strict);
        assert_eq!(problems.len(), 1, "{text} {problems:?}");
        assert_eq!(problems[0].kind, kind, "{text}");
        assert_eq!(errors(&text, &Options::default()), [], "{text}");
    }
    let doubtful = read_with(
        with("acl: private\nlogBucket: MyLogs"),
        JobType::Import,
        &strict,
    );
    assert_eq!(doubtful.unwrap().warnings.len(), 1);
}

#[test]
fn spans_cover_the_name_or_the_value() {
    let text = "buckt: x\nacl: 'pub'\neraseDevice:maybe\nignore:\n  - 'a(?=b)'\n";
    let problems = read(text, JobType::Import).unwrap_err();
    let mut pieces = Vec::new();
    for Span { start, end } in problems.iter().filter_map(|problem| problem.span) {
        let line = text.lines().nth(start.line - 1).unwrap();
        assert_eq!(start.line, end.line);
        pieces.push(&line[start.column - 1..end.column - 1]);
    }
    assert_eq!(pieces, ["buckt", "'pub'", ":", "maybe", "("]);
}

#[test]
fn the_reader_asks_for_every_option_of_the_table_with_a_wrong_value() {
    // A list of lists of mappings is right for no option.
    for (place, row) in options::all() {
        for (_, kind) in JobKind::WORDS.iter().filter(|(_, kind)| row.is_of(*kind)) {
            let holder = Place::Document.row(place.name());
            if holder.is_some_and(|holder| !holder.is_of(*kind)) {
                continue;
            }
            let value = format!("{}: [[{{a: b}}]]\n", row.name);
            let version = kind.versions().last().map_or("", |version| version.code());
            let base = format!("manifestVersion: {version}\n");
            let glacier = "operations: [{destination: glacier}]\n";
            let text = match place {
                Place::Document if row.name == "manifestVersion" => value,
                Place::Document if row.name == "operations" => base + &value,
                Place::Document if *kind == JobKind::GlacierImport => base + glacier + &value,
                Place::Document => base + &value,
                Place::Operation
                    if *kind == JobKind::GlacierImport && row.name != "destination" =>
                {
                    format!("{base}operations:\n  - destination: glacier\n    {value}")
                }
                Place::Operation => format!("{base}operations:\n  - {value}"),
                other => format!("{base}{}:\n  {value}", other.name()),
            };
            let problems = read(&text, kind.job_type()).unwrap_err();
            let path = |problem: &&Problem| {
                problem.is_error()
                    && problem.message.contains("must")
                    && problem.field.contains(row.name)
            };
            // Without a bucket, 3.0 without operations is an EBS import, as is a wrong destination.
            assert!(
                problems.iter().any(|p| path(&p)),
                "{kind}: {text}{problems:#?}"
            );
        }
    }
}

#[test]
fn the_schema_has_every_option_and_requires_what_the_reader_requires() {
    let schema = schema();
    for (code, kind) in JobKind::WORDS {
        let definition = &schema["$defs"][code];
        let text = read("x: y", kind.job_type()).unwrap_err();
        for row in Place::Document.rows() {
            let property = &definition["properties"][row.name];
            assert_eq!(
                property.is_object(),
                row.is_of(*kind),
                "{code} {}",
                row.name
            );
            let required = definition["required"].as_array().unwrap();
            let listed = required.iter().any(|name| name == row.name);
            if *kind == JobKind::S3Import || *kind == JobKind::S3Export {
                let asked = text.iter().any(|problem| {
                    problem.field == row.name && problem.kind == ProblemKind::MissingField
                });
                assert_eq!(listed, asked, "{code} {}", row.name);
            }
            if row.is_of(*kind) {
                assert_eq!(property["description"], row.doc);
            }
        }
        assert_eq!(definition["additionalProperties"], Json::Bool(false));
    }
    let set = &schema["$defs"]["s3-export"]["properties"]["operations"]["items"];
    assert_eq!(set["required"], serde_json::json!(["exportBucket"]));
    assert_eq!(set["properties"]["vaultName"], Json::Null);
}

#[test]
fn the_table_is_sound() {
    for place in Place::ALL {
        let mut names: Vec<&str> = place.rows().iter().map(|row| row.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), place.rows().len(), "{place:?}");
    }
    for (_, row) in options::all() {
        assert!(row.doc.ends_with('.'), "{}", row.name);
        assert!(!row.kinds.is_empty(), "{}", row.name);
        let is_asked_for = JobKind::WORDS
            .iter()
            .any(|(_, kind)| row.is_required(*kind));
        assert!(!is_asked_for || !row.what.is_empty(), "{}", row.name);
    }
    assert_eq!(options::secrets(), ["trueCryptPassword", "pinCode"]);
}
