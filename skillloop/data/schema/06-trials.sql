-- What became of a proposal stands in its own row and in the log; nothing ever read the ledger beside them.

DROP TABLE trials;
