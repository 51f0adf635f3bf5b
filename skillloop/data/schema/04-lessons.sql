-- Lessons apart from corrections. Old documents are rewritten as text: their JSON is compact, so a key is never to be
-- found in a text; what a lesson does not know of it is not read. SQLite knows `sha256` here (see `database`).

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

INSERT INTO lessons SELECT id, seq, session_id, 1, dismissed, '', data, sha256(data) FROM (
    SELECT id, seq, session_id, dismissed, '{"chance":0.5,"disagreement":"' || id || '","offered":true,"target":'
        || coalesce(json_quote(skill), 'null') || ',' || replace(substr(data, 2), '"lesson":', '"text":') AS data
    FROM disagreements WHERE data NOT LIKE '%"lesson":null%' AND sha = sha256(data)
);

DROP TABLE recurrences;

DROP TABLE places;

DROP INDEX disagreements_by_skill;
