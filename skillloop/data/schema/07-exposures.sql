-- Which files each session read, skills and rules files, whether they taught anything or not; `at` is when the person
-- first spoke in it. A rule that stood in one of them by then was in force.

CREATE TABLE exposures (
    target TEXT NOT NULL,
    session_id TEXT NOT NULL REFERENCES sessions,
    at TEXT NOT NULL,
    PRIMARY KEY (target, session_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX exposures_by_session ON exposures (session_id);
