-- The lowest of these files that a program must know to use the tables.
CREATE TABLE schema_floor (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    version INTEGER NOT NULL
) STRICT;
INSERT INTO schema_floor (id, version) VALUES (1, 1);
