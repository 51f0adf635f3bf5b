"""Which way a sentence leans toward a source that it names: for it, against it, or in doubt.

A negation governs the verb of its own clause and what that verb takes. A source in a subordinate clause ("never cite
a blog when the study is on PubMed"), after a contrast ("not a blog but PubMed") or beside a verb that does not use it
("never paraphrase PubMed") is not spoken against by it. Invariant: AGAINST is said only where a negator, or a verb
that gives up ("skip"), reaches the source with nothing in between that may turn it; whatever is merely likely is
DOUBTFUL, which a person decides.
"""

from __future__ import annotations

import re
from enum import Enum

from skillloop.gate.sources.catalogue import Mention, phrases


class Leaning(Enum):
    """What a sentence wants done with a source."""

    FOR = "for"
    DOUBTFUL = "doubtful"
    AGAINST = "against"


# Full-width marks arrive folded, without a space beside them.
_SENTENCE = re.compile(r"[.;!?](?=\s|$)|(?<=[^\x00-\x7f])[;!?]|[。؛]")
_PART = re.compile(r"[,:](?=\s|$)|(?<=[^\x00-\x7f])[,:]|[、،—–]|\s-\s|\s\(|[。](?=.)")
_ASIDE = re.compile(r"\s\([^()]{0,200}\)(?=[\s.,;:!?]|$)")

# Negators that negate nothing, and conditions that are only an adverb ("never if possible use …").
_IDLE = re.compile(
    r"\b(?:no matter|no exceptions?|no doubt|not only|not just|nicht nur|no s[oó]lo|pas seulement|não só|non solo|не только)\b|特别|区别|类别|级别|别人|别的"
    r"|不同|不错|不仅|不但|不断|不过|不只|不妨|\b(?:if|when|where|whenever|wherever) (?:at all )?(?:possible|feasible|convenient|needed|necessary|appropriate)\b"
)
# A clause of its own that begins after the negation; and one whose meaning hangs on what the negation said.
_LOOSE = re.compile(
    r"\b(?:(?:that|which|who)(?: (?:is|are|was|were|has|have|had|appears?|comes?)|'s)|just because|only because|(?:if|when|whenever|because|since|once|where) (?:it|they|this|these|those)(?: |'))"
    r"|\b(?:que está|que están|qui est|che è|das in|die in|который|которая|которые|которое)\b"
)
_NEGATED_STATE = re.compile(
    r"(?:not|n't|no|nicht|pas|não|non|не) (?:\w+ ){0,2}?(?:on|in|at|from|available|listed|indexed|found|find|auf|bei|zu finden|en|sur|dans|em|no|na|su|в|на)\b|没有|不在|ない"
)
_LIST = re.compile(
    r"\s*(?:and|or|nor|und|oder|noch|y|o|ni|et|ou|e|nem|né|и|или|ни|和|或|the|on|from|in|\W)*\s*"
)
_NOR = re.compile(r"\b(?:or|nor|oder|noch|o|ni|ou|nem|né|или|ни)(?: (?:the|on|from|in))?\s*$|或\s*$")
_BARE = re.compile(
    r"\W*(?:(?:do not|don't|dont|never|ever|nunca|jamás|niemals|nie|jamais|mai|никогда|绝不|(?:絶対|決)(?:に|して))\W*)+"
)
_OF = re.compile(
    r"\b(?:about|of|like|quoting|citing|linking|next to|beside|besides|over|about|über|von|sobre|sur|di|su|о|об)\b"
)
_HEAD = re.compile(
    r"\W*(?:instead of|rather than|statt|anstatt|en lugar de|en vez de|au lieu de?|em vez de|invece di|вместо)\b"
)

# Something else put above the source, with no negation.
_DEMOTES = re.compile(
    r"\b(?:prefer\w*|favou?r\w*)\b.{1,80}\b(?:to|over)\s*$|\b(?:first|priority|precedence|rank\w*|trust\w*|choose|pick|wins?)\b.{0,80}\bover\s*$"
    r"|\b(?:better|more|higher|sooner|ahead) (?:than|of)\s*$|\b(?:except|excluding|(?:anything|everything|any source|all) but)(?: (?:for|on|from))?\s*$"
    r"|\b(?:lieber|besser|mehr) als\s*$|\b(?:mejor|más|mieux|plutôt|plus|melhor|mais|meglio|più) (?:que|do que|di|che)\s*$|лучше,? чем\s*$"
)
_ABOVE = re.compile(
    r"\b(?:above|over|ahead of|higher than|better than|more than|to be)\s+(?:the )?$|\bprefer\w*\b.{1,80}\bto\s*$"
)

