//! The decoded parameters of a request.

use std::collections::HashSet;

use super::form::{self, Flaw};
use super::{BODY_BYTES_MAX, NAME_BYTES_MAX, PARAMETERS_MAX};
use crate::fault::Fault;
use crate::percent;
use crate::xml;

/// How a flag may be written, in any case.
const FLAG_WORDS: [(&str, bool); 2] = [("true", true), ("false", false)];

/// Where a parameter stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// In the URL.
    Query,
    /// In the body.
    Body,
}

/// One decoded parameter.
#[derive(Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its name, as sent.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Where it stood.
    pub origin: Origin,
}

/// Names alone: values hold manifests, addresses and signatures.
impl std::fmt::Debug for Parameter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}=({} bytes)", self.name, self.value.len())
    }
}

/// All parameters of a request, in the order sent, the URL's first. No name is there twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    all: Vec<Parameter>,
}

impl Parameters {
    /// Decodes a query string and a form. What is ambiguous (a name given twice) or not decodable
    /// is refused, whether the parameter is known or not.
    pub fn decode(query: &str, body: &[u8]) -> Result<Self, Fault> {
        if body.len() > BODY_BYTES_MAX {
            let text = format!("The body has more than {BODY_BYTES_MAX} bytes");
            return Err(Fault::invalid_request(text));
        }
        let body = std::str::from_utf8(body)
            .map_err(|_| Fault::invalid_request("The body is not UTF-8"))?;
        let query = form::pairs(query).map(|pair| (pair, Origin::Query));
        let body = form::pairs(body).map(|pair| (pair, Origin::Body));
        let mut all: Vec<Parameter> = Vec::new();
        let mut seen = HashSet::new();
        for ((name, value), origin) in query.chain(body) {
            if all.len() == PARAMETERS_MAX {
                let text = format!("The request has more than {PARAMETERS_MAX} parameters");
                return Err(Fault::invalid_request(text));
            }
            let name = decode_name(name)?;
            let value =
                form::decode(value).map_err(|flaw| Fault::invalid_parameter(&name, flaw.text()))?;
            if !seen.insert(name.clone()) {
                return Err(Fault::invalid_parameter(&name, "is given twice"));
            }
            all.push(Parameter {
                name,
                value,
                origin,
            });
        }
        Ok(Self { all })
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Parameter> {
        self.all.iter()
    }

    /// A value as it was sent, empty or not.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.find(name).map(|parameter| parameter.value.as_str())
    }

    /// A whole parameter.
    pub(crate) fn find(&self, name: &str) -> Option<&Parameter> {
        self.all.iter().find(|parameter| parameter.name == name)
    }

    /// A text that an answer may repeat; empty counts as absent.
    pub(crate) fn text(&self, name: &str) -> Result<Option<String>, Fault> {
        let Some(value) = self.get(name).filter(|value| !value.is_empty()) else {
            return Ok(None);
        };
        check_writable(name, value)?;
        Ok(Some(value.to_owned()))
    }

    /// A text that must be there.
    pub(crate) fn required_text(&self, name: &str) -> Result<String, Fault> {
        self.text(name)?
            .ok_or_else(|| Fault::missing_parameter(name))
    }

    /// `true` or `false` in any case; `false` when absent or empty.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, Fault> {
        let Some(value) = self.get(name).filter(|value| !value.is_empty()) else {
            return Ok(false);
        };
        FLAG_WORDS
            .iter()
            .find(|(word, _)| value.eq_ignore_ascii_case(word))
            .map(|(_, flag)| *flag)
            .ok_or_else(|| Fault::invalid_parameter(name, "must be true or false"))
    }

    /// A list, sent as `NAME.member.1`, `NAME.member.2`, …; sorted by number, gaps allowed. An
    /// empty list is sent as `NAME=`.
    pub(crate) fn list(&self, name: &str) -> Result<Vec<String>, Fault> {
        let wrong = || {
            let text = format!("is a list and must be sent as {name}.member.1, {name}.member.2, …");
            Fault::invalid_parameter(name, &text)
        };
        if self.get(name).is_some_and(|value| !value.is_empty()) {
            return Err(wrong());
        }
        let mut members = Vec::new();
        for parameter in &self.all {
            let Some(rest) = parameter.name.strip_prefix(name) else {
                continue;
            };
            let Some(number) = rest.strip_prefix(".member.") else {
                continue;
            };
            let plain = number.bytes().all(|b| b.is_ascii_digit()) && !number.starts_with('0');
            let number: u32 = number.parse().ok().filter(|_| plain).ok_or_else(wrong)?;
            check_writable(&parameter.name, &parameter.value)?;
            members.push((number, parameter.value.clone()));
        }
        members.sort_unstable();
        Ok(members.into_iter().map(|(_, value)| value).collect())
    }

    /// The action asked for: `Action`, its older name `Operation`, or a path that holds
    /// `?Operation=NAME` percent-encoded, as one archived client sends it. Several must agree.
    pub(crate) fn action(&self, path: &str) -> Result<String, Fault> {
        let in_path = operation_in_path(path);
        let given = [
            self.get("Action"),
            self.get("Operation"),
            in_path.as_deref(),
        ];
        let mut names = given.into_iter().flatten();
        let name = names.next().ok_or_else(|| {
            Fault::invalid_action("The request is missing an action: send the parameter Action")
        })?;
        if names.any(|other| other != name) {
            return Err(Fault::invalid_action(
                "Action and Operation name different actions",
            ));
        }
        check_writable("Action", name)?;
        Ok(name.to_owned())
    }
}

fn decode_name(raw: &str) -> Result<String, Fault> {
    let refuse = |text: &str| Err(Fault::invalid_request(format!("A parameter name {text}")));
    match form::decode(raw) {
        Ok(name) if name.len() > NAME_BYTES_MAX => refuse("is longer than 128 bytes"),
        Ok(name) if xml::unwritable(&name).is_some() => refuse("has a control character"),
        Ok(name) => Ok(name),
        Err(flaw @ (Flaw::Percent | Flaw::Utf8)) => refuse(flaw.text()),
    }
}

fn check_writable(name: &str, value: &str) -> Result<(), Fault> {
    let Some((offset, letter)) = xml::unwritable(value) else {
        return Ok(());
    };
    let line = value
        .get(..offset)
        .unwrap_or_default()
        .matches('\n')
        .count()
        + 1;
    let code = u32::from(letter);
    let text = format!("has the character U+{code:04X} in line {line}, which XML cannot carry");
    Err(Fault::invalid_parameter(name, &text))
}

fn operation_in_path(path: &str) -> Option<String> {
    let decoded = percent::decode(path);
    let text = std::str::from_utf8(&decoded).ok()?;
    let (_, query) = text.split_once('?')?;
    let (_, name) = form::pairs(query).find(|(name, _)| *name == "Operation")?;
    Some(name.to_owned())
}
