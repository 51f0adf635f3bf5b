"""What a person typed while the assistant worked."""

import pytest
from helpers.hosts import said
from transcripts import VERSIONS, Transcript


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("then", ["remove", "dequeue"])
def test_queued_words_are_one_turn(read, version, then):
    built = Transcript(version).typed("Go").says("Working").queued("stop amending", then).says("Fine")
    assert said(read(built)) == ["Go", "stop amending"]


def test_queued_words_that_were_taken_back_are_no_turn(read):
    assert said(read(Transcript("2.1.30").typed("Go").queued("never mind", "popAll").says("Fine"))) == ["Go"]


@pytest.mark.parametrize(
    "content", ['{"task_id":"b1","description":"x"}', "<task-notification>x</task-notification>", "/model"]
)
def test_machine_content_in_the_queue_is_no_turn(read, content):
    assert said(read(Transcript("2.1.30").typed("Go").queued(content).says("Fine"))) == ["Go"]
