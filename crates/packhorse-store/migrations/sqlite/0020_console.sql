-- Sessions of the console that were ended by hand; forgotten when they would have ended by themselves.
CREATE TABLE ended_sessions (
    id BLOB PRIMARY KEY,
    until INTEGER NOT NULL
) STRICT;
-- What is at the dock.
CREATE INDEX jobs_here ON jobs (updated_at) WHERE location = 'AtAWS';
