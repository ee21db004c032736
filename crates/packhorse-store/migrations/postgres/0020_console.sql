-- Sessions of the console that were ended by hand; forgotten when they would have ended by themselves.
CREATE TABLE IF NOT EXISTS ended_sessions (
    id BYTEA PRIMARY KEY,
    until BIGINT NOT NULL
);
-- What is at the dock.
CREATE INDEX IF NOT EXISTS jobs_here ON jobs (updated_at) WHERE location = 'AtAWS';
