"""The detector's parts: the lexicon's lookup, the features, the weights and the lesson."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillloop.detect import classifier
from skillloop.detect import lesson as lessons
from skillloop.detect.classifier import Linear, learned
from skillloop.detect.features import Scene, said, scenes
from skillloop.detect.features import features as features_of
from skillloop.detect.phrases import Phrases, tokens
from skillloop.gate import fidelity
from skillloop.model import Kind, Session, ToolUse, Turn, TurnKind
from skillloop.text import lexicon

LANGUAGES = {"en", "es", "de", "fr", "pt", "it", "ru", "zh", "ja"}

LESSONS = {
    "I told you to use pnpm, not npm. Please do that in this repo": "Use pnpm, not npm",
    "no man... don't join paths outside of paths.py": "Don't join paths outside of paths.py",
    "Good, but don't put comments into shell snippets. People copy them.": "Don't put comments into shell snippets",
    "sorry to stop you, I wanted to remind you to always run the specs locally": "Always run the specs locally",
    "user_id must always come from the session": "user_id must always come from the session",
    "no emojis in the docs please": "No emojis in the docs",
    "I don't want you to create summary files after each task": "Do not create summary files after each task",
    "I prefer early returns over nested ifs": "Prefer early returns over nested ifs",
    "in this repo we never store money as float, always cents": "Never store money as float, always cents",
    "te dije que nunca hagas commit directo a main": "Nunca hagas commit directo a main",
    "schon wieder! Lies die Datei, bevor du sie änderst": "Lies die Datei, bevor du sie änderst",
    "à partir de maintenant, écris les tests d'abord": "Écris les tests d'abord",
    "de novo isso! lê o arquivo antes de mexer": "Lê o arquivo antes de mexer",
    "ti avevo detto di non aggiungere dipendenze senza chiedere": "Non aggiungere dipendenze senza chiedere",
    "с этого момента сначала пиши тесты": "Сначала пиши тесты",
    "我说过不要随便加依赖": "不要随便加依赖",
    "今後は先にテストを書いてください": "先にテストを書いてください",
}


@pytest.mark.parametrize("said_so", LESSONS)
def test_a_lesson_is_the_sentence_without_its_pleasantries(said_so):
    lesson = lessons.draw(said_so)
    assert lesson.text == LESSONS[said_so]
    assert lesson.quote in said_so
    assert not fidelity.novel_words(lesson.text, said_so)
    assert not fidelity.made_up(lesson.text, said_so, "")


@pytest.mark.parametrize(
    "said_so",
    [
        "you always jump straight to code",  # the complaint, turned into a rule, would ask for the opposite
        "siempre me dejas imports sin usar",
        "du machst immer alles auf einmal",
        "why did you never run the tests?",
        "/home/ana/project/app.py:12 is wrong, never do that",
        "I never said that",
        "the root is always the folder where it was started",
        "TypeError: never gonna work",
        "cp: no such file or directory",
        "if so, that's bad and we should never commit it",  # without its question it says nothing
        "always look at the log (which you",
        "não o gráfico, eu quis dizer a tabela dos pedidos",  # what was meant belongs to one request
        "falscher Ordner, ich meinte den mit den Vorlagen",
        "ok",
    ],
)
def test_what_is_a_complaint_a_question_or_of_the_day_is_no_lesson(said_so):
    assert lessons.draw(said_so) is None


@given(
    st.lists(st.sampled_from([*LESSONS, "ok.", "why?", "…", "\n", " - ", "請", "no, "]), max_size=5),
    st.sampled_from([" ", "", ", ", ". ", "\n"]),
)
def test_a_quote_is_always_a_span_and_a_lesson_in_its_words(parts, between):
    text = between.join(parts)
    lesson = lessons.draw(text)
    if lesson is not None:
        assert lesson.quote in text
        assert not fidelity.novel_words(lesson.text, lesson.quote)


@given(st.text(max_size=300))
def test_no_text_breaks_the_features(text):
    scene = Scene(Turn(0, "human", text, 1), (), (), (), 0)
    found = features_of(scene)
    assert all(0 < value <= 1 for value in found.values())
    assert 0 <= learned().disagreement.confidence(found) <= 1
    lessons.draw(text)


def test_each_class_of_words_is_told_in_every_language():
    for language in lexicon.languages():
        for key, entry in language.entries.items():
            if key.startswith(("said.", "replied.", "claimed.")):
                assert entry or language.code not in LANGUAGES, (language.code, key)
                assert all(tokens(phrase) for phrase in lexicon.split(entry)), (language.code, key)


def test_words_meet_whatever_their_case_accents_or_apostrophes():
    phrases = Phrases({"a": ["doesn't work", "café", "不对"], "b": ["break*"]})
    assert set(phrases.find(tokens("It DOESN’T Work, breaking the CAFE"))) == {"a", "b"}
    assert phrases.find(tokens("这个不对吧")) == {"a": 2}
    assert not phrases.find(tokens("does work, unbreakable"))


def test_what_the_person_repeats_of_the_assistant_is_not_held_against_them():
    finding = "2. The variable is never used and the error handling is wrong"
    turns = (
        Turn(0, "assistant", f"I found:\n\n{finding}", 1, kind=TurnKind.REPLY),
        Turn(1, "human", f"let's do this one\n\n{finding}", 2),
    )
    (scene,) = scenes(Session("s", "p", turns))
    assert "says: broken" not in features_of(scene)
    assert "says: broken" in said(finding)


def test_both_sides_of_a_turn_are_its_own():
    edit = (ToolUse("Edit", "a.py"),)
    turns = (
        Turn(0, "human", "one", 1),
        Turn(1, "assistant", "Done.", 2, kind=TurnKind.REPLY, tools=edit),
        Turn(2, "assistant", "And this.", 3, kind=TurnKind.REPLY),
        Turn(3, "human", "two", 4),
        Turn(4, "assistant", "You're right.", 5, kind=TurnKind.REPLY, tools=edit),
    )
    first, second = scenes(Session("s", "p", turns))
    assert (len(first.before), len(first.after)) == (0, 2)
    assert (second.before, second.after) == (turns[1:3], turns[4:])
    assert {"before: edited", "after: opens and concedes", "after: edits the same file again"} <= set(
        features_of(second)
    )


def test_the_signals_add_up_to_the_score():
    model = Linear({"bias": -1.0, "says: no": 2.0, "says: go on": -0.5})
    found = {"bias": 1.0, "says: no": 1.0, "says: go on": 1.0, "unheard of": 1.0}
    assert model.score(found) == 0.5
    assert [(signal.name, signal.weight) for signal in model.signals(found)] == [
        ("says: no", 2.0),
        ("says: go on", -0.5),
    ]


def test_the_weights_hold_names_of_features_and_no_text_of_a_person():
    data = json.loads(
        (Path(classifier.__file__).parents[1] / "data" / "weights.json").read_text(encoding="utf-8")
    )
    prefixes = (
        "says: ",
        "starts: ",
        "goes on: ",
        "form: ",
        "length: ",
        "turn: ",
        "before: ",
        "after: ",
        "rule: ",
        "told: ",
        "around: ",
        "wish: ",
    )
    names = {
        name for part in (data["disagreement"], data["durable"], *data["kinds"].values()) for name in part
    }
    ways = lexicon.classes("said")
    classes = {*ways, *(f"starts {name}" for name in ways)}
    assert set(data["kinds"]) == {kind.value for kind in Kind}
    for name in names - {"bias", "asked before"}:
        assert name.startswith(prefixes), name
        if name.startswith(("says: ", "starts: ", "goes on: ")) and " + " not in name:
            assert name.split(": ", 1)[1] in classes, name


def test_a_long_paste_costs_little():
    scene = Scene(Turn(0, "human", "it is broken " * 200_000, 1), (), (), (), 3)
    assert features_of(scene)["length: over 60 words"] == 1.0
