//! GetShippingLabel: a label for the parcel of one or more jobs.

use super::{Action, Answer, Hidden, Pairs, push, push_optional, read_api_version};
use crate::fault::Fault;
use crate::query::Parameters;
use crate::xml::{Element, Error, Members};

/// The request. Its parameters alone are written in lower camel case.
#[derive(Clone, PartialEq, Eq)]
pub struct GetShippingLabel {
    /// The jobs whose devices are in the parcel, as the customer wrote them; at least one.
    pub job_ids: Vec<String>,
    /// Who sends the parcel, as far as given.
    pub address: LabelAddress,
    /// The version of the client tool, free text.
    pub api_version: Option<String>,
}

/// The sender of a parcel; no member is required by the protocol.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct LabelAddress {
    /// A person.
    pub name: Option<String>,
    /// Their company.
    pub company: Option<String>,
    /// With country code.
    pub phone_number: Option<String>,
    /// Name or code.
    pub country: Option<String>,
    /// State, province or county.
    pub state_or_province: Option<String>,
    /// City.
    pub city: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// First line.
    pub street1: Option<String>,
    /// Second line.
    pub street2: Option<String>,
    /// Third line.
    pub street3: Option<String>,
}

/// Without the address.
impl std::fmt::Debug for GetShippingLabel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GetShippingLabel")
            .field("job_ids", &self.job_ids)
            .field("address", &self.address)
            .field("api_version", &self.api_version)
            .finish()
    }
}

/// Addresses are not printed.
impl std::fmt::Debug for LabelAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Hidden.fmt(f)
    }
}

impl LabelAddress {
    fn read(parameters: &Parameters) -> Result<Self, Fault> {
        Ok(Self {
            name: parameters.text("name")?,
            company: parameters.text("company")?,
            phone_number: parameters.text("phoneNumber")?,
            country: parameters.text("country")?,
            state_or_province: parameters.text("stateOrProvince")?,
            city: parameters.text("city")?,
            postal_code: parameters.text("postalCode")?,
            street1: parameters.text("street1")?,
            street2: parameters.text("street2")?,
            street3: parameters.text("street3")?,
        })
    }

    fn push(&self, pairs: &mut Pairs) {
        push_optional(pairs, "name", self.name.as_deref());
        push_optional(pairs, "company", self.company.as_deref());
        push_optional(pairs, "phoneNumber", self.phone_number.as_deref());
        push_optional(pairs, "country", self.country.as_deref());
        push_optional(pairs, "stateOrProvince", self.state_or_province.as_deref());
        push_optional(pairs, "city", self.city.as_deref());
        push_optional(pairs, "postalCode", self.postal_code.as_deref());
        push_optional(pairs, "street1", self.street1.as_deref());
        push_optional(pairs, "street2", self.street2.as_deref());
        push_optional(pairs, "street3", self.street3.as_deref());
    }
}

impl Action for GetShippingLabel {
    const NAME: &'static str = "GetShippingLabel";
    type Answer = GetShippingLabelAnswer;

    fn read(parameters: &Parameters) -> Result<Self, Fault> {
        let job_ids = parameters.list("jobIds")?;
        if job_ids.is_empty() {
            return Err(Fault::missing_job_id("jobIds"));
        }
        Ok(Self {
            job_ids,
            address: LabelAddress::read(parameters)?,
            api_version: read_api_version(parameters)?,
        })
    }

    fn pairs(&self) -> Pairs {
        let mut pairs = Pairs::new();
        for (index, id) in self.job_ids.iter().enumerate() {
            push(&mut pairs, &format!("jobIds.member.{}", index + 1), id);
        }
        self.address.push(&mut pairs);
        push_optional(&mut pairs, "APIVersion", self.api_version.as_deref());
        pairs
    }
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetShippingLabelAnswer {
    /// Where the label is.
    pub shipping_label_url: String,
    /// What the customer should know.
    pub warning: Option<String>,
}

impl Answer for GetShippingLabelAnswer {
    const ACTION: &'static str = GetShippingLabel::NAME;

    fn write(&self, out: &mut Members) {
        out.text("ShippingLabelURL", &self.shipping_label_url);
        out.optional_text("Warning", self.warning.as_deref());
    }

    fn read(element: &Element) -> Result<Self, Error> {
        Ok(Self {
            shipping_label_url: element.required("ShippingLabelURL")?.to_owned(),
            warning: element.optional("Warning"),
        })
    }
}
