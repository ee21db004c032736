//! Signing in and out, and what was typed when a session ended.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use maud::{Markup, html};
use packhorse_core::secret::Secret;
use sha2::{Digest, Sha256};

use super::enter::{Knock, trouble};
use super::form::Fields;
use super::layout::{Field, Frame, csrf, notice};
use super::refusal::NoEntry;
use super::session::{Session, Who, no_cookie};
use super::{Console, Here, answer, words};

/// Attempts are counted under so many names: what somebody types picks one of them, so that made-up
/// names can neither fill memory nor tell which ones exist.
const TRY_NAMES: u64 = 4096;
/// Longest name or key worth looking up.
const TYPED_BYTES_MAX: usize = 512;
/// Longest name of an operator in the log of a job.
const NAME_CHARS_MAX: usize = 60;

/// Which of the two doors.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Door {
    Customers,
    Dock,
}

impl Door {
    fn path(self) -> &'static str {
        match self {
            Self::Customers => "/console/",
            Self::Dock => "/console/dock/sign-in",
        }
    }

    /// Where one is taken who wanted nothing else.
    fn inside(self) -> &'static str {
        match self {
            Self::Customers => "/console/jobs",
            Self::Dock => "/console/dock/",
        }
    }
}

/// `GET /console/`
pub(super) async fn page(State(console): Here, request: Request) -> Response {
    show(&console, Door::Customers, request).await
}

/// `GET /console/dock/sign-in`
pub(super) async fn dock_page(State(console): Here, request: Request) -> Response {
    show(&console, Door::Dock, request).await
}

/// `POST /console/`
pub(super) async fn send(State(console): Here, request: Request) -> Response {
    take(console, Door::Customers, request).await
}

/// `POST /console/dock/sign-in`
pub(super) async fn dock_send(State(console): Here, request: Request) -> Response {
    take(console, Door::Dock, request).await
}

/// `POST /console/sign-out`
pub(super) async fn out(State(console): Here, request: Request) -> Response {
    let knock = match console.knock(request).await {
        Ok(knock) => knock,
        Err(no) => return no.into_response(),
    };
    let door = match knock.session.as_ref().map(|session| &session.who) {
        Some(Who::Operator { .. }) => Door::Dock,
        _ => Door::Customers,
    };
    if let Some(session) = &knock.session {
        if !session.is_form_token(knock.form.get("csrf")) {
            return answer::go(door.inside());
        }
        let (until, now) = (session.ends_for_good(), console.context.now());
        let ended = console.context.store.end_session(&session.id, until, now);
        if let Err(error) = ended.await {
            return trouble(error).into_response();
        }
    }
    let bye = answer::go(door.path());
    answer::with_cookie(bye, &no_cookie(console.is_secure()))
}

/// What the form to sign in shows.
#[derive(Default)]
struct Shown<'a> {
    problem: Option<&'a str>,
    name: &'a str,
    person: &'a str,
    next: &'a str,
    kept: &'a str,
}

async fn show(console: &Console, door: Door, request: Request) -> Response {
    let knock = match console.knock(request).await {
        Ok(knock) => knock,
        Err(no) => return no.into_response(),
    };
    let query = Fields::read(knock.parts.uri.query().unwrap_or_default().as_bytes());
    let is_in = match knock.session.as_ref().map(|session| &session.who) {
        Some(Who::Customer { .. }) => door == Door::Customers && query.get("next").is_empty(),
        Some(Who::Operator { .. }) => door == Door::Dock && query.get("next").is_empty(),
        Some(Who::Visitor) | None => false,
    };
    if is_in {
        return answer::go(door.inside());
    }
    let shown = Shown {
        next: query.get("next"),
        ..Shown::default()
    };
    form(console, door, StatusCode::OK, &shown)
}

/// The form, with a session of its own: nobody can send somebody else's sign-in.
fn form(console: &Console, door: Door, status: StatusCode, shown: &Shown<'_>) -> Response {
    let Ok(visitor) = Session::begin(Who::Visitor, console.context.now()) else {
        return NoEntry::Broken.into_response();
    };
    let title = match door {
        Door::Customers => "Sign in",
        Door::Dock => "Sign in at the dock",
    };
    let frame = Frame {
        title,
        ..Frame::default()
    };
    let contents = html! {
        div.card.narrow {
            h1 { (title) }
            @if let Some(problem) = shown.problem { (notice("error", html! { p { (problem) } })) }
            form method="post" action=(door.path()) {
                (csrf(Some(&visitor)))
                input type="hidden" name="next" value=(shown.next);
                input type="hidden" name="kept" value=(shown.kept);
                @match door {
                    Door::Customers => (customer_fields(shown)),
                    Door::Dock => (dock_fields(shown)),
                }
                button.main { "Sign in" }
            }
        }
        @if door == Door::Customers {
            p.aside {
                "Working at the dock? " a href=(Door::Dock.path()) { "Sign in with a station key" }
                ". Scripts use the API at this same address."
            }
        }
    };
    console.with_session(answer::html(status, frame.page(contents)), &visitor)
}

