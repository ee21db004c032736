//! A running server, its customers and its stations.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use packhorse_core::id::JobId;
use packhorse_server::{Connections, Context, Facility, Redactions, Server, Settings};
use packhorse_store::{AccessKey, MasterKey, Store};
use packhorse_wire::actions::{Action, CreateJob, CreateJobAnswer, read_answer};
use packhorse_wire::desk::ObjectStore;
use packhorse_wire::fault::ErrorAnswer;
use packhorse_wire::sigv4::{AmzDate, Dialect, Payload, Scope, SignAs, SigningKey, sign_headers};
use sqlx::Connection as _;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::object_store::Objects;

/// Jobs an account may create in a day here.
pub(crate) const JOBS_PER_DAY: u32 = 5;

/// How long a canceled or expired job has a status here.
pub(crate) const CLOSED_JOBS_SHOWN: SignedDuration = SignedDuration::from_hours(90 * 24);

/// A server on a free port, with a database and an object store of its own.
pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) objects: Objects,
    pub(crate) stop: CancellationToken,
    pub(crate) served: tokio::task::JoinHandle<()>,
    now: Arc<Mutex<Timestamp>>,
    folder: tempfile::TempDir,
}

impl Service {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    /// A server with settings of its own.
    pub(crate) async fn start_with(adjust: impl FnOnce(&mut Settings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("x.db").display());
        let master_key = MasterKey::from_hex(&"01".repeat(32)).unwrap();
        let signature_key = master_key.signature_key();
        let artifact_key = master_key.artifact_key();
        let console_seal = master_key.console_seal();
        let store = packhorse_store::open(&url, master_key).await.unwrap();
        let objects = Objects::start(store.clone()).await;
        let now = Arc::new(Mutex::new("2026-01-01T00:00:00Z".parse().unwrap()));
        let clock = now.clone();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut settings = settings(objects.place());
        settings.public_url = format!("http://{address}");
        adjust(&mut settings);
        let context = Context {
            store: store.clone(),
            signature_key,
            artifact_key,
            console_seal,
            settings,
            clock: Arc::new(move || *clock.lock().unwrap()),
            connections: Connections::default(),
            redactions: Redactions::default(),
        };
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let served = tokio::spawn(async move {
            Server::new(context).serve(listener, stopped).await.unwrap();
        });
        Self {
            address,
            store,
            objects,
            stop,
            served,
            now,
            folder,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    pub(crate) fn advance(&self, by: SignedDuration) {
        let mut now = self.now.lock().unwrap();
        *now = now.checked_add(by).unwrap();
    }

    /// A customer with a bucket `NAME-bucket`.
    pub(crate) async fn customer(&self, name: &str) -> AccessKey {
        let key = self
            .store
            .create_account(name, None, self.now())
            .await
            .unwrap();
        let bucket = format!("{name}-bucket");
        self.objects.add_bucket(&bucket, &key).await;
        key
    }

    /// The key of a new station.
    pub(crate) async fn station(&self, name: &str) -> String {
        let made = self.store.create_station(name, self.now()).await.unwrap();
        made.key.expose().to_owned()
    }

    /// A job whose manifest is fine.
    pub(crate) async fn job(&self, customer: &AccessKey) -> CreateJobAnswer {
        let form = create(&manifest(customer), false).form();
        let answer = self.call(customer, &form).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        read_answer(&answer.body).unwrap()
    }

    /// Everything the database holds, to the bit.
    pub(crate) fn database(&self) -> Vec<u8> {
        let read = |name: &str| std::fs::read(self.folder.path().join(Path::new(name))).unwrap();
        [read("x.db"), read("x.db-wal")].concat()
    }

    /// Takes the table of jobs away, as no request can.
    pub(crate) async fn damage(&self) {
        let url = format!("sqlite://{}", self.folder.path().join("x.db").display());
        let mut database = sqlx::SqliteConnection::connect(&url).await.unwrap();
        sqlx::query("ALTER TABLE jobs RENAME TO elsewhere")
            .execute(&mut database)
            .await
            .unwrap();
    }

    /// Signs a form with the customer's key and sends it.
    pub(crate) async fn call(&self, key: &AccessKey, form: &str) -> Answer {
        let headers = self.signed(key, form, self.now());
        self.send("POST", "/", &headers, form.as_bytes()).await
    }

    /// The headers of a signed POST of `form` to the root.
    pub(crate) fn signed(&self, key: &AccessKey, form: &str, at: Timestamp) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(
            "host",
            HeaderValue::from_str(&self.address.to_string()).unwrap(),
        );
        let form_type = "application/x-www-form-urlencoded; charset=utf-8";
        headers.insert("content-type", HeaderValue::from_static(form_type));
        let date = AmzDate::new(at);
        let scope = Scope::new(&date, "us-east-1", "IngestionService");
        let signer = SignAs {
            access_key_id: &key.id,
            key: &SigningKey::derive(&key.secret, scope),
            dialect: Dialect::Query,
        };
        let payload = Payload::of(form.as_bytes());
        sign_headers(signer, "POST", ("/", ""), &mut headers, payload, &date);
        headers
    }

    /// Sends one request on a connection of its own.
    pub(crate) async fn send(
        &self,
        method: &str,
        target: &str,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Answer {
        let mut connection = TcpStream::connect(self.address).await.unwrap();
        let head = head(method, target, headers, body.len());
        connection.write_all(head.as_bytes()).await.unwrap();
        connection.write_all(body).await.unwrap();
        Answer::read(connection).await
    }

    /// A plain GET.
    pub(crate) async fn get(&self, target: &str, accept: &'static str) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert("accept", HeaderValue::from_static(accept));
        self.send("GET", target, &headers, b"").await
    }

    /// What is behind a link of this server, fetched as a browser does.
    pub(crate) async fn open(&self, url: &str) -> Answer {
        let path = url.strip_prefix(&format!("http://{}", self.address));
        self.get(path.unwrap_or_else(|| panic!("{url}")), "*/*")
            .await
    }

    /// A station's message.
    pub(crate) async fn tell(&self, key: &str, path: &str, json: &str) -> Answer {
        let mut headers = HeaderMap::new();
        let bearer = HeaderValue::from_str(&format!("Bearer {key}")).unwrap();
        headers.insert("authorization", bearer);
        self.send(
            "POST",
            &format!("/desk/v1/{path}"),
            &headers,
            json.as_bytes(),
        )
        .await
    }

    /// Everything that can be seen of a job.
    pub(crate) async fn snapshot(&self, id: &str) -> String {
        let id = JobId::parse(id).unwrap();
        let job = self.store.find_job(&id).await.unwrap().unwrap();
        format!("{job:?} {}", job.manifest.expose())
    }
}

/// The head of a request after which the connection is closed.
pub(crate) fn head(method: &str, target: &str, headers: &HeaderMap, length: usize) -> String {
    let mut head = format!("{method} {target} HTTP/1.1\r\nconnection: close\r\n");
    if !headers.contains_key("host") {
        head.push_str("host: localhost\r\n");
    }
    for (name, value) in headers {
        head.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
    }
    head.push_str(&format!("content-length: {length}\r\n\r\n"));
    head
}

fn settings(object_store: ObjectStore) -> Settings {
    Settings {
        public_url: String::new(),
        object_store,
        facility: Some(Facility {
            name: "Dock 7".to_owned(),
            street1: "1 Quay".to_owned(),
            street2: None,
            city: "Port".to_owned(),
            state_or_province: None,
            postal_code: "12345".to_owned(),
            country: None,
            phone_number: None,
        }),
        jobs_per_day: JOBS_PER_DAY,
        expiry: SignedDuration::from_hours(30 * 24),
        closed_jobs_shown: CLOSED_JOBS_SHOWN,
        requests_per_second: None,
        regions: Vec::new(),
    }
}

/// A valid manifest for the customer's own bucket.
pub(crate) fn manifest(customer: &AccessKey) -> String {
    let (id, name) = (&customer.id, &customer.account_name);
    format!(
        "manifestVersion: 2.0\naccessKeyId: {id}\nbucket: {name}-bucket\ndeviceId: 123\n\
         eraseDevice: yes\nnotificationEmail: a@example.com\nprefix: p/\nreturnAddress:\n\
         \x20   name: A Name\n    street1: 1 Street\n    city: Town\n    stateOrProvince: WA\n\
         \x20   postalCode: 98000\n    phoneNumber: 206-555-1000\n    country: USA\n"
    )
}

pub(crate) fn create(manifest: &str, validate_only: bool) -> CreateJob {
    CreateJob {
        job_type: packhorse_core::job::JobType::Import,
        manifest: manifest.to_owned(),
        manifest_addendum: None,
        validate_only,
        api_version: None,
    }
}

/// What the server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    /// Reads until the server closes the connection.
    pub(crate) async fn read(mut connection: TcpStream) -> Self {
        let mut bytes = Vec::new();
        connection.read_to_end(&mut bytes).await.unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let mut lines = head.lines();
        let status = lines.next().unwrap_or_default();
        let status = status.split(' ').nth(1).unwrap_or_default();
        let headers = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| {
                let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
                (name, HeaderValue::from_str(value).unwrap())
            });
        Self {
            status: status.parse().unwrap_or_default(),
            headers: headers.collect(),
            body: body.to_owned(),
        }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// Status, code and text of a fault; its request id is the header's.
    pub(crate) fn fault(&self) -> (u16, String, String) {
        let error = ErrorAnswer::parse(&self.body).unwrap_or_else(|_| panic!("{self:?}"));
        assert_eq!(error.request_id, self.header("x-amzn-requestid"));
        (self.status, error.code, error.message)
    }

    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self) -> T {
        assert_eq!(self.status, 200, "{self:?}");
        serde_json::from_str(&self.body).unwrap()
    }

    /// Status and code of a desk's refusal.
    pub(crate) fn refusal(&self) -> (u16, packhorse_wire::desk::RefusalCode) {
        let refusal: packhorse_wire::desk::Refusal =
            serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{self:?}"));
        (self.status, refusal.code)
    }
}
