"""Training experiments: one metric, one editable train.py, a fixed time budget."""