_AUXILIARY = (
    r"(?:is|are|be|was|were|should|shall|must|may|can|could|need|needs|does|do|will|would|has|have|ought)"
)
_DENIED = re.compile(
    rf"(?:'s)?(?:\s+\w+){{0,2}}?\s+(?:{_AUXILIARY}\s+(?:not|never|no longer)|\w+n't|isnt|cannot|no longer|is never)\b(?P<rest>.{{0,80}})"
    r"|\s*(?:ist|sind|wird|werden|muss|darf|soll|braucht?|brauchst|brauchen)(?:\s+\w+){0,2}?\s+(?:nicht|nie|kein\w*)\b(?P<de>.{0,60})"
    r"|\s*(?:ya )?no (?:es|hace|sirve|se|debe|vale|cuenta)\b(?P<es>.{0,60})|\s*n'est (?:pas|plus)\b(?P<fr>.{0,60})|\s*ne (?:sert|doit|compte)\b(?P<fr2>.{0,60})"
    r"|\s*não (?:é|precisa|serve|deve|vale|conta)\b(?P<pt>.{0,60})|\s*non (?:è|serve|va|deve|si|conta)\b(?P<it>.{0,60})|\s*(?:больше )?не (?P<ru>.{0,60})"
)
_UNNEEDED = re.compile(
    r"\b(?:need\w*|necess\w*|required|be used|use|be cited|cite|allowed|trust\w*|reliable|credible|worth|welcome|searched|consulted|mentioned|linked|counts?|acceptable|ok|okay"
    r"|matters?|useful|helpful|an option|nötig|notwendig|erlaubt|verwend\w+|benutz\w+|nutz\w*|zitier\w+|zuverlässig|neces\w+|falta|usa|cita|sirve|fiable|nécessaire|utile"
    r"|autoris\w+|être|precis\w+|confi\w+|usar|usad\w|usat\w|citat\w|affidabil\w+|serve|нуж\w+|надо|использ\w+|цитир\w+|стоит|годится|надёж\w+|надеж\w+)\b"
)
_GIVEN_UP = re.compile(
    r"(?:'s)?(?:\s+\w+)?\s+(?:(?:can|may|could|should|must|to)(?: (?!not|never)\w+)? be|is|are) (?:skipped|ignored|dropped|omitted|left out|avoided|removed|banned|forbidden|prohibited|off limits|off-limits"
    r"|excluded|unreliable|useless|unnecessary|pointless|irrelevant|untrustworthy|out)\b|\s*(?:is|are) (?:a )?waste\b|\s+(?:out|weg|fuera)\W*$|\s*ist (?:unnötig|überflüssig|verboten|tabu)|\s+(?:sobra|est inutile|est interdit)"
    r"|\s*(?:不需要|没必要|不必|不用|无需|不可信|不可靠|没用|被?禁止|不能用|不准)|\s*は?(?:不要|禁止|使用禁止)"
)
_LATE = re.compile("[\u3040-\u30ff\uac00-\ud7af\u0900-\u097f\u0600-\u06ff]")
_HEAD_FINAL = re.compile(
    "[\u3040-\u30ff\uac00-\ud7af\u0900-\u097f]"
)  # what stands before governs nothing behind
_LATE_CLAUSE = re.compile(
    r"場合|なら|れば|ければ|たら|とき|時は|ので|から|のに|경우|때|으면|다면|있으면|때문|तो|जब|क्योंकि"
)
_WITHOUT = re.compile(r"(?:\b(?:without|ohne|sin|sans|sem|senza|без)(?: \w{1,4})?\s*|没有)$")
_HAN_CLAUSE = re.compile(r"^.{0,12}?(?:时候|的时候|时(?!间)|的话|情况下)")
_GERMAN_END = re.compile(r"(?:\s+\w+){0,2}?\s+(?:nicht|nie|niemals)(?P<verb>\s+\w+(?:en|t|n))?\W*$")


