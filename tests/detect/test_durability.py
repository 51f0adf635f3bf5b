"""What is worth knowing next time: what people say when a rule is for good, what only sounds like it, and what the weights make of it."""

import pytest
from helpers.sessions import first_rule

from skillloop.detect import durability
from skillloop.detect.durability import is_explicit
from skillloop.detect.features import learned


def explicit(text):
    rule = first_rule(text)
    return rule is not None and is_explicit(text, rule.quote, rule.text)


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
        "House rule: the build runs on node 20.",
        "new standing item: open each session by reading the journal",
        "please remember: amounts are in cents",
        "one more permanent point: finish each day with a backup",
        "fine so far. in general please stop numbering the headings.",
        "please note for the future: keys are kept at the desk",
        "Bitte merken: Beträge stehen immer in Cent",
        "Make it a habit to run the formatter before you hand over.",
        "For all future tickets, name the owner.",
        "Write this down in AGENTS.md: the staging host is read only",
        "Recuerda: los importes van en céntimos",
        "Merk dir: Beträge stehen in Cent",
        "Retiens : les montants sont en centimes",
        "Lembre-se: os valores são em centavos",
        "Regola: niente commit senza ticket",
        "Запомни: суммы в копейках",
        "请记住：金额以分为单位",
        "ルール：金額は税抜きで書く",
        "Onthoud: bedragen staan in centen",
        "기억해: 금액은 부가세 제외로 써",
        "Kural: tutarlar kuruş olarak yazılır",
        "قاعدة: المبالغ بالقروش",
        "नियम: राशि पैसे में लिखो",
        "Zapamiętaj: kwoty podajemy netto",
    ],
)
def test_a_rule_for_good(text):
    assert explicit(text)


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
    rule = first_rule(text)
    assert not explicit(text)
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
        "one small thing: the legend overlaps the axis",
        "remember the crash from last week, look into it",
        "Keep the rows in memory while you sort them.",
        "Add the new endpoint to the README.",
    ],
)
def test_what_only_sounds_like_it(text):
    assert not explicit(text)


def confidence(text):
    rule = first_rule(text)
    return learned().durable.confidence(rule.features if rule else durability.surrounding_features(text))


@pytest.mark.parametrize(
    ("rule", "one_off"),
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
def test_a_durable_rule_weighs_more_than_a_request_for_today(rule, one_off):
    assert confidence(rule) >= 0.2 > confidence(one_off)
