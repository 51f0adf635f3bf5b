-- Sessions, corrections, proposals, versions, the audit log and the ledger of trials.
-- Documents (`data`) are JSON of the model with their SHA-256 beside them, so that a flipped bit is an error and never
-- another rule. Versions, trials and the audit log can only be appended to.

CREATE TABLE sessions (
    session_id TEXT PRIMARY KEY,
    seq INTEGER NOT NULL UNIQUE,
    path TEXT NOT NULL,
    end INTEGER NOT NULL,
    digest TEXT NOT NULL,
    at TEXT NOT NULL,
    turns INTEGER NOT NULL,
    human_turns INTEGER NOT NULL,
    disagreements INTEGER NOT NULL
) STRICT;

CREATE TABLE disagreements (
    id TEXT PRIMARY KEY,
    seq INTEGER NOT NULL UNIQUE,
    session_id TEXT NOT NULL REFERENCES sessions,
    skill TEXT,
    data TEXT NOT NULL,
    sha TEXT NOT NULL,
    dismissed INTEGER NOT NULL
) STRICT;

CREATE INDEX disagreements_by_session ON disagreements (session_id, seq);

CREATE INDEX disagreements_by_skill ON disagreements (skill, seq);

CREATE TABLE recurrences (
    seq INTEGER PRIMARY KEY,
    disagreement_id TEXT NOT NULL REFERENCES disagreements,
    skill TEXT NOT NULL,
    line INTEGER NOT NULL,
    rule TEXT NOT NULL,
    at TEXT NOT NULL,
    UNIQUE (disagreement_id, skill, rule)
) STRICT;

CREATE TABLE proposals (
    id TEXT PRIMARY KEY,
    seq INTEGER NOT NULL UNIQUE,
    skill TEXT NOT NULL,
    session_id TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'applied', 'rejected', 'discarded', 'stale')),
    reason TEXT NOT NULL,
    by TEXT NOT NULL,
    acted INTEGER NOT NULL,
    added INTEGER NOT NULL,
    at TEXT NOT NULL,
    data TEXT NOT NULL,
    sha TEXT NOT NULL
) STRICT;

CREATE INDEX proposals_by_state ON proposals (state, seq);

CREATE INDEX proposals_by_skill ON proposals (skill, acted);

CREATE INDEX proposals_by_session ON proposals (session_id);

CREATE TABLE trials (
    seq INTEGER PRIMARY KEY,
    problem TEXT NOT NULL,
    candidate TEXT NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT NOT NULL,
    score REAL,
    cost REAL NOT NULL,
    data TEXT NOT NULL,
    at TEXT NOT NULL
) STRICT;

CREATE TABLE blobs (sha TEXT PRIMARY KEY, data BLOB NOT NULL) STRICT;

CREATE TABLE versions (
    skill TEXT NOT NULL,
    number INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('import', 'proposal', 'rollback', 'external')),
    sha TEXT NOT NULL REFERENCES blobs,
    at TEXT NOT NULL,
    note TEXT NOT NULL,
    proposal TEXT,
    extra TEXT NOT NULL,
    PRIMARY KEY (skill, number)
) STRICT;

CREATE TABLE publishes (
    id INTEGER PRIMARY KEY,
    skill TEXT NOT NULL,
    kind TEXT NOT NULL,
    base TEXT NOT NULL REFERENCES blobs,
    target TEXT NOT NULL REFERENCES blobs,
    note TEXT NOT NULL,
    proposal TEXT,
    extra TEXT NOT NULL,
    by TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('intent', 'applied', 'aborted', 'conflict')),
    at TEXT NOT NULL
) STRICT;

CREATE INDEX publishes_open ON publishes (state) WHERE state = 'intent';

CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    entry TEXT NOT NULL,
    hash TEXT NOT NULL,
    mac TEXT NOT NULL,
    skill TEXT
) STRICT;

CREATE INDEX audit_by_skill ON audit (skill, seq);

CREATE TRIGGER versions_no_update BEFORE UPDATE ON versions
BEGIN SELECT RAISE(ABORT, 'versions can only be appended to'); END;

CREATE TRIGGER versions_no_delete BEFORE DELETE ON versions
BEGIN SELECT RAISE(ABORT, 'versions can only be appended to'); END;

CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'audit can only be appended to'); END;

CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'audit can only be appended to'); END;

CREATE TRIGGER trials_no_update BEFORE UPDATE ON trials
BEGIN SELECT RAISE(ABORT, 'trials can only be appended to'); END;

CREATE TRIGGER trials_no_delete BEFORE DELETE ON trials
BEGIN SELECT RAISE(ABORT, 'trials can only be appended to'); END;
