//! Asks for what a manifest must have: the options that stand in the template without a `#`.
//!
//! An answer is put into the template and the whole is read by the parser that the server uses: what
//! that says about the line is said to the user, who is asked again.

use anyhow::{Context as _, anyhow};
use dialoguer::Input;
use packhorse_core::manifest::{self, JobKind, Problem};

use crate::output::{self, Hint};

/// Asked first: what the rest of an address may be depends on it.
const FIRST: &str = "country";
/// Not asked: it belongs to the kind.
const VERSION: &str = "manifestVersion";

/// A line `name: example` of the template, with the sentences above it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Question {
    /// Its line, from 0.
    line: usize,
    /// What stands before the value.
    stem: String,
    name: String,
    example: String,
    help: String,
}

/// Fills the template with the answers of whoever is at the terminal.
pub(super) fn fill(template: &str, kind: JobKind) -> anyhow::Result<String> {
    if !dialoguer::console::user_attended_stderr() {
        return Err(anyhow!("there is no terminal to ask on").context(Hint(
            "leave out --interactive, and edit what is printed".into(),
        )));
    }
    let mut draft = Draft::new(template, kind);
    for question in questions(template) {
        draft.ask(&question)?;
    }
    // Answers that were fine one by one may not go together.
    while let Some(problems) = draft.wrong() {
        for problem in &problems {
            output::say(&output::visible(&problem.to_string()));
        }
        let lines: Vec<usize> = problems.iter().filter_map(line_of).collect();
        let again = questions(template).into_iter();
        let again: Vec<_> = again.filter(|asked| lines.contains(&asked.line)).collect();
        if again.is_empty() {
            return Err(anyhow!("the answers do not make a valid manifest"));
        }
        for question in again {
            draft.ask(&question)?;
        }
    }
    // What is odd about no line in particular.
    let problems = draft.problems();
    for problem in problems.iter().filter(|problem| line_of(problem).is_none()) {
        output::say(&format!("note: {}", output::visible(&problem.message)));
    }
    Ok(draft.text())
}

struct Draft {
    lines: Vec<String>,
    kind: JobKind,
}

impl Draft {
    fn new(template: &str, kind: JobKind) -> Self {
        Self {
            lines: template.lines().map(str::to_owned).collect(),
            kind,
        }
    }

    fn text(&self) -> String {
        self.lines.join("\n") + "\n"
    }

    fn ask(&mut self, question: &Question) -> anyhow::Result<()> {
        if !question.help.is_empty() {
            output::say(&format!("\n{}", question.help));
        }
        let prompt = format!("{} (such as {})", question.name, question.example);
        let answer: String = Input::new()
            .with_prompt(prompt)
            .validate_with(|answer: &String| self.judge(question, answer))
            .interact_text()
            .context("ask on the terminal")?;
        self.set(question, &answer);
        // What is taken but odd is said, too: a later line may still make up for it.
        let problems = self.problems();
        let odd = problems.iter().filter(|problem| !problem.is_error());
        for problem in odd.filter(|problem| line_of(problem) == Some(question.line)) {
            output::say(&format!("note: {}", output::visible(&problem.message)));
        }
        Ok(())
    }

    fn set(&mut self, question: &Question, answer: &str) {
        if let Some(line) = self.lines.get_mut(question.line) {
            *line = format!("{}{}", question.stem, quoted(answer));
        }
    }

    /// What is wrong with the line, were this its value.
    fn judge(&self, question: &Question, answer: &str) -> Result<(), String> {
        let mut tried = Self {
            lines: self.lines.clone(),
            kind: self.kind,
        };
        tried.set(question, answer);
        let problems = tried.wrong().unwrap_or_default();
        let said = problems
            .iter()
            .find(|problem| line_of(problem) == Some(question.line));
        match said {
            Some(problem) => Err(output::visible(&problem.message)),
            None => Ok(()),
        }
    }

    /// Errors and warnings.
    fn problems(&self) -> Vec<Problem> {
        match manifest::read(self.text(), self.kind.job_type()) {
            Ok(reading) => reading.warnings,
            Err(problems) => problems,
        }
    }

    /// The errors, if there are any.
    fn wrong(&self) -> Option<Vec<Problem>> {
        let mut errors = self.problems();
        errors.retain(Problem::is_error);
        (!errors.is_empty()).then_some(errors)
    }
}

