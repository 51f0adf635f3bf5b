"""What the tests of the reader share."""

import pytest

from skillloop.hosts.claude_code import transcript


@pytest.fixture
def read(tmp_path):
    """Write a transcript and read it."""

    def write_and_read(built, **options):
        return transcript.read(built.write(tmp_path / "session.jsonl"), **options)

    return write_and_read
