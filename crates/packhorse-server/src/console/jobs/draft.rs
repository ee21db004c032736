//! A manifest in the making: its source and the same as answers of a form, side by side.
//!
//! Both can be typed into, so a page remembers what each was when it was sent (as digests in hidden
//! fields). What was changed since is what counts; the other side is made of it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use packhorse_core::job::JobType;
use packhorse_core::manifest::JobKind;
use packhorse_core::manifest::form::{self, Answers, Filled};
use sha2::{Digest, Sha256};

use crate::console::form::Fields;

/// In front of the path of an answer in the names of fields.
pub(super) const FIELD_PREFIX: &str = "o.";

/// A manifest in the making.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Draft {
    pub(super) job_type: JobType,
    pub(super) source: String,
    pub(super) answers: Answers,
    /// What the source has that the form cannot show.
    pub(super) unshown: Vec<String>,
    /// Both sides were changed: neither is made of the other until somebody says which counts.
    pub(super) is_torn: bool,
}

impl Draft {
    /// An empty form.
    pub(super) fn new(job_type: JobType) -> Self {
        let kind = kind(job_type, &Answers::new());
        Self::of_source(job_type, form::write(kind, &Answers::new()))
    }

    /// A source, and what it answers; nothing if it cannot be read.
    pub(super) fn of_source(job_type: JobType, source: String) -> Self {
        let Filled { answers, unshown } = form::answers(&source).unwrap_or_default();
        Self {
            job_type,
            source,
            answers,
            unshown,
            is_torn: false,
        }
    }

    /// What was typed.
    pub(super) fn of_fields(fields: &Fields) -> Self {
        let intent = fields.get("intent");
        let sent_type = JobType::parse(fields.get("type")).unwrap_or(JobType::Import);
        let job_type = match intent {
            "type-import" => JobType::Import,
            "type-export" => JobType::Export,
            _ => sent_type,
        };
        let typed = fields.iter().filter(|(_, value)| !value.is_empty());
        let answers: Answers = typed
            .filter_map(|(name, value)| Some((name.strip_prefix(FIELD_PREFIX)?, value)))
            .map(|(path, value)| (path.to_owned(), value.trim_end_matches('\n').to_owned()))
            .collect();
        let source = fields.get("source").to_owned();
        let is_form_new = job_type != sent_type || digest_of(&answers) != fields.get("form_was");
        let is_source_new = digest(&source) != fields.get("source_was");
        match (is_form_new, is_source_new, intent) {
            (_, _, "use-form") | (true, false, _) => Self::of_answers(job_type, answers),
            (_, _, "use-source") | (false, true, _) => {
                let read = Self::of_source(job_type, source);
                match form::answers(&read.source) {
                    Some(_) => read,
                    // What cannot be read says nothing about the form.
                    None => Self { answers, ..read },
                }
            }
            (false, false, _) => Self {
                unshown: form::answers(&source).unwrap_or_default().unshown,
                job_type,
                source,
                answers,
                is_torn: false,
            },
            (true, true, _) => {
                let read = form::answers(&source);
                Self {
                    unshown: Vec::new(),
                    is_torn: read.is_none_or(|read| read.answers != answers),
                    job_type,
                    source,
                    answers,
                }
            }
        }
    }

    fn of_answers(job_type: JobType, mut answers: Answers) -> Self {
        if kind(job_type, &answers).job_type() != job_type {
            answers.remove("manifestVersion");
        }
        let source = form::write(kind(job_type, &answers), &answers);
        Self {
            job_type,
            source,
            answers,
            unshown: Vec::new(),
            is_torn: false,
        }
    }

    /// Which kind of job it is, as far as it says.
    pub(super) fn kind(&self) -> JobKind {
        kind(self.job_type, &self.answers)
    }

    /// What the next page remembers of the form.
    pub(super) fn form_digest(&self) -> String {
        match self.is_torn {
            true => String::new(),
            false => digest_of(&self.answers),
        }
    }

    /// What the next page remembers of the source.
    pub(super) fn source_digest(&self) -> String {
        match self.is_torn {
            true => String::new(),
            false => digest(&self.source),
        }
    }

    /// How many entries a list of the form has.
    pub(super) fn entries(&self, of: &str) -> usize {
        let numbers = self.answers.keys().filter_map(|path| {
            let rest = path.strip_prefix(of)?.strip_prefix('[')?;
            rest.split_once(']')?.0.parse::<usize>().ok()
        });
        numbers.max().map_or(0, |last| last.saturating_add(1))
    }
}

