-- The second schema: events are grouped into segments by the version of `step` that wrote them, and what came of each
-- event is stored beside it. `body` is NULL once it was compacted. `version` is '' where the first schema did not tell.
-- Each backup adds a row to `copies` of the copy (also to one of the first schema, so the table may be there already).
CREATE TABLE IF NOT EXISTS copies (number INTEGER PRIMARY KEY) STRICT;

CREATE TABLE segments (
    sprint    TEXT NOT NULL REFERENCES sprints (id),
    ordinal   INTEGER NOT NULL,
    version   TEXT NOT NULL,
    first_seq INTEGER NOT NULL,
    snapshot  TEXT,
    compacted INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (sprint, ordinal)
) STRICT;

INSERT INTO segments (sprint, ordinal, version, first_seq) SELECT id, 1, '', 1 FROM sprints;

CREATE TABLE new_events (
    sprint  TEXT NOT NULL REFERENCES sprints (id),
    seq     INTEGER NOT NULL,
    wall    TEXT NOT NULL,
    at      TEXT NOT NULL,
    kind    TEXT NOT NULL,
    body    TEXT,
    result  TEXT NOT NULL,
    refusal TEXT,
    settled TEXT,
    PRIMARY KEY (sprint, seq)
) STRICT;

INSERT INTO new_events (sprint, seq, wall, at, kind, body, result, refusal, settled)
SELECT
    sprint, seq, wall, at, kind, body,
    CASE WHEN body ->> '$.task' IS NULL THEN '{}' ELSE json_object('task', body ->> '$.task') END,
    refusal, settled
FROM events ORDER BY sprint, seq;

DROP TABLE events;
ALTER TABLE new_events RENAME TO events;

CREATE TABLE new_intents (
    ordinal     INTEGER PRIMARY KEY AUTOINCREMENT,
    sprint      TEXT NOT NULL REFERENCES sprints (id),
    key         TEXT NOT NULL UNIQUE,
    kind        TEXT NOT NULL,
    body        TEXT CHECK (body IS NOT NULL OR state IN ('settled', 'withdrawn')),
    state       TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'claimed', 'settled', 'withdrawn')),
    unwanted    INTEGER NOT NULL DEFAULT 0,
    tries       INTEGER NOT NULL DEFAULT 0,
    since       TEXT NOT NULL,
    due         TEXT,
    claimed     TEXT,
    error       TEXT,
    settled_seq INTEGER
) STRICT;

INSERT INTO new_intents (
    ordinal, sprint, key, kind, body, state, unwanted, tries, since, due, claimed, error, settled_seq
)
SELECT ordinal, sprint, key, kind, body, state, unwanted, tries, since, due, claimed, error, settled_seq
FROM intents ORDER BY ordinal;

DROP TABLE intents;
ALTER TABLE new_intents RENAME TO intents;
CREATE INDEX intents_open ON intents (sprint, ordinal) WHERE state IN ('waiting', 'claimed');
