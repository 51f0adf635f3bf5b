"""Claude Code: its transcripts, who said what in them, and its hooks."""
