"""One file per verb of the command line. Each holds one click command and a plain function that does the work."""
