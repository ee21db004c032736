-- Times are microseconds since 1970. Sealed columns are nonce and XChaCha20-Poly1305 text.
-- IF NOT EXISTS: where changes of tables are not part of the transaction, half of this may be there.

-- The lowest of these files that a program must know to use the tables.
CREATE TABLE IF NOT EXISTS schema_floor (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    version BIGINT NOT NULL
);
INSERT INTO schema_floor (id, version) VALUES (1, 1) ON CONFLICT (id) DO NOTHING;

-- Proves at opening that the master key is the one this database was made with.
CREATE TABLE IF NOT EXISTS master_check (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    sealed BYTEA NOT NULL
);

CREATE TABLE IF NOT EXISTS accounts (
    id BIGINT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    enabled BOOLEAN NOT NULL DEFAULT TRUE,
    created_at BIGINT NOT NULL
);

CREATE TABLE IF NOT EXISTS access_keys (
    seq BIGINT PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    account BIGINT NOT NULL REFERENCES accounts (id),
    sealed_secret BYTEA NOT NULL,
    enabled BOOLEAN NOT NULL DEFAULT TRUE,
    created_at BIGINT NOT NULL
);
CREATE INDEX IF NOT EXISTS access_keys_of_account ON access_keys (account, seq);

CREATE TABLE IF NOT EXISTS stations (
    name TEXT PRIMARY KEY,
    key_sha256 BYTEA NOT NULL UNIQUE,
    created_at BIGINT NOT NULL
);

-- `seq` is the order of creation within an account, which listing and its marker follow.
CREATE TABLE IF NOT EXISTS jobs (
    seq BIGINT PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    account BIGINT NOT NULL REFERENCES accounts (id),
    access_key_id TEXT NOT NULL,
    job_type TEXT NOT NULL,
    location TEXT NOT NULL,
    progress TEXT NOT NULL,
    revision BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    counts TEXT NOT NULL,
    log_bucket TEXT,
    log_key TEXT,
    epoch BIGINT NOT NULL,
    lease_station TEXT,
    lease_device TEXT,
    lease_until BIGINT,
    -- Head of the event chain, so that cutting off its end shows.
    event_count BIGINT NOT NULL,
    event_link BYTEA NOT NULL,
    -- Every change is made on the version it was based on.
    version BIGINT NOT NULL
);
CREATE INDEX IF NOT EXISTS jobs_of_account ON jobs (account, seq);
CREATE INDEX IF NOT EXISTS jobs_of_account_by_time ON jobs (account, created_at);
CREATE INDEX IF NOT EXISTS jobs_waiting ON jobs (created_at)
    WHERE location = 'NotReceived' AND progress = 'Pending';

-- Every manifest a job ever had; the newest is in force.
CREATE TABLE IF NOT EXISTS revisions (
    job BIGINT NOT NULL REFERENCES jobs (seq),
    revision BIGINT NOT NULL,
    job_type TEXT NOT NULL,
    access_key_id TEXT NOT NULL,
    sealed_manifest BYTEA NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (job, revision)
);

CREATE TABLE IF NOT EXISTS events (
    job BIGINT NOT NULL REFERENCES jobs (seq),
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    what TEXT NOT NULL,
    detail TEXT NOT NULL,
    link BYTEA NOT NULL,
    PRIMARY KEY (job, seq)
);
