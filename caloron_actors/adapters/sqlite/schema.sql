-- The first schema. Whole values are JSON text written by this program; columns beside them are what SQL asks for.
CREATE TABLE sprints (
    ordinal INTEGER PRIMARY KEY,
    id      TEXT NOT NULL UNIQUE,
    seq     INTEGER NOT NULL,
    created TEXT NOT NULL,
    plan    TEXT NOT NULL,
    head    TEXT NOT NULL
) STRICT;

CREATE TABLE tasks (
    sprint TEXT NOT NULL REFERENCES sprints (id),
    task   TEXT NOT NULL,
    place  INTEGER NOT NULL,
    row    TEXT NOT NULL,
    PRIMARY KEY (sprint, task)
) STRICT;

CREATE TABLE events (
    sprint  TEXT NOT NULL REFERENCES sprints (id),
    seq     INTEGER NOT NULL,
    wall    TEXT NOT NULL,
    at      TEXT NOT NULL,
    kind    TEXT NOT NULL,
    body    TEXT NOT NULL,
    refusal TEXT,
    settled TEXT,
    PRIMARY KEY (sprint, seq)
) STRICT;

CREATE TABLE intents (
    ordinal     INTEGER PRIMARY KEY AUTOINCREMENT,
    sprint      TEXT NOT NULL REFERENCES sprints (id),
    key         TEXT NOT NULL UNIQUE,
    kind        TEXT NOT NULL,
    body        TEXT NOT NULL,
    state       TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'claimed', 'settled', 'withdrawn')),
    unwanted    INTEGER NOT NULL DEFAULT 0,
    tries       INTEGER NOT NULL DEFAULT 0,
    since       TEXT NOT NULL,
    due         TEXT,
    claimed     TEXT,
    error       TEXT,
    settled_seq INTEGER
) STRICT;

CREATE INDEX intents_open ON intents (sprint, ordinal) WHERE state IN ('waiting', 'claimed');
