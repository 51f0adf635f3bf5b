"""Words of many languages, folded so that two ways of writing one thing meet.

Used to ask whether two lines say the same (`similarity`), whether a line holds only what a person said
(`content_words`), and whether it says it the same way round (`polarity`). Everything is linear in the text and needs
no model. Invariant: text that differs only in case, width, apostrophe or accent composition gives the same words.

The lexicons cover English, Spanish, German, French, Portuguese, Italian, Russian, Chinese and Japanese, and of a few
more languages the negators; every language gets tokens and content words.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# Scripts written without spaces (Han, kana, Thai, Lao, Khmer, Burmese) and Hangul, whose particles stick to words:
# one token a character, and content words are pairs of neighbours.
_RUN = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\U00020000-\U0003ffff"
_MARKS = "\u0300-\u036f\u0483-\u0487\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963\u0966-\u0dff\u200c\u200d"
_TOKEN = re.compile(rf"[{_RUN}]|(?:(?![{_RUN}])[\w{_MARKS}])+(?:'(?:(?![{_RUN}])[\w{_MARKS}])+)*")
_IS_RUN = re.compile(f"[{_RUN}]")
_KANA_ONLY = re.compile("[\u3041-\u309f]+")
_APOSTROPHES = str.maketrans("’‘ʼ＇", "''''")

_STOP = frozenset(
    # English
    """a an and are as at be been being but by can could did do does doing done for from get got had has have having he
    her here him his how i if in into is it its it's itself just let let's me my of on or our out please pls should so
    some such than that that's the their them then there these they this those to too us was we were what which who
    why will with would you you're your ok okay yes no not yeah also again am i'm i've you've don't doesn't didn't dont
    isn't aren't wasn't won't can't cannot like want wanted need really very well now thanks thank hey oh"""
    # Spanish
    """ el la los las un una unos unas de del al y o u en con por para que se su sus lo le les es son era eres esto esta
    este estos estas eso esa ese mi tu te yo como si ya muy también favor no"""
    # German
    """ der die das den dem des ein eine einen einem einer eines und oder aber in im am an auf aus bei mit nach von vor
    zu zum zur ist sind war bin du er sie es wir ihr ich mich dich mir dir bitte nicht kein keine auch so wie wenn dass
    hier da doch mal noch schon"""
    # French
    """ le les un une des du et ou mais dans en au aux avec pour par sur ce cet cette ces ça est sont il elle on nous
    vous je tu ne pas plus se sa son ses mon ma mes ton ta tes qui que c'est d'un d'une s'il plaît"""
    # Portuguese
    """ os as um uma uns umas do da dos das no na nos nas e em com por pra para que não se seu sua é são isso isto esse
    essa este esta eu você me te lhe já favor"""
    # Italian
    """ il lo gli i un uno una di del della dei delle e ed o in con per che non si è sono questo questa quello quella io
    mi ti lei lui come favore"""
    # Russian
    """ и в во на с со по к ко из от для о об за у не но а или что это этот эта эти как так я ты вы мы он она они мне
    бы же ли уже пожалуйста""".split()
)
_STOP_RUN = frozenset("的了是在我你他她它们这那就也和与吗呢吧啊请把被给")

