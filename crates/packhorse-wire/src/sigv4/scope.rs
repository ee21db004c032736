//! When and for what a signature is valid: `20130524/us-east-1/s3/aws4_request`.

use jiff::Timestamp;

use super::TERMINATOR;
use crate::authenticate::AuthError;

/// Longest region or service name accepted; real ones have at most 25 characters.
const WORD_BYTES_MAX: usize = 64;

/// A time as the protocol writes it: `20130524T000000Z`, whole seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AmzDate {
    text: String,
    at: Timestamp,
}

impl AmzDate {
    /// The time in the protocol's form, its fraction cut off.
    pub fn new(at: Timestamp) -> Self {
        Self {
            text: at.strftime("%Y%m%dT%H%M%SZ").to_string(),
            at,
        }
    }

    /// Reads `YYYYMMDDTHHMMSSZ` and nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        let shaped = text.len() == "20130524T000000Z".len()
            && text.bytes().enumerate().all(|(index, byte)| match index {
                8 => byte == b'T',
                15 => byte == b'Z',
                _ => byte.is_ascii_digit(),
            });
        let at = shaped.then(|| text.parse().ok()).flatten()?;
        Some(Self {
            text: text.to_owned(),
            at,
        })
    }

    /// As it stands in `x-amz-date`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The first eight characters: the day of the scope.
    pub fn day(&self) -> &str {
        self.text.get(..8).unwrap_or(&self.text)
    }

    /// The moment.
    pub fn timestamp(&self) -> Timestamp {
        self.at
    }
}

/// The day, region and service that a signing key is derived for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    text: String,
    day_end: usize,
    region_end: usize,
    service_end: usize,
}

impl Scope {
    /// The scope of a request made at `date`.
    pub fn new(date: &AmzDate, region: &str, service: &str) -> Self {
        let text = format!("{}/{region}/{service}/{TERMINATOR}", date.day());
        let day_end = date.day().len();
        let region_end = day_end + 1 + region.len();
        Self {
            text,
            day_end,
            region_end,
            service_end: region_end + 1 + service.len(),
        }
    }

    /// Reads the four words.
    pub fn parse(text: &str) -> Result<Self, AuthError> {
        let malformed = AuthError::Malformed {
            what: "the credential",
            why: "must be KEY-ID/YYYYMMDD/REGION/SERVICE/aws4_request",
        };
        let mut words = text.split('/');
        let (Some(day), Some(region), Some(service), Some(TERMINATOR), None) = (
            words.next(),
            words.next(),
            words.next(),
            words.next(),
            words.next(),
        ) else {
            return Err(malformed);
        };
        let is_day = day.len() == 8 && day.bytes().all(|byte| byte.is_ascii_digit());
        if !is_day || !is_word(region) || !is_word(service) {
            return Err(malformed);
        }
        let region_end = day.len() + 1 + region.len();
        Ok(Self {
            text: text.to_owned(),
            day_end: day.len(),
            region_end,
            service_end: region_end + 1 + service.len(),
        })
    }

    /// All four words with slashes.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// `20130524`
    pub fn day(&self) -> &str {
        self.part(0, self.day_end)
    }

    /// `us-east-1`
    pub fn region(&self) -> &str {
        self.part(self.day_end + 1, self.region_end)
    }

    /// `s3`
    pub fn service(&self) -> &str {
        self.part(self.region_end + 1, self.service_end)
    }

    fn part(&self, start: usize, end: usize) -> &str {
        self.text.get(start..end).unwrap_or_default()
    }
}

/// Whether a region or service is a plain word.
fn is_word(word: &str) -> bool {
    (1..=WORD_BYTES_MAX).contains(&word.len())
        && word
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_read_back_as_it_was_written() {
        let date = AmzDate::parse("20130524T235959Z").unwrap();
        assert_eq!(AmzDate::new(date.timestamp()), date);
        assert_eq!(date.day(), "20130524");
        for bad in [
            "",
            "20130524",
            "20130524T000000",
            "20131324T000000Z",
            "2013-05-24T00:00Z",
        ] {
            assert_eq!(AmzDate::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_scope_knows_its_words() {
        let date = AmzDate::parse("20130524T000000Z").unwrap();
        let scope = Scope::new(&date, "eu-west-1", "IngestionService");
        assert_eq!(
            scope.as_str(),
            "20130524/eu-west-1/IngestionService/aws4_request"
        );
        assert_eq!(Scope::parse(scope.as_str()), Ok(scope.clone()));
        assert_eq!((scope.day(), scope.region()), ("20130524", "eu-west-1"));
        assert_eq!(scope.service(), "IngestionService");
        for bad in [
            "",
            "20130524/r/s",
            "2013052x/r/s/aws4_request",
            "20130524//s/aws4_request",
        ] {
            assert!(Scope::parse(bad).is_err(), "{bad}");
        }
    }
}