/// Counted from 0.
fn line_of(problem: &Problem) -> Option<usize> {
    problem.position().map(|at| at.line.saturating_sub(1))
}

/// The options of a template that have a value, in the order in which they are asked for.
fn questions(template: &str) -> Vec<Question> {
    let mut questions = Vec::new();
    let mut help: Vec<&str> = Vec::new();
    for (line, text) in template.lines().enumerate() {
        if let Some(comment) = text.trim_start().strip_prefix('#') {
            // What stood above an option that is not used, or above a heading, is about that.
            match is_sentence(comment.trim()) {
                true => help.push(comment.trim()),
                false => help.clear(),
            }
            continue;
        }
        let sentences = std::mem::take(&mut help).join(" ");
        let Some((name, example)) = text.split_once(": ") else {
            continue;
        };
        let bare = name.trim_start_matches([' ', '-']);
        if bare != VERSION && !example.trim().is_empty() {
            questions.push(Question {
                line,
                stem: format!("{name}: "),
                name: bare.to_owned(),
                example: example.trim().to_owned(),
                help: sentences,
            });
        }
    }
    questions.sort_by_key(|question| question.name != FIRST);
    questions
}

/// Whether a comment explains something: it is no option that could be used, and no heading.
fn is_sentence(comment: &str) -> bool {
    let is_option = comment
        .split_once(':')
        .is_some_and(|(name, _)| !name.contains(' '));
    !is_option && !comment.starts_with("----")
}

/// The answer as a YAML value: as it is where that is safe, else in quotes (JSON's are YAML's).
fn quoted(answer: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || " .,/@_+()".contains(c) || c == '-';
    let safe = answer.chars().all(plain)
        && answer.starts_with(|c: char| c.is_alphanumeric())
        && answer.trim() == answer;
    match safe {
        true => answer.to_owned(),
        false => serde_json::Value::from(answer).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use packhorse_core::manifest::Word as _;

    use super::*;

    #[test]
    fn every_template_is_asked_for_completely_and_stays_valid() {
        for (name, kind) in JobKind::WORDS {
            let template = manifest::template(*kind);
            let questions = questions(&template);
            assert!(questions.len() >= 5, "{name}: {questions:?}");
            let mut draft = Draft::new(&template, *kind);
            assert_eq!(draft.wrong(), None, "{name}");
            for question in &questions {
                let judged = draft.judge(question, &question.example);
                assert_eq!(judged, Ok(()), "{name}: {question:?}");
                draft.set(question, &question.example);
            }
            assert_eq!(draft.wrong(), None, "{name}: {}", draft.text());
        }
    }

    #[test]
    fn each_question_is_explained_by_its_own_sentences() {
        for (name, kind) in JobKind::WORDS {
            for question in questions(&manifest::template(*kind)) {
                let help = &question.help;
                let is_one = help.is_empty() || help.ends_with('.');
                assert!(is_one && !help.contains('#'), "{name}: {question:?}");
                assert!(help.len() < 300, "{name}: {question:?}");
            }
        }
        let asked = questions(&manifest::template(JobKind::S3Import));
        let help = |name: &str| asked.iter().find(|asked| asked.name == name).unwrap();
        assert_eq!(help("city").help, "The city.");
        assert_eq!(help("street1").help, "The street and the number.");
        let asked = questions(&manifest::template(JobKind::S3Export));
        let bucket = asked.iter().find(|asked| asked.name == "exportBucket");
        assert!(
            bucket
                .unwrap()
                .help
                .starts_with("The bucket the objects come from.")
        );
    }

    #[test]
    fn an_answer_is_judged_by_the_parser_and_can_hold_anything() {
        let template = manifest::template(JobKind::S3Import);
        let questions = questions(&template);
        let named = |name: &str| questions.iter().find(|asked| asked.name == name).unwrap();
        let mut draft = Draft::new(&template, JobKind::S3Import);
        let refused = draft.judge(named("bucket"), "a/b").unwrap_err();
        assert!(refused.contains("bucket name"), "{refused}");
        assert!(draft.judge(named("eraseDevice"), "maybe").is_err());
        let odd = "O'Neil: \"Sons\" # & Co\\ é";
        assert_eq!(draft.judge(named("name"), odd), Ok(()));
        draft.set(named("name"), odd);
        let read = manifest::read(draft.text(), JobKind::S3Import.job_type()).unwrap();
        assert_eq!(read.manifest.common.return_address.name, odd);
    }
}
