//! The form beside the source: how a draft is shown.

use maud::{Markup, html};
use packhorse_core::job::JobType;
use packhorse_core::manifest::Problem;
use packhorse_core::manifest::form::{self, Group, Input, Question};

use super::draft::{Draft, FIELD_PREFIX};
use crate::console::layout::{csrf, notice};
use crate::console::session::Session;
use crate::console::units;

/// What was found wrong with a draft.
#[derive(Clone, Debug, Default)]
pub(super) struct Findings {
    /// Problems and warnings with their places.
    pub(super) problems: Vec<Problem>,
    /// What else was refused: a bucket, the quota.
    pub(super) refusal: Option<String>,
    /// It was checked with the object store too, and is good.
    pub(super) is_good: bool,
}

/// A form to write a manifest.
pub(super) struct Editor<'a> {
    pub(super) session: &'a Session,
    pub(super) draft: &'a Draft,
    pub(super) findings: &'a Findings,
    /// Where it is sent.
    pub(super) action: &'a str,
    /// The word on the button that does it.
    pub(super) submit: &'a str,
    /// Makes one job of a form that is sent twice.
    pub(super) once: &'a str,
}

impl Editor<'_> {
    /// The whole form.
    pub(super) fn render(&self) -> Markup {
        let draft = self.draft;
        let groups = form::groups(draft.kind());
        html! {
            form.editor method="post" action=(self.action) data-sync="/console/jobs/sync" novalidate {
                (csrf(Some(self.session)))
                input type="hidden" name="once" value=(self.once);
                input type="hidden" name="type" value=(draft.job_type.code());
                input type="hidden" name="form_was" value=(draft.form_digest());
                input type="hidden" name="source_was" value=(draft.source_digest());
                @if let Some(version) = draft.answers.get("manifestVersion") {
                    input type="hidden" name="o.manifestVersion" value=(version);
                }
                // Return in a line checks, and creates nothing.
                button.sr name="intent" value="check" tabindex="-1" aria-hidden="true" { "Check" }
                (self.types())
                @if draft.is_torn { (torn()) }
                div.columns.even {
                    div.options { @for group in &groups { (self.group(group)) } }
                    div.side {
                        section.card.sticky aria-labelledby="source-title" {
                            h2 #source-title { "Manifest" }
                            p.hint #source-hint {
                                "What is sent, as YAML. Change either side: the other one follows."
                            }
                            textarea.source #source name="source" rows="18" spellcheck="false"
                                wrap="off" autocapitalize="none" autocomplete="off"
                                aria-labelledby="source-title" aria-describedby="source-hint" {
                                "\n" (draft.source)
                            }
                            div #findings aria-live="polite" { (findings(self.findings, draft)) }
                            div.actions {
                                button name="intent" value="check" { "Check" }
                                button.main name="intent" value="send" { (self.submit) }
                            }
                        }
                    }
                }
            }
        }
    }

    fn types(&self) -> Markup {
        let tab = |job_type: JobType, value: &str, text: &str, what: &str| {
            html! {
                button.tab name="intent" value=(value)
                    aria-pressed=(if self.draft.job_type == job_type { "true" } else { "false" }) {
                    strong { (text) } span { (what) }
                }
            }
        };
        html! {
            div.tabs role="group" aria-label="What the job does" {
                (tab(JobType::Import, "type-import", "Import", "files on a device become objects"))
                (tab(JobType::Export, "type-export", "Export", "objects become files on a device"))
            }
        }
    }

    fn group(&self, group: &Group) -> Markup {
        if !group.repeats {
            let prefix = match group.of {
                "" => String::new(),
                of => format!("{of}."),
            };
            let title = match group.of {
                "" => group.heading.to_owned(),
                of => label(of),
            };
            return self.fields(group, &title, &prefix);
        }
        // One more than there are, so that there is always one to fill in.
        let entries = self.draft.entries(group.of) + 1;
        html! {
            @for number in 0..entries {
                (self.fields(
                    group,
                    &format!("{} {}", label(group.of), number + 1),
                    &format!("{}[{number}].", group.of),
                ))
            }
            div.actions {
                button name="intent" value="edit" { "Add another to " (label(group.of).to_lowercase()) }
            }
        }
    }

    fn fields(&self, group: &Group, title: &str, prefix: &str) -> Markup {
        let required: Vec<_> = group.questions.iter().filter(|q| q.is_required).collect();
        let optional: Vec<_> = group.questions.iter().filter(|q| !q.is_required).collect();
        let used = |q: &&&Question| self.answer(prefix, q).is_some() || self.is_wrong(prefix, q);
        let is_open = optional.iter().any(|q| used(&q)) || !group.of.is_empty();
        html! {
            fieldset.card {
                legend { (title) }
                @if !group.doc.is_empty() && !group.repeats { p.hint { (group.doc) } }
                @for question in &required { (self.field(question, prefix)) }
                @if !optional.is_empty() {
                    details open[is_open] {
                        summary {
                            (units::counted(optional.len() as u64, "optional setting", "optional settings"))
                        }
                        @for question in &optional { (self.field(question, prefix)) }
                    }
                }
            }
        }
    }

    fn answer(&self, prefix: &str, question: &Question) -> Option<&str> {
        let path = format!("{prefix}{}", question.name);
        self.draft.answers.get(&path).map(String::as_str)
    }

    fn is_wrong(&self, prefix: &str, question: &Question) -> bool {
        self.problem(&format!("{prefix}{}", question.name))
            .is_some()
    }

    fn problem(&self, path: &str) -> Option<&Problem> {
        let problems = self.findings.problems.iter();
        problems
            .filter(|p| p.is_error())
            .find(|p| path_of(p) == path)
    }

    fn field(&self, question: &Question, prefix: &str) -> Markup {
        let path = format!("{prefix}{}", question.name);
        let name = format!("{FIELD_PREFIX}{path}");
        let hint = format!("{name}-hint");
        let value = self.answer(prefix, question).unwrap_or_default();
        let problem = self.problem(&path);
        let wrong = problem.map(|_| "true");
        html! {
            div.field.wrong[problem.is_some()] {
                label for=(name) {
                    (label(question.name)) " " code { (question.name) }
                    @if question.is_required { " " span.must { "required" } }
                }
                @match &question.input {
                    Input::YesNo => (choice(&name, &hint, value, &["yes", "no"], wrong)),
                    Input::Choice(words) => (choice(&name, &hint, value, words, wrong)),
                    Input::Lines | Input::Pairs => {
                        textarea id=(name) name=(name) rows="3" spellcheck="false" wrap="off"
                            aria-describedby=(hint) aria-invalid=[wrong] { "\n" (value) }
                    }
                    Input::Line | Input::Secret => {
                        input id=(name) name=(name) value=(value) autocomplete="off"
                            type=(if question.input == Input::Secret { "password" } else { "text" })
                            spellcheck="false" autocapitalize="none"
                            aria-describedby=(hint) aria-invalid=[wrong];
                    }
                }
                p.hint id=(hint) {
                    @if let Some(problem) = problem {
                        strong.bad { (units::foreign(&problem.message)) } " "
                    }
                    (question.doc)
                    @match &question.input {
                        Input::Lines => " One in each line.",
                        Input::Pairs => " One in each line, as “name = value”.",
                        _ => "",
                    }
                    @if let Some(otherwise) = question.otherwise { " Otherwise: " (otherwise) "." }
                    @else if !question.example.is_empty() && question.input == Input::Line {
                        " Example: " (question.example)
                    }
                }
            }
        }
    }
}

