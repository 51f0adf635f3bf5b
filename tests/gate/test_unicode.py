import itertools
import json
import sys
import time
import unicodedata
from pathlib import Path

import pytest

from skillloop.gate import unicode

# Frames and things: every frame takes every thing, 12 languages, 1,008 ordinary lines.
FRAMES = {
    "en": ["- Don't use {}; it's slow…", "Prefer {} over “magic” — always (see §3).", "Keep {} at ≥ 80 % coverage 👍🏽"],
    "de": ["- Benutze nie {}, außer in Prüfungen.", "Größere Änderungen an {} zuerst erklären – „kurz“!", "Straße, Öl, Übung: {} ≤ 5 µs"],
    "fr": ["- N’utilise pas {} : c’est « trop » lent !", "Écris d’abord les tests de {}, ça évite les œufs cassés.", "Où est passé {} ? 10 % déjà…"],
    "es": ["- ¡No uses {}! ¿Entendido?", "El 1.º paso con {} es la revisión del año.", "Añade {} según el señor Núñez."],
    "ru": ["- Не используй {} без проверки, ёлки.", "Сначала — тесты, потом {}: «так надёжнее».", "PRы и {} в мастер не пушить №5"],
    "zh": ["- 不要使用{}，请改用小写！", "请先运行{}；然后（再）提交：“好的”。", "第１步　检查{}、再合并《规范》"],
    "ja": ["- {}は使わないでください。", "まず{}を実行し、「テスト」を書くこと！", "コミット前に{}を確認（必須）。３回まで～"],
    "ko": ["- {}를 쓰지 마세요.", "먼저 테스트를 쓰고 {}을 실행하세요!", "‘확인’ 후에만 {}에서 배포합니다…"],
    "ar": ["- لا تستخدم {} أبدًا، من فضلك!", "اكتب الاختبارات أولاً ثم شغّل {}؛ حسناً؟", "كلُّ مُراجَعة تبدأ بـ {} (١٢٣)"],
    "fa": ["- از {} استفاده نکن، نمی‌خواهم.", "همیشه تست‌ها را پیش از {} بنویس.", "پرونده‌های {} را پاک نکن؟"],
    "hi": ["- {} का इस्तेमाल मत करो।", "पहले टेस्ट लिखो, फिर {} चलाओ — चीज़ों को ख़ूब जाँचो।", "क्‍ष और र्‍य वाले {} नाम मत बदलो॥"],
    "he": ["- אל תשתמש ב{} בבקשה.", "קודם כתוב בדיקות ואז הרץ {} – “תמיד”.", "שָׁלוֹם, שמור את {} כמו שהוא"],
}  # fmt: skip
THINGS = (
    *(
        "`npm test`",
        "API",
        "src/app.py",
        "👩‍💻",
        "❤️",
        "1️⃣",
        "🇩🇪",
        "pytest -x",
        "main",
        "var",
        "v2.0",
        "C++",
        "x²",
        "→ log",
    ),
    *(
        "https://a.example/x?y=1",
        '"quotes"',
        "<b>",
        "№ 7",
        "ß",
        "a_b",
        "½",
        "☕",
        "✅",
        "🏳️‍🌈",
        "€5",
        "[x](y)",
        "|",
        "\\n",
    ),
)
LINES = [
    frame.format(thing) for frames in FRAMES.values() for frame, thing in itertools.product(frames, THINGS)
]

BAD = ("Cf", "Cc", "Co", "Cs", "Cn", "Zl", "Zp")


def spans(text):
    return [str(h) for h in unicode.findings(text)]


def test_a_thousand_ordinary_lines_in_twelve_languages_pass():
    assert len(LINES) >= 1000
    assert {line: spans(line) for line in LINES if spans(line)} == {}


def test_genuine_corrections_in_fourteen_languages_pass():
    files = (Path(__file__).parents[1] / "data" / "benign").glob("*.jsonl")
    texts = [json.loads(line)["text"] for file in files for line in file.read_text("utf-8").splitlines()]
    assert len(texts) >= 300
    assert {text: spans(text) for text in texts if spans(text)} == {}