def leaning(line: str, mention: Mention) -> Leaning:
    """Which way a lower-case line leans toward what it mentions."""
    start = max((m.end() for m in _SENTENCE.finditer(line, 0, mention.start)), default=0)
    end = stop.start() if (stop := _SENTENCE.search(line, mention.end)) else len(line)
    parts = _PART.split(_ASIDE.sub("", _IDLE.sub(" ", line[start : mention.start])))
    before = parts.pop()
    behind = _PART.split(_IDLE.sub(" ", line[mention.end : end]))[0]
    reached = None if _HEAD_FINAL.search(before + behind) else _reached(before)
    if reached is not None:
        return _softened(reached, before, behind)
    if _carried(parts, before, behind):
        hard = _BARE.fullmatch(parts[0]) or (_NOR.search(before) and _LIST.fullmatch(before))
        return Leaning.AGAINST if hard else Leaning.DOUBTFUL
    if _DEMOTES.search(before):
        return Leaning.DOUBTFUL
    return _judged_behind(before, behind)


# --- what stands before it -----------------------------------------------------------------------------------------


def _odd(text: str) -> bool:
    return len(phrases("against").findall(text)) % 2 == 1


def _reached(before: str) -> Leaning | None:
    """What the negations of the clause up to the mention make of it; None where there is none."""
    if not phrases("against").search(before):
        return None
    opener = _opener(before)
    if opener is None:
        return _governed(before) if _odd(before) else Leaning.FOR
    outer, own = before[: opener.start()], before[opener.end() :]
    if not phrases("against").search(outer):
        return _of_own(opener, own)
    if phrases("against").search(own):
        return Leaning.FOR if _odd(outer) == _odd(own) else Leaning.DOUBTFUL
    if not _odd(outer):
        return Leaning.FOR
    at_once = not phrases("against").split(outer)[-1].strip() and not phrases("turning").fullmatch(opener[0])
    return Leaning.DOUBTFUL if at_once or _hangs(opener, before) else Leaning.FOR


def _opener(before: str) -> re.Match[str] | None:
    """The last word that begins another clause, a contrast or a limit; not "instead of", which negates."""
    found = [*phrases("clause", "turning", "contrast").finditer(before), *_LOOSE.finditer(before)]
    found += [match for match in (_ABOVE.search(before),) if match]
    found += [match for match in _VERB_AFTER.finditer(before) if _HEAD.match(before)]
    found += list(_AND_VERB.finditer(before))
    taken = {match.end() for match in phrases("against").finditer(before)}  # the "than" of "rather than"
    return max((m for m in found if m.end() not in taken), key=lambda match: match.start(), default=None)


_VERBS = (
    "use|cite|search|check|link|read|take|prefer|go|look|start|consult|ask|query|open|quote|nimm|nutze|zitiere|suche|verwende|usa|cita|busca|utilise|cherche|prends"
    "|use|cite|busque|cerca|usa|используй|цитируй|ищи|смотри"
)
_VERB_AFTER = re.compile(rf"(?<=\w )(?:{_VERBS})\b")
_AND_VERB = re.compile(rf"\b(?:and|und|y|et|e|и) (?:then |always |dann |immer )?(?:{_VERBS})\b")
_GIVING_UP = re.compile(
    r"\W*(?:please )?(?:skip|drop|remove|avoid|ignore|stop|omit|exclude|vermeide|evita|évite|evite|избегай)\b"
)


def _hangs(opener: re.Match[str], before: str) -> bool:
    """Whether the clause may still say what the negation is about ("never cite a paper if it is on …")."""
    if _AND_VERB.fullmatch(opener[0]):
        return not _GIVING_UP.match(before)
    return _LOOSE.match(before, opener.start()) is not None


def _of_own(opener: re.Match[str], own: str) -> Leaning:
    """A negation only in the clause of the mention: a state ("if it is not on PubMed"), or perhaps a prohibition."""
    if not _odd(own):
        return Leaning.FOR
    if phrases("clause").fullmatch(opener[0]) or _LOOSE.fullmatch(opener[0]):
        return Leaning.FOR if _NEGATED_STATE.search(own) else Leaning.DOUBTFUL
    return _governed(own)


