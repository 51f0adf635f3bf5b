"""A message as clauses of units, and what may be left out of it without changing what it asks for.

A unit is a stem; every negator is the one unit NOT. Articles and politeness are no units. When a rule is cut out of a
message, what is left over before it (the lead), after it (the tail) and in the rest of the sentence may be only what
these lexicons name: pleasantries, "I told you to", a finished complaint. Anything else may carry a condition, a
negation or another's words, and the cut is not faithful.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from skillloop.text.words import polar, stem, tokens

NOT = "¬"

LONGEST = 10_000  # characters of a message that are read

_FILLER = frozenset("a an the please pls kindly do does bitte пожалуйста 请".split())

_SENTENCE = re.compile(r"(?<=[.!?…])[\"”’)*_]*\s+|(?<=[。！？؟])|(?<![:：])[ \t]*\n+|\.{2,}\s*")
_CLAUSE = re.compile(
    r"\s*[,;:](?=\s|$)\s*|\s*[，；：、،؛]\s*|\s+[-–—]+\s+|—|\s*[(（](?=\S)|(?<=\S)[)）](?=[\s.,;:!?，。；：！？]|$)|\n+"
)

_SPACES = re.compile(r"[^\S\n]{2,}|\n\s+")
"""What is one space or one line end here, so that no pattern runs over a long gap again and again."""

_LEAD = re.compile(
    r"""(?:(?:no(?=\ (?:i|you|we|it|its|it's|that|that's|thats|this|the|don't|dont|never|always|please|just)(?:\ |$))|nope|nah|ok|okay|yes|yeah|well|good|great|nice|cool|perfect|hm+|wait|hey|hi|dude|man|and|but|so|again|sorry|look|listen|uh|oh
      |right|thanks|remember|just|btw|seriously|careful|one\ thing|note|i\ said|i\ (?:already\ )?told\ you(?:\ \w+\ times)?(?:\ (?:already|again|before))?
      |i\ (?:asked|want|need|would\ like|expect)(?:ed)?\ you|i'd\ like\ you|i\ (?:want(?:ed)?|need)\ to\ remind\ you|(?:as|like)\ i\ (?:already\ )?(?:said|told\ you|mentioned)(?:\ (?:before|already|earlier))?
      |how\ (?:many\ times|often)|from\ now\ on|going\ forward|in\ (?:the\ )?future|next\ time|keep\ in\ mind|remember\ to|make\ sure|be\ sure|to|that|already
      |(?:can|could)\ you|(?:would|will)\ you\ please|you\ (?:should\ have|should've|should|need\ to|have\ to|must|were\ supposed\ to)|we(?:\ (?:should|always|need\ to))?|(?:i|i'd|i\ would)(?=\ prefer)
      |let's|let\ us|always|it\ should|they\ should)
    |(?:vale|bien|bueno|oye|espera|pero|y|por\ favor|otra\ vez|de\ nuevo|una\ vez\ más|(?:ya\ )?te\ (?:lo\ )?(?:dije|ped[ií]|he\ dicho|hab[ií]a\ dicho)|lo\ repito|recuerda|quiero|que|de\ ahora\ en\ adelante|(?:a\ )?partir\ de\ ahora|(?:la\ )?pr[oó]xima\ vez|siempre|debes|deberías|tienes\ que)
    |(?:nein|gut|super|aber|und|halt|warte|also|wie\ gesagt|ich\ (?:hatte|habe)\ (?:dir\ )?(?:doch\ )?(?:schon\ )?gesagt|ich\ sagte(?:\ doch)?|noch\ einmal|nochmal|künftig|in\ zukunft|ab\ (?:jetzt|sofort)|n[äa]chstes\ mal|schon\ wieder|immer|wir|du\ (?:sollst|solltest|musst))
    |(?:bon|attends|mais|et|te\ pla[iî]t|(?:je\ t'|j')(?:ai|avais)\ (?:déjà\ )?(?:dit|demandé)(?:\ (?:de|que))?|à\ l'avenir|dorénavant|[àa]\ partir\ de\ maintenant|d[ée]sormais|(?:la\ )?prochaine\ fois|encore(?:\ une\ fois)?|s'il\ (?:te|vous)\ pla[iî]t|toujours|tu\ dois|il\ faut)
    |(?:bom|beleza|mas|e|por\ favor|de\ novo|outra\ vez|mais\ uma\ vez|(?:eu\ )?(?:já\ )?(?:te\ )?(?:falei|pedi)(?:\ (?:que|para))?|(?:eu\ (?:já\ )?|já\ )(?:te\ )?disse(?:\ que)?|pra|(?:a\ )?partir\ de\ agora|de\ agora\ em\ diante|da\ próxima\ vez|sempre|você\ deve)
    |(?:bene|aspetta|ma|(?:te\ l'|ti\ )?(?:ho|avevo)\ (?:già\ )?(?:detto|chiesto)|in\ futuro|per\ favore|di\ nuovo|di|che|d'ora\ in\ poi|da\ ora\ in\ poi|(?:la\ )?prossima\ volta|ancora(?:\ una\ volta)?|devi)
    |(?:ну|так|стой|подожди|но|и|я\ (?:же\ |ведь\ |уже\ )*(?:просила?|говорила?|сказала?)|ещё\ раз|с\ этого\ момента|впредь|в\ следующий\ раз|опять|всегда|надо|нужно|должен)
    |(?:等\ 等|等\ 一\ 下|好|好\ 的|麻\ 烦|但\ 是|我\ 说\ 过|我\ 说|我\ 都\ 说|我\ 告\ 诉\ 过\ 你|以\ 后|今\ 后|从\ 现\ 在\ (?:起|开\ 始)|下\ 次|又\ 来|拜\ 托|你\ 应\ 该|我\ 们|始\ 终|总\ 是)
    |(?:待\ っ\ て|ち\ ょ\ っ\ と|で\ も|あ\ の|す\ み\ ま\ せ\ ん|お\ 願\ い\ だ\ か\ ら|(?:今\ 後|こ\ れ\ か\ ら|次\ か\ ら|次\ 回\ か\ ら)(?:\ は)?|ま\ た)
    )(?:\ |$)""",
    re.VERBOSE,
)
_TAIL = re.compile(
    r"(?:(?:please|pls|ok|okay|thanks|thank you|thx|man|dude|again|right|from now on|going forward|in (?:the )?future|next time|por favor|gracias"
    r"|danke|bitte|merci|s'il te plaît|obrigad[oa]|grazie|per favore|спасибо|пожалуйста|谢 谢|吧|ね|よ|lol|haha)(?: |$))*$"
)
"""What may follow a rule: pleasantries, and that it is meant to last."""
_ANSWER = re.compile(
    r"(?:(?:no+|nope|nah|non|nein|não|nao|нет|не|не так|не то|stop|wrong|nee|hayır|नहीं|لا|아 니 요|아 니|不|不 对|不 是|不 行|不 要 这 样|停|違 い ま す|違 う|い や|い い え|だ め|だ め で す|错 了|錯 了|falsch|das ist falsch|faux|c'est faux|(?:está |eso está )?mal|(?:è )?sbagliato|(?:está )?errado"
    r"|неправильно|неверно|yanlış|fout|dat is fout|خطأ|गलत(?: है)?|that's wrong|thats wrong|too long|too short)(?: |$))+$"
    r"|no (?:es|era|está|así)\b|non è\b|não é\b|not (?:that|this|what|like that|like this|quite|right)\b|pas (?:ça|comme ça)\b|nicht so\b|不 对|不 是|не (?:так|то)\b"
)
"""A clause that only says "no": an answer, or a finished denial ("not like that")."""
_CONDITIONS = frozenset(
    {"only", "except", "if", "this", "before", "after", "may", "without", "some", "instead"}
)
_FRAMES = frozenset(
    """in on at for with during under inside within about regarding per by
    en para con durante bajo dentro im in bei für während unter auf mit dans pour pendant avec sous em no na para com durante
    nel nella per con durante в на для при с во""".split()
)
_REPORTS = frozenset(
    """say says said tell tells told write writes wrote claim claims claimed suggest suggests suggested recommend recommends recommended
    advise advised according dice dijo dicen sagt sagte schreibt dit disent disse diz dice ha detto говорит сказал пишет 说 言""".split()
)
"""Words by which a clause hands on what somebody else said."""
_TURNS = re.compile(
    r"(?:but|however|although|though|aber|jedoch|pero|sin embargo|mais|mas|ma|però|но|однако|但|不 过|不 過|で も|た だ し)(?: |$)"
)
"""How a sentence begins that takes back a part of the one before."""
_NOTS = frozenset("not nicht pas".split())  # "Not on the server" limits; "Don't print" is a rule of its own
_REMARKS = frozenset(
    """i you we they it it's its that's thats because cause cuz porque porqué weil denn parce perché потому так 因 你 我
    du ihr ich wir tú tu vous nous je ты вы мы você vocês""".split()
)
"""How a remark on a rule begins ("…, you keep forgetting that"), as against a part of it."""
_REQUEST = re.compile(
    r"(?:(?:can|could) you|please|(?:would|will) you please|puedes|kannst|könntest|peux|pode|puoi)\b"
)
"""How a question begins that asks for something to be done."""
_RETRACTS = re.compile(
    r"(?:no|nope|wait|actually|never ?mind|nvm|scratch that|forget (?:it|that)|just kidding|kidding|jk|on second thought|correction|espera|mejor no|warte"
    r"|doch nicht|attends|en fait|aspetta|anzi|espera|подожди|нет|не надо|算 了|等 等|不 对|や っ ぱ り|待 っ て)\b"
)
"""How a later sentence takes back what was said."""


@dataclass(frozen=True, slots=True)
class Clause:
    """The tokens between two commas, and the number of the sentence they stand in."""

    words: tuple[str, ...]
    sentence: int
    colon: bool = False  # it announces what follows
    asks: bool = False  # its sentence ends with a question mark
    dashed: bool = False  # a dash stands before it


@dataclass(frozen=True, slots=True)
class Unit:
    """What a rule is compared by: a stem or NOT, the token as written, and where it stands."""

    value: str
    surface: str
    clause: int
    start: int  # first token in its clause
    end: int


def clauses(text: str) -> list[Clause]:
    """The clauses of a message, in order. A line that ends with a colon goes on in the next."""
    found = []
    even = _SPACES.sub(lambda gap: gap[0][0], text[:LONGEST])
    for number, sentence in enumerate(_SENTENCE.split(even)):
        asks = sentence.rstrip("\"'”’)*_ ").endswith(("?", "？", "؟"))
        at, before = 0, ""
        for match in (*_CLAUSE.finditer(sentence), None):
            part, after = (sentence[at : match.start()], match[0].strip()) if match else (sentence[at:], "")
            words = tuple(tokens(part))
            if words:
                colon = after in (":", "：") or part.rstrip().endswith((":", "："))
                dashed = bool(before) and not before.strip("-–—")
                found.append(Clause(words, number, colon, asks, dashed))
            at, before = (match.end(), after) if match else (at, before)
    return found


def units(parts: list[Clause]) -> list[Unit]:
    """The units of a message, in order."""
    found = []
    for number, clause in enumerate(parts):
        words = list(clause.words)
        negators = {start: end for name, start, end in polar(words) if name == "not"}
        skip = 0
        for at, word in enumerate(words):
            if at in negators:
                skip = negators[at]
                found.append(Unit(NOT, word, number, at, skip))
            elif at >= skip and word not in _FILLER:
                found.append(Unit(stem(word), word, number, at, at + 1))
    return found


def left_over(parts: list[Clause], first: Unit, last: Unit) -> str:
    """What the message says around the run of units from `first` to `last` that changes its meaning, or ""."""
    lead = parts[first.clause].words[: first.start]
    tail = parts[last.clause].words[last.end :]
    if not _is_lead(lead, first.surface):
        return f"what comes before it: {' '.join(lead)!r}"
    if not _is_tail(tail):
        return f"what comes after it: {' '.join(tail)!r}"
    sentences = {clause.sentence for clause in parts[first.clause : last.clause + 1]}
    for number, clause in enumerate(parts):
        if number < first.clause and clause.sentence in sentences and _binds(clause):
            return f"the words before: {' '.join(clause.words)!r}"
        if number > last.clause and clause.sentence in sentences and _limits(clause):
            return f"the words after: {' '.join(clause.words)!r}"
        near = clause.sentence == max(sentences) + 1
        if clause.sentence > max(sentences) and _goes_on(parts, number, near=near):
            return f"the sentence after: {' '.join(clause.words)!r}"
    if _asks(parts, first.clause) and not _REQUEST.match(" ".join(parts[first.clause].words)):
        return "that it is a question"
    return ""


def _asks(parts: list[Clause], number: int) -> bool:
    """Whether the sentence is a question; "…, ok?" is none."""
    sentence = [clause for clause in parts if clause.sentence == parts[number].sentence]
    return sentence[0].asks and not (len(sentence) > 1 and _is_tail(sentence[-1].words))


def _is_lead(words: tuple[str, ...], following: str = "") -> bool:
    """Whether words say nothing but that something is now asked for."""
    text = " ".join([word for word in words if word not in _FILLER] + [following] * bool(following))
    while text != following:
        match = _LEAD.match(text)
        if match is None:
            return False
        text = text[match.end() :]
    return True


def _binds(clause: Clause) -> bool:
    """Whether an earlier clause of the sentence may govern the later one: a condition, a prohibition, an announcement."""
    words = list(clause.words)
    if _is_lead(clause.words) or (_ANSWER.match(" ".join(words)) and not clause.colon):
        return False
    classes = polar(words)
    starts_negated = any(name == "not" and start == 0 for name, start, _ in classes)
    conditional = any(name in _CONDITIONS for name, _, _ in classes)
    topic = len(words) <= 2 and words[0] not in _REMARKS
    reported = not _REPORTS.isdisjoint(words)
    return clause.colon or conditional or starts_negated or topic or reported or words[0] in _FRAMES


def _is_tail(words: tuple[str, ...]) -> bool:
    return bool(_TAIL.match(" ".join(word for word in words if word not in _FILLER)))


def _limits(clause: Clause) -> bool:
    """Whether a later clause of the sentence may limit the earlier one, or be a part of it."""
    words = list(clause.words)
    if _is_tail(clause.words):
        return False
    if clause.dashed:
        return _opens_limit(words) or words[0] in _FRAMES
    conditional = any(name in _CONDITIONS or name == "not" for name, _, _ in polar(words))
    return conditional or words[0] not in _REMARKS


def _opens_limit(words: list[str]) -> bool:
    opens = {name for name, start, _ in polar(words) if start == 0}
    return (
        bool(opens & {"except", "only", "if", "this", "without"})
        or words[0] in _NOTS
        or bool(_TURNS.match(" ".join(words)))
    )


def _goes_on(parts: list[Clause], number: int, *, near: bool) -> bool:
    """Whether a clause opens a later sentence that limits the one before (where it is near), or takes it back."""
    if parts[number - 1].sentence == parts[number].sentence:
        return False
    words = list(parts[number].words)
    return (near and _opens_limit(words)) or bool(_RETRACTS.match(" ".join(words)))
