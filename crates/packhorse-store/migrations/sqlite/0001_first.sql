-- Times are microseconds since 1970. Sealed columns are nonce and XChaCha20-Poly1305 text.

-- Proves at opening that the master key is the one this database was made with.
CREATE TABLE master_check (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    sealed BLOB NOT NULL
) STRICT;

CREATE TABLE accounts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    enabled INTEGER NOT NULL DEFAULT 1,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE access_keys (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    account INTEGER NOT NULL REFERENCES accounts (id),
    sealed_secret BLOB NOT NULL,
    enabled INTEGER NOT NULL DEFAULT 1,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX access_keys_of_account ON access_keys (account, seq);

CREATE TABLE stations (
    name TEXT PRIMARY KEY,
    key_sha256 BLOB NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
) STRICT;

-- `seq` is the order of creation, which listing and its marker follow.
CREATE TABLE jobs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    account INTEGER NOT NULL REFERENCES accounts (id),
    access_key_id TEXT NOT NULL,
    job_type TEXT NOT NULL,
    location TEXT NOT NULL,
    progress TEXT NOT NULL,
    revision INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    counts TEXT NOT NULL,
    log_bucket TEXT,
    log_key TEXT,
    epoch INTEGER NOT NULL,
    lease_station TEXT,
    lease_device TEXT,
    lease_until INTEGER,
    -- Head of the event chain, so that cutting off its end shows.
    event_count INTEGER NOT NULL,
    event_link BLOB NOT NULL,
    -- Every change is made on the version it was based on.
    version INTEGER NOT NULL
) STRICT;
CREATE INDEX jobs_of_account ON jobs (account, seq);
CREATE INDEX jobs_of_account_by_time ON jobs (account, created_at);
CREATE INDEX jobs_waiting ON jobs (created_at) WHERE location = 'NotReceived' AND progress = 'Pending';

-- Every manifest a job ever had; the newest is in force.
CREATE TABLE revisions (
    job INTEGER NOT NULL REFERENCES jobs (seq),
    revision INTEGER NOT NULL,
    job_type TEXT NOT NULL,
    access_key_id TEXT NOT NULL,
    sealed_manifest BLOB NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (job, revision)
) STRICT;

CREATE TABLE events (
    job INTEGER NOT NULL REFERENCES jobs (seq),
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    what TEXT NOT NULL,
    detail TEXT NOT NULL,
    link BLOB NOT NULL,
    PRIMARY KEY (job, seq)
) STRICT;
