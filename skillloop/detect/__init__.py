"""Find where a person disagreed with the assistant, and what is worth knowing next time."""

from skillloop.detect.disagreements import DRAFT_AT, ONLY_PASTED, find, saying

__all__ = ["DRAFT_AT", "ONLY_PASTED", "find", "saying"]
