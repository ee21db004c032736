//! The frame of every page.

use maud::{DOCTYPE, Markup, html};

use super::assets;
use super::session::{Session, Who};
use super::words;

/// What a page is, beside its contents.
#[derive(Clone, Copy, Default)]
pub(super) struct Frame<'a> {
    /// The title, and the heading if `heading` is not its own.
    pub(super) title: &'a str,
    /// Who looks at it; nobody signed in without it.
    pub(super) session: Option<&'a Session>,
    /// Which entry of the navigation is the page's.
    pub(super) here: &'a str,
    /// Without a script, the page is loaded anew after so many seconds.
    pub(super) reload_seconds: Option<u32>,
    /// Whether it needs the whole width.
    pub(super) is_wide: bool,
}

impl Frame<'_> {
    /// The page with these contents.
    pub(super) fn page(&self, contents: Markup) -> Markup {
        let operator = matches!(self.who(), Some(Who::Operator { .. }));
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (self.title) " · Packhorse" }
                    link rel="icon" type="image/svg+xml" href=(assets::icon());
                    link rel="stylesheet" href=(assets::style());
                    script src=(assets::script()) defer {}
                    @if let Some(seconds) = self.reload_seconds {
                        noscript { meta http-equiv="refresh" content=(seconds); }
                    }
                }
                body.dock[operator] {
                    a.skip href="#main" { (words::SKIP) }
                    header.bar {
                        a.brand href=(if operator { "/console/dock/" } else { "/console/" }) {
                            img src=(assets::icon()) alt="" width="28" height="28";
                            "Packhorse"
                            @if operator { span.place { (words::DOCK) } }
                        }
                        (self.navigation())
                    }
                    main #main .wide[self.is_wide] { (contents) }
                    footer {
                        p {
                            (words::FOOTER) " "
                            a href="/healthz" { "alive" } " · " a href="/readyz" { "ready" }
                        }
                    }
                }
            }
        }
    }

    fn who(&self) -> Option<&Who> {
        self.session.map(|session| &session.who)
    }

    fn navigation(&self) -> Markup {
        let (links, name): (&[(&str, &str)], &str) = match self.who() {
            Some(Who::Customer { access_key_id, .. }) => (&words::CUSTOMER_LINKS, access_key_id),
            Some(Who::Operator { name, .. }) => (&words::OPERATOR_LINKS, name),
            Some(Who::Visitor) | None => return html! {},
        };
        html! {
            nav aria-label="Main" {
                ul {
                    @for (path, text) in links {
                        li {
                            a href=(path) aria-current=[(*path == self.here).then_some("page")] {
                                (text)
                            }
                        }
                    }
                }
                form.out method="post" action="/console/sign-out" {
                    (csrf(self.session))
                    span.me title=(words::SIGNED_IN_AS) { bdi { (name) } }
                    button.quiet { (words::SIGN_OUT) }
                }
            }
        }
    }
}

/// The field that makes a form this session's.
pub(super) fn csrf(session: Option<&Session>) -> Markup {
    html! {
        @if let Some(session) = session {
            input type="hidden" name="csrf" value=(session.form_token());
        }
    }
}

/// A message above the contents: `kind` is `error`, `warning`, `good` or `note`.
pub(super) fn notice(kind: &str, text: Markup) -> Markup {
    let role = if kind == "error" { "alert" } else { "status" };
    html! { div class={ "notice " (kind) } role=(role) { (text) } }
}

/// One line of text to fill in.
pub(super) struct Field<'a> {
    pub(super) label: &'a str,
    pub(super) name: &'a str,
    pub(super) value: &'a str,
    pub(super) hint: &'a str,
    /// `text`, `password` …
    pub(super) kind: &'a str,
    /// What the browser may fill in by itself.
    pub(super) autocomplete: &'a str,
    pub(super) is_required: bool,
    /// Whether typing begins here.
    pub(super) is_first: bool,
}

impl Default for Field<'_> {
    fn default() -> Self {
        Self {
            label: "",
            name: "",
            value: "",
            hint: "",
            kind: "text",
            autocomplete: "off",
            is_required: false,
            is_first: false,
        }
    }
}

impl maud::Render for Field<'_> {
    fn render(&self) -> Markup {
        let hint = (!self.hint.is_empty()).then(|| format!("{}-hint", self.name));
        html! {
            div.field {
                label for=(self.name) { (self.label) }
                input id=(self.name) name=(self.name) type=(self.kind) value=(self.value)
                    autocomplete=(self.autocomplete) required[self.is_required]
                    autofocus[self.is_first] spellcheck="false" autocapitalize="none"
                    aria-describedby=[hint.as_deref()];
                @if let Some(id) = &hint { p.hint id=(id) { (self.hint) } }
            }
        }
    }
}
