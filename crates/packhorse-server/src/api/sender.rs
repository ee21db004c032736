//! Who sends a parcel: as the caller says, and where they do not say it, as the manifest does.

use packhorse_core::job::JobType;
use packhorse_core::manifest::{self, Address, Problem, ProblemKind};
use packhorse_wire::fault::Fault;

use crate::postal::Members;

/// Members without which there is no address. The others are not taken from another address: the
/// second line of one street must not follow the first of another.
const ESSENTIAL: [&str; 6] = [
    "name",
    "street1",
    "city",
    "postalCode",
    "country",
    "phoneNumber",
];
/// The manifest around an address that is judged by the manifest's rules.
const AROUND: &str = "manifestVersion: 2.0\nbucket: any-bucket\ndeviceId: any\neraseDevice: no\n\
                      notificationEmail: any@example.com\nreturnAddress:\n";
/// The option that the problems of an address are found under.
const OPTION: &str = "returnAddress";

/// The sender, found usable.
pub(super) struct Sender {
    pub(super) address: Members,
    /// Whether the caller said anything.
    pub(super) given: bool,
    /// What the caller should know.
    pub(super) warnings: Vec<String>,
}

/// Completes what the caller gave with `home`, the manifest's return address, and checks it by the
/// rules of that one.
pub(super) fn of(given: Members, home: &Address) -> Result<Sender, Fault> {
    let home = Members::from(home);
    if given.is_empty() {
        return Ok(Sender {
            address: home,
            given: false,
            warnings: Vec::new(),
        });
    }
    let (address, taken) = completed(given, &home);
    let mut warnings = Vec::new();
    if !taken.is_empty() {
        warnings.push(format!(
            "The sender's address is incomplete; taken from the manifest's returnAddress: {}",
            taken.join(", ")
        ));
    }
    warnings.extend(check(&address)?);
    Ok(Sender {
        address,
        given: true,
        warnings,
    })
}

/// The address with its gaps filled, and what they were filled with.
fn completed(given: Members, home: &Members) -> (Members, Vec<&'static str>) {
    let gaps: Vec<_> = ESSENTIAL
        .into_iter()
        .filter(|name| given.get(name).is_none())
        .collect();
    // A region without its country says nothing, and with another it is wrong.
    let state = (gaps.contains(&"country") && given.get("stateOrProvince").is_none())
        .then_some("stateOrProvince");
    let mut address = given;
    let mut taken = Vec::new();
    for name in gaps.into_iter().chain(state) {
        if let Some(value) = home.get(name) {
            address.set(name, value);
            taken.push(name);
        }
    }
    (address, taken)
}

/// The rules of a sender are those of a manifest's return address, so it is read as one. Gives the
/// warnings.
fn check(address: &Members) -> Result<Vec<String>, Fault> {
    let members = address.iter().map(|(name, value)| {
        // JSON's strings are YAML's double-quoted ones.
        format!("  {name}: {}\n", serde_json::Value::from(value))
    });
    let text = format!("{AROUND}{}", members.collect::<String>());
    let (problems, refused) = match manifest::read(text, JobType::Import) {
        Ok(reading) => (reading.warnings, false),
        Err(problems) => (problems, true),
    };
    let of_address: Vec<&Problem> = problems
        .iter()
        .filter(|problem| problem.field.starts_with(OPTION))
        .collect();
    if !refused {
        return Ok(of_address.into_iter().map(sentence).collect());
    }
    let wrong = of_address
        .into_iter()
        .filter(|p| p.kind != ProblemKind::Warning);
    let wrong: Vec<_> = wrong.map(sentence).collect();
    if wrong.is_empty() {
        tracing::error!("the manifest around an address has become invalid");
        return Err(Fault::internal());
    }
    let headline = "The sender's address is invalid";
    Err(Fault::invalid_address(&format!(
        "{headline}\n{}",
        wrong.join("\n")
    )))
}

/// A problem as the caller knows its member: GetShippingLabel's parameters have the same names.
fn sentence(problem: &Problem) -> String {
    let name = problem.field.trim_start_matches(OPTION);
    format!("{}: {}", name.trim_start_matches('.'), problem.message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home() -> Address {
        let text = format!(
            "{AROUND}  name: Home\n  company: Home Ltd\n  street1: 1 Home Street\n  street2: Rear\n  \
             city: Hometown\n  stateOrProvince: WA\n  postalCode: 98101\n  country: USA\n  \
             phoneNumber: 1\n"
        );
        let reading = manifest::read(text, JobType::Import).unwrap();
        reading.manifest.common.return_address
    }

    fn of_pairs(pairs: &[(&str, &str)]) -> Result<Sender, Fault> {
        let mut given = Members::default();
        for (name, value) in pairs {
            given.set(name, value);
        }
        of(given, &home())
    }

    #[test]
    fn who_says_nothing_sends_from_the_manifests_address() {
        let sender = of_pairs(&[]).unwrap();
        assert!(sender.address == Members::from(&home()) && !sender.given);
        assert_eq!(sender.warnings, Vec::<String>::new());
    }

    #[test]
    fn gaps_are_filled_and_told_but_lines_of_two_streets_are_not_mixed() {
        let sender =
            of_pairs(&[("street1", "9 Other Street"), ("city", "Other \"Town\"")]).unwrap();
        let lines = [
            "Home",
            "9 Other Street",
            "Other \"Town\", WA 98101",
            "USA",
            "1",
        ];
        assert_eq!(sender.address.lines(), lines);
        assert_eq!(
            sender.warnings,
            [
                "The sender's address is incomplete; taken from the manifest's returnAddress: name, \
              postalCode, country, phoneNumber, stateOrProvince"
            ]
        );
    }

    #[test]
    fn a_complete_address_stands_alone() {
        let whole = [
            ("name", "Zoë: # Łódź"),
            ("street1", "Hauptstraße 5"),
            ("city", "東京"),
            ("postalCode", "10115"),
            ("country", "Germany"),
            ("phoneNumber", "+49 30 1"),
        ];
        let sender = of_pairs(&whole).unwrap();
        assert_eq!(sender.warnings, Vec::<String>::new());
        assert_eq!(sender.address.lines()[2], "東京 10115");
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_parameter() {
        for (pairs, member) in [
            (&[("postalCode", "981")][..], "postalCode: "),
            (&[("phoneNumber", "none")], "phoneNumber: "),
            (&[("country", "USA"), ("city", "X")], "stateOrProvince"),
            (&[("city", &"x".repeat(5000))], "city: "),
        ] {
            let fault = of_pairs(pairs).err().unwrap();
            assert_eq!(fault.code().wire(), "InvalidAddressException");
            assert!(fault.message().contains(member), "{}", fault.message());
        }
    }

    #[test]
    fn what_is_doubtful_is_a_warning() {
        let sender = of_pairs(&[("street1", "P.O. Box 7"), ("name", "A")]).unwrap();
        assert!(
            sender.warnings[1].starts_with("street1: "),
            "{:?}",
            sender.warnings
        );
    }
}