fn customer_fields(shown: &Shown<'_>) -> Markup {
    html! {
        (Field {
            label: "Access key id", name: "access_key_id", value: shown.name,
            autocomplete: "username", is_required: true, is_first: shown.name.is_empty(),
            ..Field::default()
        })
        (Field {
            label: "Secret access key", name: "secret_access_key", kind: "password",
            autocomplete: "current-password", is_required: true,
            is_first: !shown.name.is_empty(),
            hint: "The key pair you were given; the same one that your programs use.",
            ..Field::default()
        })
    }
}

fn dock_fields(shown: &Shown<'_>) -> Markup {
    html! {
        (Field {
            label: "Your name", name: "person", value: shown.person, autocomplete: "name",
            is_required: true, is_first: shown.person.is_empty(),
            hint: "It stands in the log of every job you handle.",
            ..Field::default()
        })
        (Field {
            label: "Station", name: "station", value: shown.name, autocomplete: "username",
            is_required: true, ..Field::default()
        })
        (Field {
            label: "Station key", name: "station_key", kind: "password",
            autocomplete: "current-password", is_required: true,
            is_first: !shown.person.is_empty(),
            ..Field::default()
        })
    }
}

async fn take(console: Arc<Console>, door: Door, request: Request) -> Response {
    let knock = match console.knock(request).await {
        Ok(knock) => knock,
        Err(no) => return no.into_response(),
    };
    let Knock { form: typed, .. } = &knock;
    let name = match door {
        Door::Customers => typed.get("access_key_id").trim(),
        Door::Dock => typed.get("station").trim(),
    };
    let again = |status, problem| {
        let shown = Shown {
            problem: Some(problem),
            name,
            person: typed.get("person").trim(),
            next: typed.get("next"),
            kept: typed.get("kept"),
        };
        form(&console, door, status, &shown)
    };
    let is_ours = knock
        .session
        .as_ref()
        .is_some_and(|session| session.is_form_token(typed.get("csrf")));
    if !is_ours {
        return again(StatusCode::FORBIDDEN, words::NO_COOKIE);
    }
    if !console.tries.admit(&try_name(name), console.context.now()) {
        return again(StatusCode::TOO_MANY_REQUESTS, words::TOO_MANY_TRIES);
    }
    let found = match door {
        Door::Customers => {
            console
                .find_customer(name, typed.get("secret_access_key"))
                .await
        }
        Door::Dock => console.find_operator(name, typed).await,
    };
    let who = match found {
        Ok(Ok(who)) => who,
        Ok(Err(problem)) => return again(StatusCode::FORBIDDEN, problem),
        Err(no) => return no.into_response(),
    };
    let Ok(session) = Session::begin(who, console.context.now()) else {
        return NoEntry::Broken.into_response();
    };
    let next = inside(typed.get("next")).unwrap_or(door.inside());
    let kept = typed.get("kept");
    let answer = match kept.is_empty() {
        true => answer::go(next),
        false => kept_page(&session, next, &Fields::read(kept.as_bytes())),
    };
    console.with_session(answer, &session)
}

/// A path of ours, and no other address.
fn inside(path: &str) -> Option<&str> {
    let plain = path
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    (plain && path.starts_with("/console/") && !path.contains("//")).then_some(path)
}

fn try_name(typed: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(typed).into();
    let (first, _) = digest
        .split_first_chunk::<8>()
        .expect("32 bytes begin with 8");
    (u64::from_be_bytes(*first) % TRY_NAMES).to_string()
}

