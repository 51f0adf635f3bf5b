"""Evidence that an edit helps: cases, replays, and a judge whose opinion is measured."""
