//! The console's door: headers, sessions, forms of others, attempts to sign in.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use jiff::SignedDuration;
use packhorse_store::AccessKey;

use crate::harness::{Answer, Service, manifest};

/// A browser without a screen: it keeps one cookie.
struct Visitor<'a> {
    service: &'a Service,
    cookie: String,
}

impl<'a> Visitor<'a> {
    fn new(service: &'a Service) -> Self {
        let cookie = String::new();
        Self { service, cookie }
    }

    fn headers(&self, more: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let own = [
            ("cookie", self.cookie.as_str()),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        for (name, value) in own.iter().chain(more) {
            let name = HeaderName::from_static(name);
            headers.insert(name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    async fn send(
        &mut self,
        method: &str,
        path: &str,
        body: &str,
        more: &[(&'static str, &str)],
    ) -> Answer {
        let headers = self.headers(more);
        let sent = self.service.send(method, path, &headers, body.as_bytes());
        let answer = sent.await;
        if let Some(cookie) = answer.header("set-cookie").split(';').next()
            && !cookie.is_empty()
        {
            self.cookie = cookie.to_owned();
        }
        answer
    }

    async fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, "", &[]).await
    }

    /// A form with the token of the page it stands on.
    async fn post(&mut self, page: &Answer, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = form(page, fields);
        self.send("POST", path, &body, &[]).await
    }

    async fn sign_in(&mut self, id: &str, secret: &str) -> Answer {
        let page = self.get("/console/").await;
        let fields = [("access_key_id", id), ("secret_access_key", secret)];
        self.post(&page, "/console/", &fields).await
    }

    async fn signed_in(service: &'a Service, key: &AccessKey) -> Self {
        let mut visitor = Self::new(service);
        let answer = visitor.sign_in(&key.id, key.secret.expose()).await;
        assert_eq!(
            (answer.status, answer.header("location")),
            (303, "/console/jobs")
        );
        visitor
    }
}

/// The hidden field of this name.
fn hidden<'a>(page: &'a Answer, name: &str) -> &'a str {
    let mark = format!("name=\"{name}\" value=\"");
    let (_, rest) = page
        .body
        .split_once(&mark)
        .unwrap_or_else(|| panic!("no {name}: {}", page.body));
    rest.split_once('"').unwrap().0
}

fn form(page: &Answer, fields: &[(&str, &str)]) -> String {
    let pairs = [("csrf", hidden(page, "csrf"))];
    let pairs = pairs.iter().chain(fields);
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

#[tokio::test]
async fn every_page_says_what_browsers_must_not_do_with_it() {
    let service = Service::start().await;
    let mut visitor = Visitor::new(&service);
    for path in [
        "/console/",
        "/console/dock/sign-in",
        "/console/nothing",
        "/console/jobs",
    ] {
        let page = visitor.get(path).await;
        let policy = page.header("content-security-policy").to_owned();
        for part in [
            "default-src 'none'",
            "script-src 'self';",
            "style-src 'self';",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert_eq!(page.header("x-frame-options"), "DENY");
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        assert_eq!(page.header("cache-control"), "private, no-store");
        assert!(!page.body.contains("style=") && !page.body.contains(" onclick"));
    }
    let page = visitor.get("/console/").await;
    let cookie = page.header("set-cookie");
    assert!(cookie.contains("HttpOnly; SameSite=Strict") && !cookie.contains("Secure"));
    let style = page.body.split("href=\"/console/static/").nth(2).unwrap();
    let style = format!("/console/static/{}", style.split_once('"').unwrap().0);
    let answer = visitor.get(&style).await;
    assert_eq!(answer.header("content-type"), "text/css; charset=utf-8");
    assert!(answer.header("cache-control").contains("immutable"));
    assert_eq!(visitor.get("/console/static/x.css").await.status, 404);
}

#[tokio::test]
async fn behind_tls_the_cookie_is_sent_by_tls_alone() {
    let adjust = |settings: &mut packhorse_server::Settings| {
        settings.public_url = "https://dock.example".to_owned();
    };
    let service = Service::start_with(adjust).await;
    let page = Visitor::new(&service).get("/console/").await;
    assert!(page.header("set-cookie").ends_with("; Secure"));
}

#[tokio::test]
async fn a_session_begins_anew_at_the_sign_in_and_ends_at_the_sign_out() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    let mut visitor = Visitor::new(&service);
    visitor.get("/console/").await;
    let given = visitor.cookie.clone();
    let mut visitor = Visitor::signed_in(&service, &alice).await;
    assert_ne!(visitor.cookie, given);
    let jobs = visitor.get("/console/jobs").await;
    assert!(jobs.status == 200 && jobs.body.contains("No jobs yet"));
    let mut other = Visitor {
        service: &service,
        cookie: given,
    };
    assert_eq!(
        other.get("/console/jobs").await.status,
        303,
        "the cookie from before is nobody's"
    );
    let copy = visitor.cookie.clone();
    let out = visitor.post(&jobs, "/console/sign-out", &[]).await;
    assert_eq!((out.status, out.header("location")), (303, "/console/"));
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    let mut thief = Visitor {
        service: &service,
        cookie: copy,
    };
    assert_eq!(thief.get("/console/jobs").await.status, 303);
}

#[tokio::test]
async fn a_session_ends_with_its_key_and_with_time() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    let mut visitor = Visitor::signed_in(&service, &alice).await;
    for _ in 0..3 {
        service.advance(SignedDuration::from_mins(100));
        assert_eq!(
            visitor.get("/console/jobs").await.status,
            200,
            "looked at, it goes on"
        );
    }
    service.advance(SignedDuration::from_mins(121));
    let late = visitor.get("/console/jobs?after=x").await;
    let next = "/console/?next=%2Fconsole%2Fjobs%3Fafter%3Dx";
    assert_eq!((late.status, late.header("location")), (303, next));
    let mut visitor = Visitor::signed_in(&service, &alice).await;
    service.store.disable_account("alice").await.unwrap();
    assert_eq!(visitor.get("/console/jobs").await.status, 303);
}

#[tokio::test]
async fn a_form_of_another_site_or_session_does_nothing() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    let job = service.job(&alice).await.job_id;
    let mut visitor = Visitor::signed_in(&service, &alice).await;
    let page = visitor.get(&format!("/console/jobs/{job}")).await;
    let path = format!("/console/jobs/{job}/cancel");
    let body = form(&page, &[]);
    for from in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "http://evil"),
        ("origin", "null"),
    ] {
        let refused = visitor.send("POST", &path, &body, &[from]).await;
        assert_eq!(refused.status, 403, "{from:?}");
    }
    let before = service.snapshot(&job).await;
    let kept = visitor
        .send("POST", &path, "csrf=forged&colour=red", &[])
        .await;
    assert!(kept.body.contains("Welcome back") && kept.body.contains("value=\"red\""));
    assert_eq!(service.snapshot(&job).await, before);
    assert_eq!(visitor.send("POST", &path, &body, &[]).await.status, 303);
    assert_ne!(service.snapshot(&job).await, before);
}

