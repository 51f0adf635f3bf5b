"""The background worker: its queue, the sweep for sessions that ended without a hook, and the watcher."""
