"""Which sentence of a turn is its standing rule, and how sure the learned weights are that it lasts."""

import pytest
from helpers.gate import failed, insert

from skillloop.detect import DURABLE_AT, ONLY_PASTED, durability, find, lesson
from skillloop.detect.classifier import learned
from skillloop.detect.phrases import tokens
from skillloop.gate import provenance
from skillloop.model import Session, ToolUse, Turn, TurnKind
from skillloop.text import lexicon


def sure(text):
    rule = lesson.draw(text)
    return learned().durable.confidence(rule.features if rule else durability.around(text))


@pytest.mark.parametrize(
    ("wish", "one_off"),
    [
        ("never merge without a second reviewer", "merge the second one now"),
        ("ask me before you drop a table", "drop the table on the left"),
        ("no sé, nunca subas secretos al repositorio", "sube la imagen de la página"),
        ("frag immer nach, bevor du Pakete installierst", "mach die Karte etwas größer"),
        ("n'installe jamais de paquet sans demander", "agrandis un peu la carte"),
        ("nunca instale pacotes sem perguntar", "aumenta um pouco o card"),
        ("non installare mai pacchetti senza chiedere", "ingrandisci un po' la scheda"),
        ("никогда не ставь пакеты без спроса", "сделай карточку побольше"),
        ("以后没问过我不要安装依赖", "把卡片放大一点"),
        ("必ず先に聞いてからパッケージを入れてください", "カードを少し大きくして"),
        ("installeer nooit pakketten zonder te vragen", "maak de kaart iets groter"),
        ("항상 먼저 물어보고 패키지를 설치하세요", "카드를 조금 크게 해 주세요"),
        ("bana sormadan asla paket kurma", "kartı biraz büyüt"),
        ("لا تثبت حزمة أبدا بدون إذني", "كبر البطاقة قليلا"),
        ("बिना पूछे कभी पैकेज इंस्टॉल मत करो", "कार्ड थोड़ा बड़ा करो"),
    ],
)
def test_a_standing_rule_weighs_more_than_a_wish_for_today(wish, one_off):
    assert sure(wish) >= DURABLE_AT > sure(one_off)


def test_the_rule_is_the_sentence_that_lasts_not_the_one_about_today():
    text = "The second chart is blue. Always label the axes with their units. Then go on."
    assert lesson.draw(text).text == "Always label the axes with their units"


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        ("you forgot the tests again, always write one first", "Always write one first"),
        ("du hast es vergessen, schreib immer zuerst einen Test", "Schreib immer zuerst einen Test"),
        ("that's wrong, use the logger and not print", "Use the logger and not print"),
        ('don\'t call them "users"', 'Don\'t call them "users"'),
    ],
)
def test_what_was_done_falls_off_and_quotation_marks_stay_whole(said, rule):
    assert lesson.draw(said).text == rule


def test_vowel_signs_belong_to_their_word():
    assert tokens("हमेशा पहले") == ["हमेशा", "पहले"]


def test_a_turn_of_nothing_but_a_paste_quotes_nothing_of_it():
    log = 'Traceback (most recent call last):\n  File "a.py", line 1\nValueError: no such table'
    turns = (
        Turn(0, "human", "write the page", 1),
        Turn(1, "assistant", "Done.", 2, kind=TurnKind.REPLY, tools=(ToolUse("Edit", "a.py"),)),
        Turn(2, "human", "", 3, uuid="u3", pasted=(log,)),
        Turn(3, "assistant", "Sorry! I see the error, let me fix it.", 4, kind=TurnKind.REPLY),
    )
    (found,) = find(Session("s", "s.jsonl", turns))
    assert (found.evidence.quote, found.durable) == (ONLY_PASTED, False)
    assert not provenance.holds(turns[2], found.evidence.quote)  # so the gate takes it for nobody's words
    assert failed(
        provenance.check, "", insert("Use a table"), turn={"pasted": (log,)}, quote=ONLY_PASTED
    ) == {"origin!"}


def test_no_phrase_is_longer_than_what_is_looked_at_for_how_a_rule_starts():
    phrases = (phrase for row in lexicon.classes("wished").values() for phrase in row)
    assert max(len(tokens(phrase)) for phrase in phrases) == durability.LONGEST_PHRASE
