"""The schema of the store, as the list of steps that led to it. A step that was released is never changed.

Documents (`proposals.data`, `lessons.data`) are JSON of the model with their SHA-256 beside them, so that a
flipped bit is an error and never another rule. Versions and the audit log can only be appended to; triggers say so.
SQLite knows `sha256` here (see `database`).
"""

from __future__ import annotations


def append_only(table: str) -> tuple[str, ...]:
    """Return the triggers that refuse every UPDATE and DELETE on the table."""
    return tuple(
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} can only be appended to'); END"
        for verb in ("UPDATE", "DELETE")
    )


_SESSIONS = (
    """CREATE TABLE sessions (
        session_id TEXT PRIMARY KEY,
        seq INTEGER NOT NULL UNIQUE,
        path TEXT NOT NULL,
        end INTEGER NOT NULL,
        digest TEXT NOT NULL,
        at TEXT NOT NULL,
        turns INTEGER NOT NULL,
        human_turns INTEGER NOT NULL,
        disagreements INTEGER NOT NULL
    ) STRICT""",
    """CREATE TABLE disagreements (
        id TEXT PRIMARY KEY,
        seq INTEGER NOT NULL UNIQUE,
        session_id TEXT NOT NULL REFERENCES sessions,
        skill TEXT,
        data TEXT NOT NULL,
        sha TEXT NOT NULL,
        dismissed INTEGER NOT NULL
    ) STRICT""",
    "CREATE INDEX disagreements_by_session ON disagreements (session_id, seq)",
    "CREATE INDEX disagreements_by_skill ON disagreements (skill, seq)",
    """CREATE TABLE recurrences (
        seq INTEGER PRIMARY KEY,
        disagreement_id TEXT NOT NULL REFERENCES disagreements,
        skill TEXT NOT NULL,
        line INTEGER NOT NULL,
        rule TEXT NOT NULL,
        at TEXT NOT NULL,
        UNIQUE (disagreement_id, skill, rule)
    ) STRICT""",
)

_PROPOSALS = (
    """CREATE TABLE proposals (
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
    ) STRICT""",
    "CREATE INDEX proposals_by_state ON proposals (state, seq)",
    "CREATE INDEX proposals_by_skill ON proposals (skill, acted)",
    "CREATE INDEX proposals_by_session ON proposals (session_id)",
    """CREATE TABLE trials (
        seq INTEGER PRIMARY KEY,
        problem TEXT NOT NULL,
        candidate TEXT NOT NULL,
        outcome TEXT NOT NULL,
        reason TEXT NOT NULL,
        score REAL,
        cost REAL NOT NULL,
        data TEXT NOT NULL,
        at TEXT NOT NULL
    ) STRICT""",
)

_HISTORY = (
    "CREATE TABLE blobs (sha TEXT PRIMARY KEY, data BLOB NOT NULL) STRICT",
    """CREATE TABLE versions (
        skill TEXT NOT NULL,
        number INTEGER NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('import', 'proposal', 'rollback', 'external')),
        sha TEXT NOT NULL REFERENCES blobs,
        at TEXT NOT NULL,
        note TEXT NOT NULL,
        proposal TEXT,
        extra TEXT NOT NULL,
        PRIMARY KEY (skill, number)
    ) STRICT""",
    """CREATE TABLE publishes (
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
    ) STRICT""",
    "CREATE INDEX publishes_open ON publishes (state) WHERE state = 'intent'",
)

_AUDIT = (
    """CREATE TABLE audit (
        seq INTEGER PRIMARY KEY,
        entry TEXT NOT NULL,
        hash TEXT NOT NULL,
        mac TEXT NOT NULL,
        skill TEXT
    ) STRICT""",
    "CREATE INDEX audit_by_skill ON audit (skill, seq)",
)

_MODEL = (
    """CREATE TABLE calls (
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
    ) STRICT""",
    "CREATE INDEX calls_by_day ON calls (day)",
    "CREATE INDEX calls_by_session ON calls (session)",
    "CREATE INDEX calls_by_command ON calls (command)",
    "CREATE INDEX calls_answered ON calls (key) WHERE state = 'answered'",
    """CREATE TABLE cases (
        id TEXT PRIMARY KEY,
        seq INTEGER NOT NULL UNIQUE,
        skill TEXT NOT NULL,
        session_id TEXT NOT NULL,
        data TEXT NOT NULL,
        sha TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX cases_by_skill ON cases (skill, seq)",
    """CREATE TABLE heldout_reads (
        seq INTEGER PRIMARY KEY,
        skill TEXT NOT NULL,
        proposal TEXT NOT NULL,
        at TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX heldout_reads_by_skill ON heldout_reads (skill)",
    """CREATE TABLE opinions (
        seq INTEGER PRIMARY KEY,
        proposal TEXT NOT NULL,
        judge TEXT NOT NULL,
        approves INTEGER NOT NULL CHECK (approves IN (0, 1)),
        consistent INTEGER NOT NULL CHECK (consistent IN (0, 1)),
        said TEXT NOT NULL,
        at TEXT NOT NULL,
        UNIQUE (proposal, judge)
    ) STRICT""",
)

_CURSORS = (
    """CREATE TABLE places (
            path TEXT PRIMARY KEY,
            session_id TEXT NOT NULL REFERENCES sessions,
            place TEXT NOT NULL,
            sha TEXT NOT NULL
        ) STRICT""",
)

_LESSONS = (
    """CREATE TABLE lessons (
        id TEXT PRIMARY KEY,
        seq INTEGER NOT NULL UNIQUE,
        session_id TEXT NOT NULL REFERENCES sessions,
        offered INTEGER NOT NULL,
        dismissed INTEGER NOT NULL,
        trouble TEXT NOT NULL,
        data TEXT NOT NULL,
        sha TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX lessons_by_session ON lessons (session_id, seq)",
    # the JSON is compact, so a key is never to be found in a text; what a lesson does not know of it is not read
    """INSERT INTO lessons SELECT id, seq, session_id, 1, dismissed, '', data, sha256(data) FROM (
        SELECT id, seq, session_id, dismissed, '{"chance":0.5,"disagreement":"' || id || '","offered":true,"target":'
            || coalesce(json_quote(skill), 'null') || ',' || replace(substr(data, 2), '"lesson":', '"text":') AS data
        FROM disagreements WHERE data NOT LIKE '%"lesson":null%' AND sha = sha256(data)
    )""",
    "DROP TABLE recurrences",
    "DROP TABLE places",
    "DROP INDEX disagreements_by_skill",
)

MIGRATIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "first",
        (
            *_SESSIONS,
            *_PROPOSALS,
            *_HISTORY,
            *_AUDIT,
            *append_only("versions"),
            *append_only("audit"),
            *append_only("trials"),
        ),
    ),
    ("model", _MODEL),
    ("places", _CURSORS),
    ("lessons", _LESSONS),
)
"""Name and statements, in order; number n in the table `migrations` is the n-th of these."""
