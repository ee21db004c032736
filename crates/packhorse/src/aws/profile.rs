//! The two profile files of AWS's tools: INI sections of `name = value`, indented lines nested under
//! the line before.

use std::collections::BTreeMap;

/// What both files say, by profile and by `[services …]` section.
#[derive(Debug, Default)]
pub(super) struct Profiles {
    profiles: BTreeMap<String, Settings>,
    services: BTreeMap<String, Settings>,
}

/// `name` or, for nested lines, `parent.name`.
type Settings = BTreeMap<String, String>;

impl Profiles {
    /// `~/.aws/config`: `[default]`, `[profile NAME]`, `[services NAME]`.
    pub(super) fn add_config(&mut self, text: &str) {
        for (section, settings) in sections(text) {
            match section.split_once(char::is_whitespace) {
                Some(("profile", name)) => merge(&mut self.profiles, name.trim(), settings),
                Some(("services", name)) => merge(&mut self.services, name.trim(), settings),
                Some(_) => {}
                None => merge(&mut self.profiles, &section, settings),
            }
        }
    }

    /// `~/.aws/credentials`: each section is a profile.
    pub(super) fn add_credentials(&mut self, text: &str) {
        for (section, settings) in sections(text) {
            merge(&mut self.profiles, &section, settings);
        }
    }

    /// Whether either file has the profile.
    pub(super) fn has(&self, profile: &str) -> bool {
        self.profiles.contains_key(profile)
    }

    /// A setting of a profile.
    pub(super) fn get(&self, profile: &str, name: &str) -> Option<&str> {
        Some(self.profiles.get(profile)?.get(name)?.as_str())
    }

    /// `endpoint_url` of one service in the `services` section that a profile names.
    pub(super) fn service_endpoint(&self, profile: &str, service: &str) -> Option<&str> {
        let section = self.services.get(self.get(profile, "services")?)?;
        Some(section.get(&format!("{service}.endpoint_url"))?.as_str())
    }
}

fn merge(into: &mut BTreeMap<String, Settings>, name: &str, settings: Settings) {
    into.entry(name.to_owned()).or_default().extend(settings);
}

/// The sections in file order. Lines that mean nothing here are passed over, as AWS's tools do.
fn sections(text: &str) -> Vec<(String, Settings)> {
    let mut sections: Vec<(String, Settings)> = Vec::new();
    let mut parent = String::new();
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        let heading = trimmed
            .strip_prefix('[')
            .and_then(|rest| rest.split(']').next());
        if let Some(heading) = heading {
            sections.push((heading.trim().to_owned(), Settings::new()));
            parent.clear();
            continue;
        }
        let (Some((_, settings)), Some((name, value))) =
            (sections.last_mut(), trimmed.split_once('='))
        else {
            continue;
        };
        let (name, value) = (name.trim(), value.trim());
        let nested = line.starts_with(char::is_whitespace) && !parent.is_empty();
        match nested {
            true => settings.insert(format!("{parent}.{name}"), value.to_owned()),
            false => settings.insert(name.to_owned(), value.to_owned()),
        };
        if !nested {
            // Only a line without a value of its own has lines nested under it.
            parent = if value.is_empty() {
                name.to_owned()
            } else {
                String::new()
            };
        }
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_profiles_and_nested_services() {
        let mut profiles = Profiles::default();
        profiles.add_config(
            "# mine\n[default]\nregion=eu-west-1\nservices = local\ns3 =\n  max = 1\n\n\
             [profile work]\nregion = us-west-2\n[services local]\nimportexport =\n  \
             endpoint_url = http://127.0.0.1:8080\n[sso-session x]\na = b\n",
        );
        profiles.add_credentials("[work]\naws_access_key_id = AK\nregion = eu-north-1\n");
        assert_eq!(profiles.get("default", "region"), Some("eu-west-1"));
        assert_eq!(profiles.get("default", "s3.max"), Some("1"));
        assert_eq!(profiles.get("work", "aws_access_key_id"), Some("AK"));
        assert_eq!(profiles.get("work", "region"), Some("eu-north-1"));
        let endpoint = profiles.service_endpoint("default", "importexport");
        assert_eq!(endpoint, Some("http://127.0.0.1:8080"));
        assert!(!profiles.has("x") && profiles.has("work"));
    }

    #[test]
    fn lines_that_mean_nothing_are_passed_over() {
        let mut profiles = Profiles::default();
        profiles.add_credentials("a = b\n[\n]\nnonsense\n[p]\n= \nname = a=b\n");
        assert_eq!(profiles.get("p", "name"), Some("a=b"));
    }
}
