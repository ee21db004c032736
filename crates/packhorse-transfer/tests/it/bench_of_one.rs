//! What every test needs: a store, a bucket, a folder to load, an import of it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use packhorse_core::id::JobId;
use packhorse_core::job::JobType;
use packhorse_core::manifest;
use packhorse_core::secret::Secret;
use packhorse_objects::client::{Client, ListObjects, Upload};
use packhorse_objects::embedded::{Embedded, Keys, Owner, Unavailable};
use packhorse_transfer::{Error, Import, JobFolder, Limits, Loaded, Meter, SourceVolume, Throttle};
use packhorse_wire::desk::{Credentials, ObjectStore};
use tokio_util::sync::CancellationToken;

pub(crate) const BUCKET: &str = "bucket";
const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

struct OneKey;

#[async_trait]
impl Keys for OneKey {
    async fn find(&self, access_key_id: &str) -> Result<Option<Owner>, Unavailable> {
        let owner = Owner {
            account: "a".into(),
            secret: Secret::new(SECRET),
            enabled: true,
        };
        Ok((access_key_id == KEY).then_some(owner))
    }
}

pub(crate) struct Bench {
    pub disk: tempfile::TempDir,
    pub endpoint: String,
    state: tempfile::TempDir,
    _store: tempfile::TempDir,
    stop_store: CancellationToken,
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.stop_store.cancel();
    }
}

impl Bench {
    pub(crate) async fn new() -> Self {
        let store = tempfile::tempdir().unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let embedded = Embedded::open(store.path()).unwrap();
        let stop_store = CancellationToken::new();
        let stopped = stop_store.clone().cancelled_owned();
        tokio::spawn(async move { embedded.serve(listener, Arc::new(OneKey), stopped).await });
        let bench = Self {
            disk: tempfile::tempdir().unwrap(),
            endpoint,
            state: tempfile::tempdir().unwrap(),
            _store: store,
            stop_store,
        };
        bench
            .client(&bench.endpoint)
            .create_bucket(BUCKET)
            .await
            .unwrap();
        bench
    }

    pub(crate) fn client(&self, endpoint: &str) -> Client {
        let store = ObjectStore {
            endpoint: endpoint.into(),
            region: "us-east-1".into(),
            path_style: true,
        };
        let secret_access_key = Secret::new(SECRET);
        let credentials = Credentials {
            access_key_id: KEY.into(),
            secret_access_key,
        };
        Client::new(&store, &credentials).unwrap()
    }

    pub(crate) fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.disk.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    pub(crate) fn import(&self, options: &str) -> Import {
        self.import_through(&self.endpoint, options)
    }

    pub(crate) fn import_through(&self, endpoint: &str, options: &str) -> Import {
        let text = format!(
            "manifestVersion: 2.0\nbucket: {BUCKET}\ndeviceId: d\neraseDevice: no\n\
             returnAddress:\n  name: n\n  street1: s\n  city: c\n  stateOrProvince: WA\n  \
             postalCode: 91111\n  phoneNumber: 555-555-0100\n  country: USA\n{options}"
        );
        let reading = manifest::read(&text, JobType::Import).unwrap();
        let device = packhorse_media::open_device(self.disk.path()).unwrap();
        let job_id = JobId::parse("AB12CD34").unwrap();
        Import {
            folder: JobFolder::new(self.state.path(), &job_id),
            job_id,
            manifest: Arc::new(reading.manifest.into_s3_import().unwrap()),
            basis: text,
            volumes: vec![SourceVolume {
                folder: String::new(),
                content: Ok(Arc::clone(&device.volumes()[0])),
            }],
            client: self.client(endpoint),
            limits: Limits {
                retry_for: Duration::from_secs(30),
                ..Limits::default()
            },
            meter: Meter::default(),
            stop: CancellationToken::new(),
            takes_over: false,
            throttle: Throttle::default(),
            clock: || Timestamp::UNIX_EPOCH,
        }
    }

    /// Loads the folder and gives the report's rows without their times.
    pub(crate) async fn load(&self, options: &str) -> Vec<String> {
        let loaded = self.import(options).run().await.unwrap();
        self.report(&loaded).await
    }

    /// Loads the folder as a station without a ledger of it does.
    pub(crate) async fn load_anew(&self, endpoint: &str) -> Loaded {
        let mut import = self.import_through(endpoint, "");
        import.takes_over = true;
        std::fs::remove_dir_all(import.folder.path()).unwrap();
        import.run().await.unwrap()
    }

    pub(crate) async fn report(&self, loaded: &Loaded) -> Vec<String> {
        let bytes = self.get(&loaded.log_key).await;
        let text = String::from_utf8(bytes).unwrap();
        let rows = text
            .lines()
            .map(|line| line.split_once(',').unwrap().1.to_owned());
        rows.collect()
    }

    pub(crate) async fn get(&self, key: &str) -> Vec<u8> {
        let client = self.client(&self.endpoint);
        let mut object = client.get_object(BUCKET, key, None).await.unwrap();
        let mut bytes = Vec::new();
        while let Some(piece) = object.body.chunk().await.unwrap() {
            bytes.extend_from_slice(&piece);
        }
        bytes
    }

    /// Every object but the report.
    pub(crate) async fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        let mut objects = BTreeMap::new();
        for key in self.listing("").await {
            if key != "import-log-AB12CD34" {
                let bytes = self.get(&key).await;
                objects.insert(key, bytes);
            }
        }
        objects
    }

    /// Every key that begins with `prefix`.
    pub(crate) async fn listing(&self, prefix: &str) -> Vec<String> {
        let client = self.client(&self.endpoint);
        let mut keys = Vec::new();
        let mut request = ListObjects {
            prefix: prefix.to_owned(),
            ..ListObjects::default()
        };
        loop {
            let page = client.list_objects(BUCKET, &request).await.unwrap();
            keys.extend(page.objects.into_iter().map(|object| object.key));
            match page.next {
                Some(next) => request.continuation_token = Some(next),
                None => return keys,
            }
        }
    }

    pub(crate) async fn open_uploads(&self) -> usize {
        self.uploads_below("").await
    }

    pub(crate) async fn uploads_below(&self, prefix: &str) -> usize {
        self.uploads(prefix).await.len()
    }

    /// Parts that the store has of uploads in progress.
    pub(crate) async fn open_parts(&self) -> usize {
        let client = self.client(&self.endpoint);
        let mut parts = 0;
        for upload in self.uploads("").await {
            let page = client.list_parts(BUCKET, &upload.key, &upload.id, 0).await;
            parts += page.unwrap().parts.len();
        }
        parts
    }

    async fn uploads(&self, prefix: &str) -> Vec<Upload> {
        let client = self.client(&self.endpoint);
        let page = client.list_multipart_uploads(BUCKET, prefix, None).await;
        page.unwrap().uploads
    }

    /// The files of the folder, as objects should be.
    pub(crate) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        collect(self.disk.path(), "", &mut files);
        files
    }
}

fn collect(folder: &Path, prefix: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            collect(&entry.path(), &format!("{name}/"), files);
        } else if entry.file_type().unwrap().is_file() {
            files.insert(name, std::fs::read(entry.path()).unwrap());
        }
    }
}

/// Bytes that no two places of a file have in common.
pub(crate) fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let step = |_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963);
        (state >> 33) as u8
    };
    (0..length).map(step).collect()
}

/// What a load that was expected to stop stopped for.
pub(crate) async fn stopped(import: Import) -> Error {
    import
        .run()
        .await
        .expect_err("the load should have stopped")
}
