"""The files of the languages: the same keys in each, and what they lack."""

import re
import shutil
import subprocess
import sys

import pytest

from skillloop.text import lexicon


def test_every_file_has_the_keys_of_the_english_one_and_the_gaps_are_known(capsys):
    languages = lexicon.languages()
    gaps = {
        language.code: [key for key, entry in language.entries.items() if not entry] for language in languages
    }
    with capsys.disabled():
        for code, keys in gaps.items():
            print(f"\n{code} has nothing for {len(keys)} of {len(languages[0].entries)} keys", end="")
    assert not [
        key
        for key in gaps["en"]
        if key.startswith(("text.", "polarity.", "said.", "replied.", "claimed.", "wished."))
    ]
    few = len(languages[0].entries) / 3
    assert {code for code, keys in gaps.items() if len(keys) < few} >= {*"es de fr pt it ru zh ja".split()}


def test_no_entry_has_a_phrase_twice_or_blanks_around_one():
    for language in lexicon.languages():
        for key, entry in language.entries.items():
            phrases = lexicon.split(entry)
            if key.startswith(("said.", "replied.", "claimed.", "wished.", "polarity.")):
                assert phrases == list(dict.fromkeys(map(str.strip, phrases))), (language.code, key)


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(lexicon.FOLDER, tmp_path / "lang")
    return tmp_path / "lang"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("instead = ", "ru.toml: unknown key 'polarity.insted'"),
        ("", "ru.toml: missing key 'polarity.instead'"),
    ],
)
def test_a_key_that_is_unknown_or_missing_is_named_with_its_file(folder, change, message):
    file = folder / "ru.toml"
    text = file.read_text("utf-8")
    line = next(line for line in text.splitlines() if line.startswith("instead"))
    replacement = line + "\n" + line.replace(change, "insted = ") if change else ""
    file.write_text(text.replace(line, replacement, 1), "utf-8")
    with pytest.raises(ValueError, match=re.escape(message)):
        lexicon.languages(folder)


def test_an_entry_that_is_no_string_is_named_with_its_file(folder):
    file = folder / "ru.toml"
    file.write_text(
        re.sub("^without = .*", "without = ['без']", file.read_text("utf-8"), flags=re.MULTILINE), "utf-8"
    )
    with pytest.raises(
        ValueError, match=re.escape("ru.toml: the entry of 'polarity.without' is not a string")
    ):
        lexicon.languages(folder)


def test_a_new_language_is_one_file(folder):
    (folder / "sv.toml").write_text(
        re.sub("^order = .*", "order = 99", (folder / "pl.toml").read_text("utf-8"), flags=re.MULTILINE),
        "utf-8",
    )
    assert lexicon.languages(folder)[-1].code == "sv"


def test_a_pattern_holds_every_language_and_none_that_has_nothing_matches_all():
    sense = lexicon.whole("lasting.from now on")
    assert all(
        sense.search(text) for text in ("From now on, use tabs", "ab jetzt Tabs", "впредь табы", "今後はタブ")
    )
    assert not sense.search("a fromnow on")
    assert not lexicon.pattern("lesson.announces", "<dense>").search("anything")


@pytest.mark.parametrize("group", ["lasting", "rule", "lesson", "scene"])
def test_each_expression_of_each_language_compiles_by_itself(group):
    for language in lexicon.languages():
        for key, entry in language.entries.items():
            if key.startswith(f"{group}."):
                for line in entry.splitlines():
                    re.compile(line)
                    assert line == line.strip(), (language.code, key)


def test_an_expression_takes_in_the_entries_that_it_names_and_those_that_they_name():
    send = lexicon.expression(r"^<gate.exposes>$")
    assert send.match("upload")
    assert send.match("print")
    assert not send.match("sort")


def test_no_file_is_read_before_a_language_is_needed():
    code = (
        "import skillloop.pipeline.session, skillloop.commands.digest; from skillloop.text import lexicon;"
        "assert not lexicon.languages.cache_info().currsize"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
