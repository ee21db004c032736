-- One export on one station: the plan, the ledger and the report are this one table.
CREATE TABLE export (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    job_id TEXT NOT NULL,
    basis TEXT NOT NULL,
    phase INTEGER NOT NULL,      -- 0 listing, 1 loading, 2 reported
    full_from INTEGER            -- the first object that the device had no room for
) STRICT;

CREATE TABLE objects (
    id INTEGER PRIMARY KEY,      -- the order of the export
    operation INTEGER NOT NULL,
    key TEXT NOT NULL,
    path TEXT,                   -- on the device; NULL where the object gets none
    size INTEGER NOT NULL,       -- as listed, then as received
    present INTEGER NOT NULL,    -- whether the device had a file there when it was planned
    misfit TEXT,
    state INTEGER NOT NULL,      -- 0 open, 1 stored, 2 ignored, 3 failed
    status INTEGER,
    code TEXT,
    at_ms INTEGER,
    md5 BLOB,
    content_type TEXT,
    record TEXT,                 -- its line of the sidecar
    done_bytes INTEGER NOT NULL DEFAULT 0, -- of a large object: safely on the device
    done_etag TEXT               -- of the object that these bytes are of
) STRICT;

CREATE INDEX objects_open ON objects (id) WHERE state = 0;
CREATE INDEX objects_recovered ON objects (key) WHERE misfit IS NOT NULL;

-- Every path of the plan and every folder above it, as the file system compares them.
CREATE TABLE names (
    fold TEXT PRIMARY KEY,
    object INTEGER,              -- NULL: a folder
    spelling TEXT,               -- of a folder: another spelling would be another folder elsewhere
    entries INTEGER NOT NULL     -- of a folder, counted where the file system limits them
) STRICT, WITHOUT ROWID;
