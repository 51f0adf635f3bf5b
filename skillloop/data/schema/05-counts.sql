-- How many turns a session had is told by its transcript.

ALTER TABLE sessions DROP COLUMN turns;

ALTER TABLE sessions DROP COLUMN human_turns;

ALTER TABLE sessions DROP COLUMN disagreements;
