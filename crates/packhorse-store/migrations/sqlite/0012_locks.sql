-- Jobs whose device is encrypted: why it could not be opened, and the password that the customer gave
-- for it. Gone when the job is over.
CREATE TABLE locks (
    job INTEGER PRIMARY KEY REFERENCES jobs (seq),
    reason TEXT,
    sealed_password BLOB
) STRICT;
