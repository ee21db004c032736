//! Addresses as members with names, and as the lines that are printed.

use packhorse_core::manifest::Address;
use packhorse_wire::actions::LabelAddress;

/// The members of an address, in the order in which they are asked for.
pub(crate) const MEMBERS: [&str; 10] = [
    "name",
    "company",
    "street1",
    "street2",
    "street3",
    "city",
    "stateOrProvince",
    "postalCode",
    "country",
    "phoneNumber",
];

/// An address; a member that is blank counts as absent.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Members([Option<String>; MEMBERS.len()]);

impl Members {
    /// A member, if there is one.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let at = MEMBERS.iter().position(|member| *member == name)?;
        self.0.get(at)?.as_deref()
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        let at = MEMBERS.iter().position(|member| *member == name);
        if let Some(member) = at.and_then(|at| self.0.get_mut(at)) {
            *member = Some(value.to_owned());
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    /// The members that are there, with their names.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let members = MEMBERS.iter().zip(&self.0);
        members.filter_map(|(name, value)| Some((*name, value.as_deref()?)))
    }

    /// The address as it is printed, one line each.
    pub(crate) fn lines(&self) -> Vec<String> {
        let region = self.get("stateOrProvince");
        let city = self.get("city").unwrap_or_default();
        let place = place(city, region, self.get("postalCode"));
        let lines = [
            self.get("name"),
            self.get("company"),
            self.get("street1"),
            self.get("street2"),
            self.get("street3"),
            Some(place.as_str()),
            self.get("country"),
            self.get("phoneNumber"),
        ];
        lines.into_iter().flatten().map(str::to_owned).collect()
    }
}

impl From<&Address> for Members {
    fn from(address: &Address) -> Self {
        Self([
            given(address.name.clone()),
            given(address.company.clone()),
            given(address.street1.clone()),
            given(address.street2.clone()),
            given(address.street3.clone()),
            given(address.city.clone()),
            given(address.state_or_province.clone()),
            given(address.postal_code.clone()),
            given(address.country.clone()),
            given(address.phone_number.clone()),
        ])
    }
}

impl From<LabelAddress> for Members {
    fn from(address: LabelAddress) -> Self {
        Self([
            given(address.name),
            given(address.company),
            given(address.street1),
            given(address.street2),
            given(address.street3),
            given(address.city),
            given(address.state_or_province),
            given(address.postal_code),
            given(address.country),
            given(address.phone_number),
        ])
    }
}

fn given(text: impl Into<Option<String>>) -> Option<String> {
    text.into().filter(|text| !text.trim().is_empty())
}

/// City, region and code in one line, as the original printed them.
pub(crate) fn place(city: &str, region: Option<&str>, code: Option<&str>) -> String {
    let city = match region {
        Some(region) => format!("{city}, {region}"),
        None => city.to_owned(),
    };
    match code {
        Some(code) => format!("{city} {code}"),
        None => city,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_leave_out_what_is_not_there() {
        let mut address = Members::default();
        assert!(address.is_empty());
        for (name, value) in [("city", "Berlin"), ("name", "A"), ("postalCode", "10115")] {
            address.set(name, value);
        }
        assert_eq!(address.lines(), ["A", "Berlin 10115"]);
        address.set("stateOrProvince", "BE");
        assert_eq!(address.lines(), ["A", "Berlin, BE 10115"]);
    }
}