fn kind(job_type: JobType, answers: &Answers) -> JobKind {
    let said = |path: &str| answers.get(path).map(String::as_str);
    let is_image = said("manifestVersion").is_some_and(|version| version.starts_with('3'));
    match (job_type, said("operations[0].destination")) {
        (JobType::Export, _) => JobKind::S3Export,
        (JobType::Import, Some("glacier")) if is_image => JobKind::GlacierImport,
        (JobType::Import, _) if is_image => JobKind::EbsImport,
        (JobType::Import, _) => JobKind::S3Import,
    }
}

fn digest_of(answers: &Answers) -> String {
    let mut text = String::new();
    for (path, answer) in answers.iter().filter(|(_, answer)| !answer.is_empty()) {
        text.push_str(&format!("{path}={}:{answer}\n", answer.len()));
    }
    digest(&text)
}

fn digest(text: &str) -> String {
    // A browser sends a text area without the line end that is its first or only character.
    URL_SAFE_NO_PAD.encode(Sha256::digest(text.trim_end_matches('\n')))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page's form, with `typed` in place of some of its fields.
    fn sent(page: &Draft, typed: &[(&str, &str)]) -> Draft {
        let mut fields = vec![
            ("type".to_owned(), page.job_type.code().to_owned()),
            ("source".to_owned(), page.source.replace('\n', "\r\n")),
            ("form_was".to_owned(), page.form_digest()),
            ("source_was".to_owned(), page.source_digest()),
        ];
        let answers = page.answers.iter();
        fields.extend(answers.map(|(path, text)| (format!("o.{path}"), text.clone())));
        for (name, value) in typed {
            fields.retain(|(known, _)| known != name);
            fields.push(((*name).to_owned(), (*value).to_owned()));
        }
        let mut text = form_urlencoded::Serializer::new(String::new());
        let text = text.extend_pairs(fields).finish();
        Draft::of_fields(&Fields::read(text.as_bytes()))
    }

    #[test]
    fn what_was_changed_counts_and_the_other_side_follows() {
        let empty = Draft::new(JobType::Import);
        assert_eq!(empty.source, "manifestVersion: 2.0\n");
        assert_eq!(sent(&empty, &[]), empty);
        let typed = sent(&empty, &[("o.bucket", "mine")]);
        assert_eq!(typed.source, "manifestVersion: 2.0\nbucket: mine\n");
        let written = sent(&typed, &[("source", "bucket: yours\ncolour: red\n")]);
        assert_eq!(written.answers.get("bucket").unwrap(), "yours");
        assert_eq!(written.unshown, ["colour"]);
        assert_eq!(sent(&written, &[]), written);
    }

    #[test]
    fn two_changes_at_once_wait_for_a_word() {
        let page = Draft::new(JobType::Import);
        let both = [("o.bucket", "mine"), ("source", "bucket: yours\n")];
        let torn = sent(&page, &both);
        assert!(torn.is_torn);
        assert_eq!(
            (torn.source.as_str(), torn.answers["bucket"].as_str()),
            ("bucket: yours\n", "mine")
        );
        assert!(sent(&torn, &[]).is_torn, "it does not pass by itself");
        let form = sent(&torn, &[("intent", "use-form")]);
        assert_eq!(form.source, "manifestVersion: 2.0\nbucket: mine\n");
        let source = sent(&torn, &[("intent", "use-source")]);
        assert_eq!(source.answers["bucket"], "yours");
        let alike = [
            ("o.bucket", "mine"),
            ("source", "manifestVersion: 2.0\nbucket: mine\n"),
        ];
        assert!(!sent(&page, &alike).is_torn);
    }

    #[test]
    fn a_source_that_cannot_be_read_is_kept_and_the_form_too() {
        let page = sent(&Draft::new(JobType::Import), &[("o.bucket", "mine")]);
        let broken = sent(&page, &[("source", "bucket: [")]);
        assert_eq!(
            (broken.source.as_str(), broken.answers["bucket"].as_str()),
            ("bucket: [", "mine")
        );
    }

    #[test]
    fn another_type_asks_other_questions_and_keeps_the_answers() {
        let page = sent(&Draft::new(JobType::Import), &[("o.deviceId", "123")]);
        let export = sent(&page, &[("intent", "type-export")]);
        assert_eq!(
            (export.job_type, export.kind()),
            (JobType::Export, JobKind::S3Export)
        );
        assert_eq!(export.source, "manifestVersion: 2.0\ndeviceId: 123\n");
        let set = sent(&export, &[("o.operations[2].exportBucket", "b")]);
        assert_eq!(set.entries("operations"), 3);
    }
}
