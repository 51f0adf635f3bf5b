-- What a model was asked and what it cost, the cases, and the judge's opinions.

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
