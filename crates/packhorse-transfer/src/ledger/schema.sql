-- One job on one station: the plan, the ledger and the report are this one table.
CREATE TABLE job (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    job_id TEXT NOT NULL,
    basis TEXT NOT NULL,
    phase TEXT NOT NULL
) STRICT;

CREATE TABLE entries (
    id INTEGER PRIMARY KEY,
    volume INTEGER NOT NULL,
    path BLOB NOT NULL,          -- from the root of the device, volume folder included
    inner_bytes INTEGER NOT NULL, -- how many of the path's last bytes are the path in the volume
    kind TEXT NOT NULL,
    size INTEGER NOT NULL,
    modified_ns BLOB,            -- 16 bytes, big-endian nanoseconds since 1970: i64 would end in 2262
    mode INTEGER,
    uid INTEGER,
    gid INTEGER,
    node INTEGER NOT NULL,
    extent INTEGER NOT NULL,     -- physical position, or the listing order where unknown
    key TEXT,
    state INTEGER NOT NULL,      -- 0 open, 1 stored, 2 ignored, 3 failed
    status INTEGER,
    code TEXT,
    at_ms INTEGER,
    md5 BLOB,
    etag TEXT,
    content_type TEXT,
    upload_id TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    there TEXT,                  -- ETag of an object of this size under the key, perhaps our own
    put_off INTEGER NOT NULL DEFAULT 0 -- 1 after a read error: tried once more when all else is done
) STRICT;

CREATE INDEX entries_open ON entries (extent, id) WHERE state = 0;
