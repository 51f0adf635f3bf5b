"""What people say when a wish is meant for good, in nine languages, and what only sounds like it."""

import pytest

from skillloop.detect import lesson
from skillloop.detect.durability import meant_to_last


def lasts(text):
    rule = lesson.draw(text)
    return rule is not None and meant_to_last(text, rule.quote, rule.text)


@pytest.mark.parametrize(
    "text",
    [
        "Never cite a magazine when there is a study.",
        "The table is too wide. Always put the sample size next to each effect size.",
        "From now on look in the journal first.",
        "I told you to use pnpm, not npm.",
        "Stop adding comments to every line.",
        "wrong, we use snake_case here",
        "Don't use semicolons in this code base.",
        "No, usa siempre comillas simples.",
        "Nein, verwende immer Tabs statt Leerzeichen.",
        "N'utilise jamais npm.",
        "Usa sempre os testes de integração.",
        "Non usare mai il plurale nei nomi delle tabelle.",
        "Никогда не пиши в main напрямую.",
        "以后不要用 var",
        "必ずテストを実行してください",
    ],
)
def test_a_wish_for_good(text):
    assert lasts(text)


@pytest.mark.parametrize(
    "text",
    [
        "no footnotes in the summary please",
        "Every chart needs a title.",
        "use tabs, not spaces",
        "Keine Abkürzungen in Überschriften.",
    ],
)
def test_the_form_of_a_rule_is_a_hint_and_not_more(text):
    rule = lesson.draw(text)
    assert not lasts(text)
    assert "rule: reads like a norm" in rule.features


@pytest.mark.parametrize(
    "text",
    [
        "It always fails on my machine.",
        "never mind, go on",
        "The page is never shown to guests, make it visible.",
        "Es wird immer langsamer.",
        "Move the button to the left.",
        "We don't need the map at the bottom.",
        "la página siempre se queda en blanco",
        "把按钮移到左边",
        "don't touch this file yet",
        "no, the errors are gone",
        "não altere o menu desta vez",
        "今回は色を変えないで",
    ],
)
def test_what_only_sounds_like_it(text):
    assert not lasts(text)