#[tokio::test]
async fn nobody_signs_in_by_guessing() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    let mut visitor = Visitor::new(&service);
    let unknown = visitor.sign_in("AKIAUNKNOWN", "x").await;
    let wrong = visitor.sign_in(&alice.id, "x").await;
    assert_eq!((unknown.status, wrong.status), (403, 403));
    let said = |answer: &Answer| answer.body.contains("do not belong together");
    assert!(said(&unknown) && said(&wrong));
    assert!(
        !wrong.body.contains("value=\"x\""),
        "a secret is not sent back"
    );
    for secret in ["", "y", alice.id.as_str()] {
        assert_eq!(visitor.sign_in(&alice.id, secret).await.status, 403);
    }
    let right = visitor.sign_in(&alice.id, alice.secret.expose()).await;
    assert_eq!(
        right.status, 429,
        "the fifth of a second is not even looked at"
    );
    service.advance(SignedDuration::from_secs(1));
    let right = visitor.sign_in(&alice.id, alice.secret.expose()).await;
    assert_eq!(right.status, 303);
    let headers = visitor.headers(&[]);
    let bare = service
        .send("POST", "/console/", &headers, b"access_key_id=a")
        .await;
    assert_eq!(bare.status, 403, "without the form's own token");
}

#[tokio::test]
async fn a_customer_sees_no_other_customers_job() {
    let service = Service::start().await;
    let (alice, bob) = (
        service.customer("alice").await,
        service.customer("bob").await,
    );
    let job = service.job(&alice).await.job_id;
    let mut visitor = Visitor::signed_in(&service, &bob).await;
    for tail in ["", "/live", "/edit", "/report", "/report.csv"] {
        let foreign = visitor.get(&format!("/console/jobs/{job}{tail}")).await;
        let unknown = visitor.get(&format!("/console/jobs/99999999{tail}")).await;
        assert_eq!((foreign.status, unknown.status), (404, 404), "{tail}");
        assert_eq!(
            foreign.body.replace(&job, "99999999"),
            unknown.body,
            "{tail}"
        );
    }
    let dock = visitor.get(&format!("/console/dock/jobs/{job}")).await;
    assert!(dock.status == 303 && dock.header("location").starts_with("/console/dock/sign-in"));
}