_PHRASES = {
    "not": """not|no|don't|dont|doesn't|doesnt|didn't|didnt|isn't|isnt|aren't|wasn't|won't|wont|can't|cant|cannot|never|none|nothing|neither|nor|stop|avoid|shouldn't
    |shouldnt|mustn't|needn't|wouldn't|couldn't|haven't|hasn't|hadn't|quit|refrain|forbid|forbidden|prohibited|nunca|jamás|jamas|nada|ningún|ninguna|ninguno|tampoco|evita|evitar|evite
    |nicht|kein|keine|keinen|keinem|keiner|keines|nie|niemals|nichts|vermeide|vermeiden|pas|jamais|rien|aucun|aucune|évite|évitez|éviter|não|nao|nenhum|nenhuma|pare|para de|evite|deja de
    |non|mai|niente|nessun|nessuno|nessuna|evita|smetti|не|нет|никогда|нельзя|ни|ничего|хватит|перестань|избегай|não
    |不要|不|没有|没|別|别|勿|禁止|停止|避免|ない|なく|ません|ずに|やめ|じゃな
    |niet|nooit|geen|nigdy|لا|لم|لن|ليس|أبدا|नहीं|मत|değil|asla|지 마|지 말|않|금지""",
    "without": "without|sin|ohne|sans|sem|senza|без|なしで",
    "instead": """instead of|instead|rather than|rather|en lugar de|en vez de|statt|anstatt|stattdessen|au lieu de|plutôt que|em vez de|ao invés de|invece di|invece|вместо
    |而不是|代替|ではなく|の代わりに""",
    "only": """only|solely|exclusively|nothing but|solo|sólo|solamente|únicamente|nur|ausschließlich|lediglich|seulement|uniquement|apenas|somente|soltanto|solamente|только|лишь|исключительно
    |只|仅|只能|仅仅|だけ|のみ|しか""",
    "all": """always|all|every|each|any|everything|everywhere|both|whole|entire|siempre|todo|todos|toda|todas|cada|cualquier|immer|alle|allen|alles|jede|jeder|jedes|jeden|toujours|tout|tous|toute|toutes|chaque|sempre
    |qualquer|tutto|tutti|tutte|ogni|qualsiasi|всегда|все|всё|всех|каждый|каждую|каждое|любой|总是|始终|永远|所有|全部|每|都|任何|必ず|すべて|全て|いつも|常に|毎""",
    "some": "some|sometimes|few|most|mostly|usually|often|rarely|algunos|algunas|manchmal|einige|meistens|parfois|quelques|às vezes|alguns|a volte|alcuni|иногда|некоторые|有时|有些|一些|時々|たまに",
    "before": "before|prior to|until|till|antes|antes de|hasta|vor|bevor|bis|avant|jusqu'à|até|prima|fino|перед|прежде|до|之前|以前|直到|前に|まで",
    "after": "after|once|afterwards|después|luego|despues|nach|nachdem|danach|après|depois|após|dopo|после|затем|之后|以后|後に|たら",
    "first": "first|firstly|primero|zuerst|zunächst|d'abord|premier|primeiro|prima di tutto|сначала|сперва|首先|先|最初|まず",
    "last": "last|lastly|finally|último|zuletzt|enfin|dernier|por último|infine|наконец|最后|最後",
    "except": """except|except for|unless|excluding|apart from|other than|besides|excepto|salvo|a menos que|außer|ausser|es sei denn|sauf|excepté|à moins|exceto|a não ser|tranne|eccetto|a meno che
    |кроме|если не|исключая|除了|除非|以外|を除|ただし""",
    "if": "if|when|whenever|while|where|in case|si|cuando|mientras|wenn|falls|sobald|quand|lorsque|se|quando|caso|если|когда|如果|若|时|时候|场合|なら|場合|とき|時",
    "may": "may|might|can|could|optional|optionally|maybe|perhaps|allowed|puede|puedes|quizás|darf|dürfen|kann|vielleicht|peut|peux|peut-être|pode|talvez|può|puoi|forse|можно|может|возможно|可以|可能|也许|てもいい|かも",
    "must": "must|have to|has to|need to|required|debe|debes|hay que|muss|müssen|soll|doit|dois|faut|deve|devo|должен|должна|должны|надо|нужно|必须|一定|必要|なければ|べき",
    "this": "this one|this time|just this|only this|for now|this once|esta vez|por ahora|diesmal|dieses mal|cette fois|pour l'instant|desta vez|por enquanto|questa volta|per ora|в этот раз|пока|这次|暂时|今回|とりあえず",
}