fn choice(name: &str, hint: &str, value: &str, words: &[&str], wrong: Option<&str>) -> Markup {
    let is_other = !value.is_empty() && !words.contains(&value);
    html! {
        select id=(name) name=(name) aria-describedby=(hint) aria-invalid=[wrong] {
            option value="" selected[value.is_empty()] { "–" }
            @for word in words { option value=(word) selected[*word == value] { (word) } }
            @if is_other { option value=(value) selected { (value) } }
        }
    }
}

/// `returnAddress` as `Return address`.
fn label(name: &str) -> String {
    let mut text = String::new();
    for (index, c) in name.chars().enumerate() {
        match c {
            c if index == 0 => text.extend(c.to_uppercase()),
            c if c.is_uppercase() => {
                text.push(' ');
                text.extend(c.to_lowercase());
            }
            c => text.push(c),
        }
    }
    text
}

/// The path of the option a problem is with: of a list of texts, the list.
fn path_of(problem: &Problem) -> &str {
    match problem
        .field
        .strip_suffix(']')
        .and_then(|path| path.rsplit_once('['))
    {
        Some((list, _)) => list,
        None => &problem.field,
    }
}

fn torn() -> Markup {
    notice(
        "warning",
        html! {
            p {
                strong { "The form and the source were both changed, and say different things." }
                " Which of them counts? The other one will be written anew."
            }
            div.actions {
                button name="intent" value="use-form" { "The form" }
                button name="intent" value="use-source" { "The source" }
            }
        },
    )
}

/// What is wrong, and where.
pub(super) fn findings(findings: &Findings, draft: &Draft) -> Markup {
    let errors = findings.problems.iter().filter(|p| p.is_error()).count();
    let line = |problem: &Problem| {
        let path = path_of(problem);
        html! {
            li.warning[!problem.is_error()] {
                @if let Some(place) = problem.position() {
                    span.place data-line=(place.line) { "Line " (place.line) ", column " (place.column) }
                    " "
                }
                @if !path.is_empty() {
                    a href={ "#" (FIELD_PREFIX) (path) } { (units::foreign(&problem.field)) } ": "
                }
                (units::foreign(&problem.message))
            }
        }
    };
    html! {
        @if let Some(refusal) = &findings.refusal {
            (notice("error", html! { @for line in refusal.lines() { p { (units::foreign(line)) } } }))
        }
        @if errors > 0 {
            p.tally.bad { (units::counted(errors as u64, "problem", "problems")) " to solve" }
        } @else if findings.is_good {
            (notice("good", html! { p { "This manifest is good, and its buckets can be used." } }))
        } @else if findings.refusal.is_none() {
            p.tally.good { "No problems in the text. “Check” also asks the object store." }
        }
        @if !findings.problems.is_empty() {
            ul.findings { @for problem in &findings.problems { (line(problem)) } }
        }
        @if !draft.unshown.is_empty() {
            p.hint {
                "Only the source can show: " (draft.unshown.join(", "))
                ". Changing the form would drop these."
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_options_become_words() {
        assert_eq!(label("returnAddress"), "Return address");
        assert_eq!(label("street1"), "Street1");
        assert_eq!(label("acl"), "Acl");
    }
}