@pytest.mark.parametrize(
    "host", ["- run {}the tests", "- запусти {}тесты", "- 请{}运行", "- हि{}न्दी में", "- از{}من", "❤{}"]
)
def test_every_format_control_private_surrogate_and_unassigned_character_is_caught(host):
    for code in itertools.chain(
        range(0x20), range(0x7F, 0x3400), range(0xD7F0, 0xF900, 7), range(0xFE00, 0x12000)
    ):
        char = chr(code)
        if unicodedata.category(char) in BAD and char not in "\n\u200c\u200d":
            assert unicode.findings(host.format(char)), f"U+{code:04X}"


def test_all_256_variation_selectors_and_all_tags_are_caught_behind_a_letter():
    codes = [*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0), *range(0xE0000, 0xE0080)]
    assert [hex(c) for c in codes if not unicode.findings(f"- keep a{chr(c)} tidy")] == []
    assert unicode.findings("❤\ufe0e")
    assert unicode.findings("👍\ufe01")
    assert not unicode.findings("❤\ufe0f")


@pytest.mark.slow
def test_every_code_point_of_a_hidden_category_is_caught():
    hidden_ones = [c for c in range(sys.maxunicode + 1) if unicodedata.category(chr(c)) in BAD and c != 10]
    assert len(hidden_ones) > 900_000
    assert [hex(c) for c in hidden_ones if not unicode.findings(f"- use a{chr(c)}b tabs")] == []


@pytest.mark.parametrize(
    "line",
    [
        "- ign\u00adore it", "- a\u200db", "- a\u200cb", "- \u3164", "- x\u115fy", "- \u2800", "e\u0301tude", "- k\u0308\u0304\u0323ey",
        "- use pаypal", "- сору the file", "- gіthub", "- gοogle", "ｃｕｒｌ it", "！`id`", "用！`id`", "𝐜𝐮𝐫𝐥", "ⓒⓤⓡⓛ", "ﬁle",
        "a\u00a0b", "a\u2003b", "a\u3000b", "\u202eabc", "\u2066a\u2069", "x\x1b[31m", "a\tb", "a\rb", "\ufeffx", "a＠b", "ǃ`id`",
        "https:∕∕x", "a․b", "\u0627\u200d\u0628", "हि\u200dन्दी", "👍\u200da", "1\ufe0f", "a\u20e3", "a\u20dd", "\u212a", "ᴄurl", "ɡit",
        "Ꭺpi key", "Ⅽurl", "a\u034fb", "a\x85b", "a\u2028b", "\ufffdx",
    ],
)  # fmt: skip
def test_what_cannot_be_seen_for_what_it_is_is_caught(line):
    assert unicode.findings(line)


def test_a_line_may_keep_what_it_had_and_gain_nothing():
    base = "# S\n- soft\u00adhyphen stays\n"
    assert unicode.compare(base, base.replace("stays", "is kept")) == []
    assert unicode.compare(base, base + "- new\u00ad one\n")
    assert unicode.compare(base, base.replace("stays", "st\u00adays"))
    assert unicode.compare("a\r\nb\r\n", "a\r\nb\r\nc\r\n") == []


def test_the_detail_names_the_code_points():
    [found] = unicode.compare("", "- ign\u200bore")
    assert (
        str(found)
        == "an invisible or unassigned character (category Cf) at column 6: <U+200B ZERO WIDTH SPACE>"
    )
    assert "<U+0430 CYRILLIC SMALL LETTER A>" in str(unicode.findings("pаypal")[0])


@pytest.mark.parametrize("piece", ["a", "é", "क्", "！", "\u200b", "\u0301", "а", "👩‍"])
def test_a_megabyte_in_one_line_costs_little(piece):
    line = piece * (1_000_000 // len(piece))
    start = time.process_time()
    unicode.findings(line)
    assert time.process_time() - start < 3
