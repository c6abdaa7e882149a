-- Schema 1 of forge.db. Instants are UTC text, "2026-01-31T12:00:00Z", so that they compare as they sort.

CREATE TABLE accounts (
    id INTEGER PRIMARY KEY,
    login TEXT NOT NULL UNIQUE COLLATE NOCASE,
    kind TEXT NOT NULL CHECK (kind IN ('User', 'Organization')),
    token_sha256 TEXT UNIQUE,
    created_at TEXT NOT NULL
) STRICT;

CREATE TABLE repositories (
    id INTEGER PRIMARY KEY,
    owner_id INTEGER NOT NULL REFERENCES accounts (id),
    name TEXT NOT NULL COLLATE NOCASE,
    full_name TEXT NOT NULL UNIQUE COLLATE NOCASE,
    default_branch TEXT NOT NULL,
    last_number INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    pushed_at TEXT NOT NULL
) STRICT;

CREATE TABLE permissions (
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    account_id INTEGER NOT NULL REFERENCES accounts (id),
    permission TEXT NOT NULL CHECK (permission IN ('admin', 'write', 'read')),
    PRIMARY KEY (repository_id, account_id)
) STRICT, WITHOUT ROWID;

-- A pull request is an issue with a row in `pulls`.
CREATE TABLE issues (
    id INTEGER PRIMARY KEY,
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    number INTEGER NOT NULL,
    is_pull INTEGER NOT NULL,
    title TEXT NOT NULL,
    body TEXT,
    state TEXT NOT NULL CHECK (state IN ('open', 'closed')),
    state_reason TEXT,
    author_id INTEGER NOT NULL REFERENCES accounts (id),
    closed_by_id INTEGER REFERENCES accounts (id),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    closed_at TEXT,
    UNIQUE (repository_id, number)
) STRICT;
CREATE INDEX issues_by_update ON issues (repository_id, updated_at);

CREATE TABLE comments (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    issue_id INTEGER NOT NULL REFERENCES issues (id),
    author_id INTEGER NOT NULL REFERENCES accounts (id),
    body TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
) STRICT;
CREATE INDEX comments_by_issue ON comments (issue_id);

CREATE TABLE labels (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    name TEXT NOT NULL COLLATE NOCASE,
    color TEXT NOT NULL,
    description TEXT,
    UNIQUE (repository_id, name)
) STRICT;

CREATE TABLE issue_labels (
    issue_id INTEGER NOT NULL REFERENCES issues (id),
    label_id INTEGER NOT NULL REFERENCES labels (id) ON DELETE CASCADE,
    PRIMARY KEY (issue_id, label_id)
) STRICT, WITHOUT ROWID;

-- `head_sha` and `base_sha` follow the branches while the pull request is open and stand still afterwards.
CREATE TABLE pulls (
    issue_id INTEGER PRIMARY KEY REFERENCES issues (id),
    head_ref TEXT NOT NULL,
    head_sha TEXT NOT NULL,
    base_ref TEXT NOT NULL,
    base_sha TEXT NOT NULL,
    draft INTEGER NOT NULL,
    merged_at TEXT,
    merged_by_id INTEGER REFERENCES accounts (id),
    merge_sha TEXT
) STRICT;

CREATE TABLE requested_reviewers (
    issue_id INTEGER NOT NULL REFERENCES issues (id),
    account_id INTEGER NOT NULL REFERENCES accounts (id),
    PRIMARY KEY (issue_id, account_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE reviews (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    issue_id INTEGER NOT NULL REFERENCES issues (id),
    author_id INTEGER NOT NULL REFERENCES accounts (id),
    state TEXT NOT NULL CHECK (state IN ('APPROVED', 'CHANGES_REQUESTED', 'COMMENTED', 'DISMISSED', 'PENDING')),
    body TEXT NOT NULL,
    commit_sha TEXT NOT NULL,
    submitted_at TEXT NOT NULL
) STRICT;
CREATE INDEX reviews_by_issue ON reviews (issue_id);

CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    issue_id INTEGER NOT NULL REFERENCES issues (id),
    actor_id INTEGER REFERENCES accounts (id),
    kind TEXT NOT NULL,
    created_at TEXT NOT NULL,
    commit_sha TEXT,
    label TEXT,
    color TEXT
) STRICT;
CREATE INDEX events_by_issue ON events (issue_id);

-- What is about to change both a row here and a ref or directory beside it. Settled by the transaction that
-- brings the rows up to date, or when the forge is opened next.
CREATE TABLE intents (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    plan TEXT NOT NULL
) STRICT;