#[tokio::test]
async fn a_manifest_is_judged_as_the_api_does_and_nothing_typed_is_lost() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    let mut visitor = Visitor::signed_in(&service, &alice).await;
    let page = visitor.get("/console/jobs/new").await;
    let once = hidden(&page, "once").to_owned();
    let form_was = hidden(&page, "form_was").to_owned();
    let bad = "bucket: b\ncolour: <red>\n";
    let fields = |source, intent| {
        [
            ("type", "Import"),
            ("source", source),
            ("o.manifestVersion", "2.0"),
            ("form_was", form_was.as_str()),
            ("once", once.as_str()),
            ("intent", intent),
        ]
    };
    let refused = visitor
        .post(&page, "/console/jobs/new", &fields(bad, "send"))
        .await;
    assert_eq!(refused.status, 400);
    assert!(
        refused.body.contains("Line 1, column 9"),
        "{}",
        refused.body
    );
    assert!(refused.body.contains("colour: &lt;red&gt;"));
    let good = manifest(&alice);
    let checked = visitor
        .post(&page, "/console/jobs/new", &fields(&good, "check"))
        .await;
    assert!(checked.status == 200 && checked.body.contains("This manifest is good"));
    assert!(
        service
            .store
            .list_jobs(alice.account, None, 9)
            .await
            .unwrap()
            .jobs
            .is_empty()
    );
    let closed = good.replace("alice-bucket", "bobs-bucket");
    let refused = visitor
        .post(&page, "/console/jobs/new", &fields(&closed, "send"))
        .await;
    assert!(
        refused.status == 400 && refused.body.contains("bobs-bucket"),
        "{}",
        refused.body
    );
    let sent = fields(&good, "send");
    let (one, two) = (
        visitor.post(&page, "/console/jobs/new", &sent).await,
        visitor.post(&page, "/console/jobs/new", &sent).await,
    );
    assert_eq!((one.status, two.status), (303, 303));
    assert_eq!(one.header("location"), two.header("location"));
    let jobs = service
        .store
        .list_jobs(alice.account, None, 9)
        .await
        .unwrap()
        .jobs;
    assert_eq!(jobs.len(), 1);
}

#[tokio::test]
async fn operators_need_a_station_and_its_key() {
    let service = Service::start().await;
    let alice = service.customer("alice").await;
    let job = service.job(&alice).await.job_id;
    let key = service.station("bay").await;
    let mut visitor = Visitor::new(&service);
    let page = visitor.get("/console/dock/sign-in").await;
    for (person, station, typed) in [
        ("Ada", "bay", "wrong"),
        ("Ada", "other", key.as_str()),
        ("", "bay", key.as_str()),
    ] {
        let fields = [
            ("person", person),
            ("station", station),
            ("station_key", typed),
        ];
        let refused = visitor.post(&page, "/console/dock/sign-in", &fields).await;
        assert_eq!(refused.status, 403, "{person} {station}");
        assert!(!refused.body.contains(&key));
        service.advance(SignedDuration::from_secs(1));
    }
    let page = visitor.get("/console/dock/sign-in").await;
    let fields = [
        ("person", "Ada"),
        ("station", "bay"),
        ("station_key", key.as_str()),
    ];
    let inside = visitor.post(&page, "/console/dock/sign-in", &fields).await;
    assert_eq!(
        (inside.status, inside.header("location")),
        (303, "/console/dock/")
    );
    let page = visitor
        .get(&format!("/console/dock/jobs/{}", job.to_lowercase()))
        .await;
    assert!(
        page.status == 200 && page.body.contains(&job) && !page.body.contains("manifestVersion")
    );
    let path = format!("/console/dock/jobs/{job}");
    let note = "x".repeat(501);
    let long = visitor
        .post(&page, &format!("{path}/receive"), &[("note", &note)])
        .await;
    assert!(long.status == 409 && long.body.contains("more than 500 characters"));
    let early = [("carrier", "Pony"), ("tracking_number", "1")];
    let early = visitor.post(&page, &format!("{path}/return"), &early).await;
    assert!(
        early.status == 409 && early.body.contains("The job is Pending"),
        "{}",
        early.body
    );
    let empty = visitor
        .post(&page, &format!("{path}/abort"), &[("code", "DeviceError")])
        .await;
    assert_eq!(empty.status, 400);
    let here = visitor.post(&page, &format!("{path}/receive"), &[]).await;
    assert_eq!(here.status, 303);
    let customers = visitor.get("/console/jobs").await;
    assert_eq!(customers.status, 303, "an operator is no customer");
}