def fold(text: str) -> str:
    """NFKC, casefolded, with one kind of apostrophe."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).translate(
        _APOSTROPHES
    )


def tokens(text: str) -> list[str]:
    """The words of a text in order, folded; one token a character in scripts that do not space words."""
    return _TOKEN.findall(fold(text))


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """A folded word without its commonest endings, so that "test", "tests" and "testing" meet. Not a dictionary form."""
    if len(word) < 3 or not word.isalpha():
        return word
    if word.isascii():
        return _stem_latin(word)
    return _RUSSIAN_ENDING.sub("", word) if "а" <= word[0] <= "я" else _stem_latin(word)


_RUSSIAN_ENDING = re.compile(
    "(?<=[а-яё]{3})(?:ами|ями|ого|его|ому|ему|ов|ев|ах|ях|ом|ем|ой|ей|ый|ий|ая|яя|ое|ее|ые|ие|ую|юю|[аеиоуыэюяйь])$"
)
_LATIN_ENDING = re.compile("(?:ies|ied|ing|ed|es|s|e)$")


def _stem_latin(word: str) -> str:
    ending = _LATIN_ENDING.search(word)
    if ending is None or word.endswith(("ss", "us", "is")):
        base = word
    elif ending[0] in ("ies", "ied"):
        base = word[:-3] + "y"
    else:
        base = word[: ending.start()]
    if len(base) < 2 or not re.search("[aeiouyáéíóúäöüàèìòùâêîôûãõ]", base):
        return word
    doubled = len(base) > 2 and base[-1] == base[-2]
    return base[:-1] if doubled else base


@lru_cache(maxsize=4096)
def content_words(text: str) -> frozenset[str]:
    """The stems that carry meaning: no stop words and no negators; pairs of neighbours where words are not spaced."""
    return frozenset(_content(tokens(text)))


def _content(words: list[str]) -> list[str]:
    negators = {at for name, start, end in polar(words) if name == "not" for at in range(start, end)}
    found: list[str] = []
    before = ""
    for at, word in enumerate(words):
        if at in negators:
            before = ""
        elif _IS_RUN.match(word):
            if word in _STOP_RUN:
                before = ""
                continue
            if before and not _KANA_ONLY.fullmatch(before + word):
                found.append(before + word)
            before = word
        else:
            before = ""
            if word not in _STOP:
                found.append(stem(word))
    return found


def similarity(a: str, b: str) -> float:
    """How much two lines say the same, 0 to 1: the Dice coefficient of their content words."""
    mine, theirs = content_words(a), content_words(b)
    if not mine or not theirs:
        return float(tokens(a) == tokens(b))
    return 2 * len(mine & theirs) / (len(mine) + len(theirs))


@lru_cache(maxsize=4096)
def polarity(text: str) -> tuple[str, ...]:
    """The negators, quantifiers and scope words of a text in order, by meaning ("not", "only", "before", …).

    An answering "no" at the start ("No, use tabs") is an answer, not a negation.
    """
    return tuple(name for name, _, _ in polar(tokens(_ANSWER.sub("", fold(text)))))


_ANSWER = re.compile(r"^\W*(?:no|nope|nein|non|não|нет|不|不是|いや|いいえ)\s*[,.!:;，。、！；–—-]+\s*")


def polar(words: list[str]) -> list[tuple[str, int, int]]:
    """The polarity words of a list of tokens: class, and where the phrase starts and ends in the list."""
    found = []
    at = 0
    while at < len(words):
        for phrase, name in _BY_FIRST.get(words[at], ()):
            if tuple(words[at : at + len(phrase)]) == phrase:
                found.append((name, at, at + len(phrase)))
                at += len(phrase) - 1
                break
        else:
            if words[at].endswith("n't"):
                found.append(("not", at, at + 1))
        at += 1
    return found


def _index() -> dict[str, tuple[tuple[tuple[str, ...], str], ...]]:
    phrases = {tuple(tokens(phrase)): name for name, row in _PHRASES.items() for phrase in row.split("|")}
    by_first: dict[str, list[tuple[tuple[str, ...], str]]] = {}
    for phrase, name in phrases.items():
        by_first.setdefault(phrase[0], []).append((phrase, name))
    return {first: tuple(sorted(rows, key=lambda row: -len(row[0]))) for first, rows in by_first.items()}


_BY_FIRST = _index()
