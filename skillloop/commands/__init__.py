"""The verbs of the command line, one file a kind of them; `cli.BESIDE` says which stand together."""
