"""The way of a session: detect, propose, gate, decide, record."""
