-- Sessions with the corrections and lessons in them, proposals, versions, the audit log, what models were asked and what
-- it cost, cases and the judge's opinions. Documents (`data`) are JSON of the model with their SHA-256 beside them, so that
-- a flipped bit is an error and never another rule. Versions and the audit log can only be appended to.
-- `exposures` are the files that each session read; `at` is when the person first spoke in it.

CREATE TABLE sessions (
    session_id TEXT PRIMARY KEY,
    seq INTEGER NOT NULL UNIQUE,
    path TEXT NOT NULL,
    end INTEGER NOT NULL,
    digest TEXT NOT NULL,
    at TEXT NOT NULL
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

CREATE TABLE lessons (
    id TEXT PRIMARY KEY,
    seq INTEGER NOT NULL UNIQUE,
    session_id TEXT NOT NULL REFERENCES sessions,
    offered INTEGER NOT NULL,
    dismissed INTEGER NOT NULL,
    trouble TEXT NOT NULL,
    data TEXT NOT NULL,
    sha TEXT NOT NULL
) STRICT;

CREATE INDEX lessons_by_session ON lessons (session_id, seq);

CREATE TABLE exposures (
    target TEXT NOT NULL,
    session_id TEXT NOT NULL REFERENCES sessions,
    at TEXT NOT NULL,
    PRIMARY KEY (target, session_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX exposures_by_session ON exposures (session_id);

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

CREATE TRIGGER versions_no_update BEFORE UPDATE ON versions
BEGIN SELECT RAISE(ABORT, 'versions can only be appended to'); END;

CREATE TRIGGER versions_no_delete BEFORE DELETE ON versions
BEGIN SELECT RAISE(ABORT, 'versions can only be appended to'); END;

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

CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'audit can only be appended to'); END;

CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'audit can only be appended to'); END;

CREATE TABLE calls (
    id INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    day TEXT NOT NULL,
    session TEXT NOT NULL,
    command TEXT NOT NULL,
    purpose TEXT NOT NULL,
    backend TEXT NOT NULL,
    model TEXT NOT NULL,
    prompt TEXT NOT NULL,
    key TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'answered', 'refused', 'lost')),
    nano INTEGER NOT NULL CHECK (nano >= 0),
    tokens INTEGER NOT NULL CHECK (tokens >= 0),
    request_id TEXT,
    reply TEXT,
    sha TEXT
) STRICT;

CREATE INDEX calls_by_day ON calls (day);

CREATE INDEX calls_by_session ON calls (session);

CREATE INDEX calls_by_command ON calls (command);

CREATE INDEX calls_answered ON calls (key) WHERE state = 'answered';

CREATE TABLE cases (
    id TEXT PRIMARY KEY,
    seq INTEGER NOT NULL UNIQUE,
    skill TEXT NOT NULL,
    session_id TEXT NOT NULL,
    data TEXT NOT NULL,
    sha TEXT NOT NULL
) STRICT;

CREATE INDEX cases_by_skill ON cases (skill, seq);

CREATE TABLE heldout_reads (
    seq INTEGER PRIMARY KEY,
    skill TEXT NOT NULL,
    proposal TEXT NOT NULL,
    at TEXT NOT NULL
) STRICT;

CREATE INDEX heldout_reads_by_skill ON heldout_reads (skill);

CREATE TABLE opinions (
    seq INTEGER PRIMARY KEY,
    proposal TEXT NOT NULL,
    judge TEXT NOT NULL,
    approves INTEGER NOT NULL CHECK (approves IN (0, 1)),
    consistent INTEGER NOT NULL CHECK (consistent IN (0, 1)),
    said TEXT NOT NULL,
    at TEXT NOT NULL,
    UNIQUE (proposal, judge)
) STRICT;
