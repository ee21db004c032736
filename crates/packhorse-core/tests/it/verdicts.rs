//! 2,000 generated manifests keep their verdicts: who changes a rule sees whom it concerns.
//!
//! The manifests come from a fixed sequence of numbers, so a line of `verdicts.txt` names one for
//! ever, as long as the pools below only change together with that file.

use std::fmt::Write as _;
use std::path::Path;

use packhorse_core::manifest::{
    Facility, JobKind, Options, Problem, ProblemKind, Word as _, read_with,
};

const MANIFESTS: usize = 2000;
const RECORDED: &str = include_str!("verdicts.txt");

/// SplitMix64: the same numbers on every machine.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.next() % count as u64).unwrap()
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

/// Lines that are right, for each kind of job; the first of each are required.
const COMMON: &[&str] = &[
    "deviceId: 3QD0T87T",
    "returnAddress:\n  name: Jane\n  street1: 1 Any Street\n  city: Anytown\n  stateOrProvince: \
     WA\n  postalCode: 98101\n  phoneNumber: 206-555-1000\n  country: USA",
];
const IMPORT: &[&str] = &["bucket: my-bucket", "eraseDevice: no"];
const EXPORT: &[&str] = &[
    "fileSystem: EXT4",
    "logBucket: my-log",
    "operations:\n  - exportBucket: my-bucket\n    prefix: a/\n  - exportBucket: other-bucket",
];
const EBS: &[&str] = &[
    "eraseDevice: Yes",
    "logBucket: my-log",
    "operations:\n  - destination: ebs\n    source: device\n    region: us-east-1",
];
const GLACIER: &[&str] = &[
    "eraseDevice: FALSE",
    "logBucket: my-log",
    "operations:\n  - destination: glacier\n    source: device\n    region: us-east-1\n    \
     vaultName: v\n    archiveComment: c",
];
const RIGHT: &[&str] = &[
    "generator: 'x: y'",
    "logPrefix: logs/",
    "notificationEmail: a@example.com;b@example.com",
    "serviceLevel: standard",
    "accessKeyId: AKIAIOSFODNN7EXAMPLE",
    "customs:\n  dataDescription: d\n  encryptedData: no\n  exportCertifierName: n\n  \
     requiresExportLicense: no\n  deviceValue: 1.50\n  deviceCountryOfOrigin: China\n  deviceType: \
     sataDrive\n  typeOfExport: return",
    "prefix: in/",
    "ignore:\n  - '\\.tmp$'",
    "substitutions:\n  \"$C$\": ':'",
    "acl: public-read",
    "contentTypes: {jpg: image/jpeg}",
    "packhorse:\n  skipJunk: yes\n  verify: reread",
    "recoveryDirectory: lost",
    "pinCode: '0123'",
];
const WRONG: &[&str] = &[
    "bucket: other",
    "acl: Private",
    "logBucket: a/b",
    "logPrefix: [a]",
    "notificationEmail: nobody",
    "serviceLevel: expeditedShipping",
    "customs: yes",
    "customs:\n  deviceValue: much",
    "ignore: abc",
    "ignore: ['a(?=b)']",
    "substitutions: {'': x}",
    "packhorse: {skipjunk: yes}",
    "storageclass: STANDARD",
    "colour: red",
    "recoveryDirectory: ../..",
    "fileSystem: EXT5",
    "expires: \"a\\nb\"",
    "staticMetadata: {a b: c}",
    "city: Anytown",
    "targetDirectory: x",
    "prefix: a: b",
    "generator: *x",
    "generator: 'x",
    "pinCode: [1]",
    "setContentEncodingForGzFiles: maybe",
    "?",
    "not an option",
];