impl Console {
    /// The customer with this key. For one that does not exist the same is compared, so that the time
    /// says nothing.
    async fn find_customer(
        &self,
        id: &str,
        secret: &str,
    ) -> Result<Result<Who, &'static str>, NoEntry> {
        let is_sane = id.len() <= TYPED_BYTES_MAX && secret.len() <= TYPED_BYTES_MAX;
        let key = match is_sane {
            true => self
                .context
                .store
                .find_access_key(id)
                .await
                .map_err(trouble)?,
            false => None,
        };
        let expected = key.as_ref().map_or("", |key| key.secret.expose());
        // Digests are of one length, whatever the secrets' are.
        let digest = |text: &str| Secret::new(hex(&Sha256::digest(text)));
        let is_right = digest(expected).matches(digest(secret).expose());
        let found = key.filter(|key| is_right && key.enabled && !secret.is_empty());
        Ok(match found {
            Some(key) => {
                tracing::info!(account = key.account_name, "a customer signed in");
                Ok(Who::Customer {
                    access_key_id: key.id,
                    account: key.account,
                })
            }
            None => {
                tracing::info!("a sign-in was refused");
                Err(words::WRONG_KEY)
            }
        })
    }

    /// The operator at a station. The key is looked up by its hash: how long that takes says nothing.
    async fn find_operator(
        &self,
        station: &str,
        typed: &Fields,
    ) -> Result<Result<Who, &'static str>, NoEntry> {
        let (person, key) = (typed.get("person").trim(), typed.get("station_key").trim());
        let is_name = (1..=NAME_CHARS_MAX).contains(&person.chars().count())
            && !person.contains(packhorse_core::characters::is_unseen);
        if !is_name {
            return Ok(Err(words::NO_NAME));
        }
        if key.len() > TYPED_BYTES_MAX {
            return Ok(Err(words::WRONG_STATION));
        }
        let found = self
            .context
            .store
            .find_station(key)
            .await
            .map_err(trouble)?;
        Ok(match found.filter(|found| found == station) {
            Some(station) => {
                tracing::info!(station, "an operator signed in");
                Ok(Who::Operator {
                    name: format!("{person} ({station})"),
                    key: Secret::new(key),
                })
            }
            None => {
                tracing::info!("a sign-in at the dock was refused");
                Err(words::WRONG_STATION)
            }
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Asks to sign in again, and keeps what was typed in the page itself.
pub(super) fn keep(console: &Console, door: &str, path: &str, typed: &Fields) -> Response {
    let door = match door == Door::Dock.path() {
        true => Door::Dock,
        false => Door::Customers,
    };
    let kept = typed.without("csrf");
    let shown = Shown {
        problem: Some(words::SESSION_OVER),
        next: path,
        kept: &kept,
        ..Shown::default()
    };
    form(console, door, StatusCode::UNAUTHORIZED, &shown)
}

/// What was typed, to be sent by the person who typed it.
pub(super) fn kept_page(session: &Session, path: &str, typed: &Fields) -> Response {
    let frame = Frame {
        title: "Welcome back",
        session: Some(session),
        ..Frame::default()
    };
    let path = inside(path).unwrap_or("/console/");
    // A job's form is shown again; what is sent from there is seen first.
    let is_draft = typed.iter().any(|(name, _)| name == "source");
    let fields = typed.iter().filter(|(name, _)| *name != "csrf");
    let contents = html! {
        div.card.narrow {
            h1 { "Welcome back" }
            p { "Your session had ended. What you typed is still there, and nothing was done yet." }
            form method="post" action=(path) {
                (csrf(Some(session)))
                @for (name, value) in fields.filter(|(name, _)| !is_draft || *name != "intent") {
                    input type="hidden" name=(name) value=(value);
                }
                @if is_draft { input type="hidden" name="intent" value="edit"; }
                button.main { @if is_draft { "Go on editing" } @else { "Send it now" } }
            }
        }
    };
    answer::html(StatusCode::OK, frame.page(contents))
}

/// A page that asks for another one of ours, so that the browser sends the cookie along.
pub(super) fn step_inside(path: &str) -> Response {
    let contents = html! {
        (maud::DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="refresh" content={ "0; url=" (path) };
                title { "Packhorse" }
            }
            body { p { a href=(path) { "Go on" } } }
        }
    };
    answer::html(StatusCode::OK, contents)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_address() {
        assert_eq!(
            inside("/console/jobs/AB12?x=1"),
            Some("/console/jobs/AB12?x=1")
        );
        for path in [
            "",
            "https://evil",
            "//evil",
            "/console//evil",
            "/console/\\evil",
            "/other",
            "/console/\r\nset-cookie: a",
            "/consoles",
        ] {
            assert_eq!(inside(path), None, "{path}");
        }
    }

    #[test]
    fn made_up_names_share_a_bounded_number_of_counters() {
        let names: std::collections::BTreeSet<_> =
            (0..20_000).map(|n: u32| try_name(&n.to_string())).collect();
        assert!(names.len() <= TRY_NAMES as usize && names.len() > 4000);
        assert_eq!(try_name("AKIA"), try_name("AKIA"));
    }
}
