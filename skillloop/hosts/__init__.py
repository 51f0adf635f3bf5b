"""The clients whose sessions skillloop reads, one adapter each."""
