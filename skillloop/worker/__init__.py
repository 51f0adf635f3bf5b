"""The background worker: its queue, the sweep for missed sessions, and the watcher."""
