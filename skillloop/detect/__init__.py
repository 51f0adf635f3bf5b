"""Find where a person disagreed with the assistant, and what is worth knowing next time."""

from skillloop.detect.disagreements import AGAIN_AT, DRAFT_AT, ONLY_PASTED, find, saying

__all__ = ["AGAIN_AT", "DRAFT_AT", "ONLY_PASTED", "find", "saying"]
