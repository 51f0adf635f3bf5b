"""The search loop: ask for a candidate, measure it, keep or discard it; with an archive and limits."""
