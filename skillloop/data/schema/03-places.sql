-- Where the reading of each transcript may go on.

CREATE TABLE places (
    path TEXT PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES sessions,
    place TEXT NOT NULL,
    sha TEXT NOT NULL
) STRICT;
