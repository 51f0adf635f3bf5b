"""Japanese, Korean, Chinese, Turkish, Arabic and Hindi, as people write to an assistant: sentences.tsv."""

from itertools import groupby
from pathlib import Path

import pytest
from helpers.sessions import first_rule
from transcripts import Transcript

from skillloop import detect
from skillloop.gate import fidelity
from skillloop.hosts.claude_code import transcript

SENTENCES = Path(__file__).with_name("sentences.tsv").read_text(encoding="utf-8")
"""A line each: language, kind (lesson, once, neutral), what is said, the line that a lesson shall become."""

STILL_OFFERED = {"READMEを読んで概要を教えて。", "다음은 사용자 목록 API 만들어줘.", "اقرأ README ولخصه لي."}

LINES = [line.split("\t") for line in SENTENCES.splitlines()]


@pytest.mark.parametrize(
    ("language", "rows"), [(name, list(rows)) for name, rows in groupby(LINES, lambda row: row[0])]
)
def test_a_lesson_becomes_a_line_that_stands_alone_and_other_turns_are_not_offered(language, rows, tmp_path):
    for number, (_, kind, text, line) in enumerate(rows):
        if kind == "lesson":
            assert first_rule(text).text == line
            assert fidelity.novel_words(line, text)[0] == []
            assert fidelity.made_up(line, text, "") == ""
        else:
            talk = (
                Transcript().typed("Add the export to the app.").says("The export is finished.").typed(text)
            )
            _, lessons = detect.find(transcript.read(talk.write(tmp_path / f"{number}.jsonl")))
            assert text in STILL_OFFERED or not any(lesson.offered for lesson in lessons), text