def _governed(clause: str) -> Leaning:
    """Whether the negated verb is one of use, and the source what it takes."""
    last = list(phrases("against").finditer(clause))[-1]
    between = clause[last.end() :]
    verb = phrases("using").search(between)
    if _OF.search(between[verb.end() :] if verb else between):
        return Leaning.DOUBTFUL
    if verb and _twice(between[verb.end() :]):
        return Leaning.DOUBTFUL
    short = len(re.findall(r"\w+", between)) <= 2
    gives_up = not phrases("negator").fullmatch(last[0])
    return Leaning.AGAINST if verb or gives_up or _plain_object(between, short=short) else Leaning.DOUBTFUL


def _plain_object(between: str, *, short: bool) -> bool:
    """Whether nothing but articles and prepositions parts the negator from the source ("no PubMed", "never on PubMed")."""
    return short and all(word in _ARTICLES for word in re.findall(r"[^\W\d_]+", between))


_ARTICLES = frozenset(
    """the a an on in from at to for any ever more again even need der die das den auf in von aus bei im el la los las en de le les l sur dans du des
    o os as no na em do da il lo gli su nel в на из 在 从""".split()
)


def _twice(rest: str) -> bool:
    """Whether a second verb follows the object of the first, without a comma ("don't use a blog use PubMed")."""
    return any(
        not re.search(r"\b(?:to|or|nor|and)\s*$", rest[: match.start()])
        for match in _VERB_AFTER.finditer(rest)
    )


def _softened(reached: Leaning, before: str, behind: str) -> Leaning:
    """The same, where the words behind turn it once more ("sin PubMed no …"), or may move it into a clause of its own."""
    if reached is Leaning.AGAINST and _WITHOUT.search(before) and phrases("negator").search(behind):
        return Leaning.FOR
    return Leaning.DOUBTFUL if reached is Leaning.AGAINST and _HAN_CLAUSE.match(behind) else reached


def _carried(parts: list[str], before: str, behind: str) -> bool:
    """Whether the mention is the member of a list that began under a negation ("never blogs, news or PubMed")."""
    if not parts or phrases("using", "contrast", "force").search(before) or phrases("clause").search(before):
        return (
            bool(parts) and _BARE.fullmatch(parts[0]) is not None and not phrases("contrast").search(before)
        )
    listed = _LIST.fullmatch(before) or _NOR.search(before)
    ends = not re.search(r"\w", behind) or re.match(r"\s*(?:or|nor|and|oder|und|ou|et|o|y|или|и)\b", behind)
    return bool(listed and ends) and any(
        _odd(part) and re.search(r"\w+\W+\w|[不别勿]", part) for part in parts
    )


# --- what stands behind it -----------------------------------------------------------------------------------------


def _judged_behind(before: str, behind: str) -> Leaning:
    """What is said of the source as the subject, or by a verb that comes last."""
    subordinate = phrases("clause").search(before) or _LOOSE.search(before)
    found = _said_of(behind)
    if subordinate and found is Leaning.AGAINST:
        return Leaning.DOUBTFUL if not _LATE.search(behind) else Leaning.FOR
    return Leaning.FOR if subordinate else found


def _said_of(behind: str) -> Leaning:
    if _GIVEN_UP.match(behind):
        return Leaning.AGAINST
    if _LATE.search(behind):
        clause = _LATE_CLAUSE.search(behind)
        own = behind[: clause.start()] if clause else behind
        if clause and not own.strip():
            return Leaning.DOUBTFUL if _turned(behind) else Leaning.FOR
        return Leaning.AGAINST if _turned(own) else Leaning.FOR
    if denied := _DENIED.match(behind):
        rest = next(group for group in denied.groups() if group is not None)
        if phrases("against").search(rest) or phrases("soft").search(rest):
            return Leaning.FOR
        if _UNNEEDED.search(rest) or re.search(r"sert|serve", denied[0]):
            return Leaning.AGAINST
        return (
            Leaning.DOUBTFUL
            if re.match(r"\W*(?:is|are|isn't|aren't|ist|sind|est|es|è|é)\b", denied[0].strip())
            else Leaning.FOR
        )
    if (german := _GERMAN_END.match(behind)) and not (german["verb"] and _odd(german["verb"])):
        return Leaning.AGAINST
    return Leaning.FOR


def _turned(text: str) -> bool:
    turned = phrases("turning").findall(text) if phrases("against").search(text) else []
    return (len(phrases("against").findall(text)) + len(turned)) % 2 == 1
