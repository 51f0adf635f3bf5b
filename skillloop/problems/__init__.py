"""The instances of the loop: a session's proposals (`session`); later a skill's evolution and a training run."""
