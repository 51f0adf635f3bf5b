"""Looking up classes of phrases, in every language."""

from skillloop.text import lexicon
from skillloop.text.lexicon import Phrases, tokens

LANGUAGES = {"en", "es", "de", "fr", "pt", "it", "ru", "zh", "ja"}


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


def test_vowel_signs_belong_to_their_word():
    assert tokens("हमेशा पहले") == ["हमेशा", "पहले"]
