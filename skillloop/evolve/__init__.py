"""A skill improved against its own cases: texts by operators, judged by replays; the winner becomes a proposal that waits."""