/// A manifest: all right, or with some of its lines missing, wrong, changed or badly written.
fn manifest(numbers: &mut Numbers, kind: JobKind) -> String {
    let versions = [
        "2.0", "2.0", "2.0", "1.3", "1.0", "3.0", "2", "4.0", "'2.0'", "2.0;",
    ];
    let required = match kind {
        JobKind::S3Import => IMPORT,
        JobKind::S3Export => EXPORT,
        JobKind::EbsImport => EBS,
        JobKind::GlacierImport => GLACIER,
    };
    let version = match kind {
        JobKind::EbsImport | JobKind::GlacierImport if numbers.below(8) > 0 => "3.0",
        _ if numbers.below(4) == 0 => numbers.pick(&versions),
        _ => "2.0",
    };
    let mut lines = vec![format!("manifestVersion: {version}")];
    lines.extend(required.iter().chain(COMMON).map(|line| (*line).to_owned()));
    for _ in 0..numbers.below(4) {
        let line = numbers.pick(RIGHT);
        if !lines.iter().any(|known| known == line) {
            lines.push(line.to_owned());
        }
    }
    for _ in 0..numbers.below(3) {
        match numbers.below(6) {
            0 => drop(lines.remove(numbers.below(lines.len()))),
            1 | 2 => lines.insert(
                numbers.below(lines.len() + 1),
                numbers.pick(WRONG).to_owned(),
            ),
            3 => {
                let at = numbers.below(lines.len());
                let changed = [
                    ("USA", "Germany"),
                    ("98101", "9810"),
                    ("WA", ""),
                    ("my-bucket", "My_Bucket"),
                    ("us-east-1", "us east"),
                    ("Anytown", "''"),
                    ("no", "n"),
                ];
                let (from, to) = changed[numbers.below(changed.len())];
                lines[at] = lines[at].replace(from, to);
            }
            4 => {
                let at = numbers.below(lines.len());
                let changed = [
                    (": ", ":"),
                    ("\n  ", "\n"),
                    ("  ", "\t"),
                    (":", ""),
                    ("\n  ", "\n "),
                ];
                let (from, to) = changed[numbers.below(changed.len())];
                lines[at] = lines[at].replace(from, to);
            }
            _ => {}
        }
    }
    let text = lines.join("\n") + "\n";
    match numbers.below(40) {
        0 => text.replace('\n', "\r\n"),
        1 => format!("\u{feff}{text}"),
        2 => text.get(..text.len() / 2).unwrap_or(&text).to_owned(),
        _ => text,
    }
}

fn letter(kind: ProblemKind) -> char {
    match kind {
        ProblemKind::Malformed => 'M',
        ProblemKind::MissingField => 'F',
        ProblemKind::InvalidField => 'I',
        ProblemKind::InvalidAddress => 'A',
        ProblemKind::MissingCustoms => 'C',
        ProblemKind::InvalidCustoms => 'c',
        ProblemKind::InvalidFileSystem => 'S',
        ProblemKind::Warning => 'w',
    }
}

/// `F:bucket@0 w@3`: for each problem its kind, option and line.
fn verdict(problems: &[Problem]) -> String {
    let mut verdict = String::new();
    for problem in problems {
        let line = problem.position().map_or(0, |position| position.line);
        let field = match problem.is_error() {
            true => format!(":{}", problem.field),
            false => String::new(),
        };
        write!(verdict, " {}{field}@{line}", letter(problem.kind)).unwrap();
    }
    verdict
}

fn verdicts() -> String {
    let mut numbers = Numbers(2010);
    let mut text = String::new();
    for id in 0..MANIFESTS {
        let (code, kind) = JobKind::WORDS[[0, 0, 0, 1, 1, 2, 3][numbers.below(7)]];
        let manifest = manifest(&mut numbers, kind);
        let country = ["", "", "USA", "USA", "USA", "DE"][numbers.below(6)];
        let options = Options {
            strict: numbers.below(8) == 0,
            facility: (!country.is_empty()).then(|| Facility {
                country: Some(country.to_owned()),
                has_image_targets: country == "USA",
            }),
        };
        let (word, problems) = match read_with(&manifest, kind.job_type(), &options) {
            Ok(reading) => ("ok", reading.warnings),
            Err(problems) => ("no", problems),
        };
        writeln!(text, "{id:04} {code} {word}{}", verdict(&problems)).unwrap();
    }
    text
}

#[test]
fn two_thousand_manifests_keep_their_verdicts() {
    let _alone = crate::bounds::alone();
    let now = verdicts();
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("verdicts.txt");
    std::fs::write(&file, &now).unwrap();
    let changed: Vec<(&str, &str)> = RECORDED
        .lines()
        .zip(now.lines())
        .filter(|(then, now)| then != now)
        .take(20)
        .collect();
    assert!(
        changed.is_empty() && RECORDED == now,
        "if this is meant, copy {} to tests/it: {changed:#?}",
        file.display()
    );
    let valid = now.lines().filter(|line| line.contains(" ok")).count();
    assert!((400..1600).contains(&valid), "{valid} are valid");
}
