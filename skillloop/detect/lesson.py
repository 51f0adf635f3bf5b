"""The lesson in a disagreement: one imperative sentence, made of the person's own words.

A sentence is only *trimmed*, never put differently: pleasantries and lead-ins go ("no, I told you to …"), a few openings
become imperative ("we use" → "Use"), and what is of the day (a path of a home, a line number, a question, a symptom) is
no lesson. Invariants: each content word, number, path and identifier of a lesson stands in its quote; negators and scope
words keep their order; the quote is a verbatim span of the turn.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from skillloop.detect import durability
from skillloop.detect.classifier import Linear, learned
from skillloop.detect.phrases import tokens, wide

WISHES = {"may last": 0.15, "lasts": 0.4}
"""Probabilities of being durable from which the rule of a turn speaks for a disagreement."""

LONGEST = 220
"""Characters beyond which a sentence is a story, not a rule."""

_END = re.compile(r"(?<=[.!?…])[\"”’)]*\s+|(?<=[。！？])|\n+|\.{2,}\s*|\s+[-–—+]+\s+")

_ASIDES = (
    (
        "no+|nope|nah|ok(?:ay)?|yes|yeah|well|good|great|nice|cool|perfect|h+m+|u+h+|o+h+|ugh+|wait|w8|hey|hi|stop|dude|man|bro|sorry(?: for \\w+)?|look|listen|right|thanks"
        "|seriously|come on|hold on|(?:that'?s |this is )?(?:all )?wrong(?: \\w+)?|(?:that'?s )?not (?:right|true|it)|too long|careful|remember|reminder|one thing|(?:as|like) i (?:already )?(?:said|told you|mentioned)(?: \\w+)?|how (?:many times|often)[^:?,]*"
        "|i(?:'ve| have)? (?:already )?(?:said|told|asked)(?: you)?(?: before| already| again| \\w+ times)?|for the (?:second|third|last|\\w+th) time|wh?y so [\\w ]+|too many? [\\w ]+"
    ),
    "(?:eso |esto )?est[áa] mal|mal|demasiado largo|as[íi] no|vale|bien|bueno|oye|no|espera|alto|para|gracias|ya te (?:lo )?dije|te (?:dije|pedí)|como (?:te )?dije|cuántas veces[^:?,]*|de nuevo|otra vez",
    "das ist (?:falsch|zu lang)|so nicht|nein|ok|gut|super|halt|warte|stopp|danke|falsch|wie gesagt|ich (?:hatte|habe)(?: dir)?(?: doch)? gesagt|schon wieder|wie oft(?: noch)?",
    "c'est faux|trop long|pas comme [çc]a|non|bon|bien|super|stop|attends|merci|je t'(?:ai|avais)(?: déjà)? dit|comme je l'ai dit|encore(?: une fois)?|combien de fois[^:?,]*",
    "(?:isso )?est[áa] errado|errado|longo demais|assim n[ãa]o|n[ãa]o|bom|beleza|espera|valeu|já falei|eu já (?:falei|disse)|de novo(?: isso)?|como eu disse|quantas vezes[^:?,]*",
    "[èe] sbagliato|sbagliato|troppo lungo|cos[ìi] no|no|bene|aspetta|fermo|grazie|te l'ho (?:già )?detto|come ho detto|ancora|quante volte[^:?,]*",
    "(?:это )?неправильно|неверно|слишком длинно|нет|ну|так|стой|подожди|хорошо|спасибо|я же (?:говорил|просил|сказал)|опять|снова|сколько раз[^:?,]*",
    "太长了?|错了?|不行|不对|不是|不|等等|等一下|停|好的?|谢谢|我(?:都)?说过|我说了|又来了|错了",
    "間違いです|間違い|長すぎます|だめです|違います|違う|いや|いいえ|待って|ストップ|ちょっと|すみません|ありがとう|また|何度[^、]*",
    "nee|(?:dat is )?fout|te lang|stop|wacht|zo niet|hoe vaak[^:?,]*",
    "아니요?|아뇨|틀렸어요|틀렸습니다|잘못됐어요|너무 길어요|너무 깁니다|잠깐만?요?|몇 번[^,?]*",
    "hayır|yanlış|çok uzun|olmaz|dur|kaç kere[^,?]*",
    "لا|خطأ|هذا خطأ|طويل جد[اًا]+|توقف|كم مرة[^،?؟]*",
    "नहीं|गलत|ग़लत|बहुत लंबा है|रुको|कितनी बार[^,?]*",
)
"""What falls off before a punctuation mark: an answer, an interjection, "I told you"."""

_LINKS = (
    (
        "please|pls|also|and|but|so|just|again|actually|btw|ok(?:ay)?|yeah|dude|no man|always remember to|remember (?:to|that)|keep in mind that|make sure (?:that )?you"
        "|(?:i (?:just )?(?:want(?:ed)?|need) to )?remind you (?:that|to)|i (?:already )?(?:told|asked) you(?: \\w+ times| before| already)? to|i (?:said|told you) that|i said|we (?:agreed|decided|said)(?: that| to| on)?"
        "|i (?:want|need|would like) you to|i'd like you to|(?:can|could|would|will) you(?: please)?|from now on|going forward|in (?:the )?future|next time|you should(?! not|n't| have)"
        "|no (?=(?:don'?t|do not|never|always|use|please|i|we|you|it|that)\\b)"
    ),
    "por favor|pero|y|te (?:dije|pedí) que|ya te dije que|recuerda(?: que)?|quiero que|de ahora en adelante|a partir de ahora|la próxima vez",
    "bitte|aber|und|also|ab (?:jetzt|sofort)|nächstes mal|denk dran",
    "mais|et|s'il te pla[iî]t|je t'(?:ai|avais)(?: déjà| bien)? (?:dit|demandé) de|à partir de maintenant|désormais|la prochaine fois|n'oublie pas de",
    "mas|e|por favor|eu já (?:falei|disse) (?:pra|para|que)|já (?:falei|disse) (?:pra|para|que)|a partir de agora|de agora em diante|da próxima vez|lembre(?:-se)? de",
    "ma|e|per favore|ti (?:ho|avevo) detto (?:di|che)|d'ora in poi|da ora in poi|la prossima volta|ricordati di",
    "но|и|пожалуйста|я(?: же)? (?:говорил|просил|сказал)|с этого момента|впредь|в следующий раз",
)
"""What falls off before more words: a link, a request to listen, from when on."""

_LINKS_CLOSED = (
    "请|麻烦你?|但是?|以后|今后|从现在(?:起|开始)|下次|我说过|あの|でも|今後は|これからは|次からは|次回から"
)
"""The same where words are not spaced."""

_LEAD = re.compile(
    rf"(?:\W*(?:(?:{'|'.join(_ASIDES)})(?=\s*[,.!?:;…，。！？：；、،؛؟।-]|\s*$)|(?:{'|'.join(_LINKS)})(?=[\s,:])|{_LINKS_CLOSED})[\s,.!?:;…，。！？：；、،؛؟।-]*)+",
    re.IGNORECASE,
)

_TAIL = re.compile(
    r"(?:[\s,;]+(?:please|pls|ok(?:ay)?|thanks|thank you|thx|man|dude|again|right|por favor|gracias|bitte|danke|s'il te pla[iî]t|merci|obrigad[oa]|grazie|per favore|пожалуйста|спасибо|lol|haha)|谢谢|吧)?[\s.!?。！？…,;:]*$",
    re.IGNORECASE,
)

_NO_RULE = r"(?:are|were|have|had|just|need|could|can|would|will|should|must|did|do|already|also|still|may|might|got|know|want|dont|said|went|saw|only|both|all)\b"
"""What after "we" tells or asks for something else than a habit."""

ENDING = 60
"""Characters at the end of a sentence in which a pleasantry may stand; looking through all of it takes long."""

_OPENINGS = tuple(
    (re.compile(pattern, re.IGNORECASE), into)
    for pattern, into in (
        (r"^i(?:'d| would)? pref+er (?!(?:if|that|you|to)\b)(?=\w)", "Prefer "),
        (r"^je préfère (?=\w)", "Préfère "),
        (r"^(?:i|we) do(?:n'?t| not) want (?:you|u) to (?=\w)", "Do not "),
        (r"^i do(?:n'?t| not) (?:want|like|need) (?:any |the )?(?=[\w-]+)", "No "),
        (
            r"^(?:(?:here|in this (?:project|repo(?:sitory)?|codebase)),? )?we (?=(?:never|always|do not|don'?t)\b(?! (?:want|need|have|care|know|like|get|see|even|really)\b))",
            "",
        ),
        (
            rf"^(?:(?:here|in this (?:project|repo(?:sitory)?|codebase)),? )?we (?=(?!{_NO_RULE})[a-z]+(?<!ed)\s)",
            "",
        ),
        (
            r"^i(?: hate|(?:['’]m| am) not (?:a (?:big )?fan of|fond of)) (?!(?:it|this|that|the|how|when|to|you|\w+ing)\b)(?=\w)",
            "No ",
        ),
        (r"^let['’]?s (?=(?:always|never)\b)", ""),
        (r"^我们(?:项目|这里|团队|都|一般|统一)*(?=用|不用)", ""),
        (r"^i (?:want|like|need|love) (?!(?:to|you|it|this|that|the|how|when)\b)(?=\w)", ""),
        (r"^do not (?:you )?(?=\w)", "Do not "),
        (r"^ich (?:will|mag|möchte) (?=keine?n?\b)", ""),
        (r"^je (?:ne )?veux pas (?=de\b|d')", "Pas "),
        (r"^wir (?:verwenden|nutzen|benutzen) (?:hier )?(?=\w)", "Verwende "),
    )
)
"""Openings that become imperative. A person's "I don't like X" stays a negation: "No X"."""

_OF_THE_DAY = re.compile(
    r"\s{3}|^\W*[➜❯$>#]|\w(?:Error|Exception)\b\W|\bline \d+|:\d+\b|/(?:Users|home)/|[A-Z]:\\|\b[0-9a-f]{7,40}\b|#\d+\b|\bCan(?:'t| not) find\b|\bno (?:such|suitable|matching|module named|space left)\b|\bis not defined?\b|\w::\w+\(|\b(?:was|were) (?:supposed|meant) to\b|\[Image|https?://(?:localhost|127\.)|\b(?:yesterday|today|tonight|this morning|ten minutes)\b|^\W*(?:(?:error|warning|fatal|usage)\b(?=\W*(?:$|[:\[(\d]|TS\d)| (?:in|at|on|while|when)\b)|npm (?:err|warn))",
    re.IGNORECASE,
)
_QUESTION = re.compile(
    r"[?？]\s*$|[吗呢么]\s*[。，]?\s*$|如何|怎么|怎样|哪里|哪个|能不能|可不可以|是不是|是否|^(?:why|what|how|where|which|who|did|do you|does|is|are|can we|por qu[eé]|warum|wieso|pourquoi|perch[eé]|почему|зачем|为什么|なぜ)\b",
    re.IGNORECASE,
)


_TURN = re.compile(
    r",?\s+but\s+|,\s+so\s+|[:;]\s+|,?\s+(?:pero|aber|mais|mas|ma|но)\s+|[，；]|但是?|(?<=が)、",
    re.IGNORECASE,
)
"""Where the rule may start within a sentence."""

_COMMA = re.compile(r"[,、،，]\s*")
_TOLD = re.compile(
    r"(?:you(?:'ve)? (?:forgot|forget|keep|missed|skipped|always|again|did|didn'?t)|again you|otra vez|olvidaste|du hast|tu as|você|voce|hai |ты |你|또 |yine|نسيت|لقد|je bent|je hebt|तुम|आप|eso |das ist |c'est |isso |è |это |dat is |this is |that'?s |wrong)",
    re.IGNORECASE,
)
"""A sentence that starts by telling what was done, and may go on with what to do."""

_REMINDS = re.compile(r".*\b(?:remind(?:ed)?|told|asked) you (?:\w+ )?(?:that|to)\s+", re.IGNORECASE)
"""Up to where a sentence only announces the rule."""

_STORY = re.compile(
    r"(?:i|i'?m|i'?ve|i'?d|my|the|it|it'?s|that|that'?s|this|there|they|he|she|you|you'?re|you'?ve|we|we'?re|we'?ll|we'?ve|when i|if i|as a result|assuming|because|since|let'?s|looks|seems|maybe|not sure|do(?:n'?t| not) (?:want|need|think|see|know|believe|understand|get|recall)"
    r"|yo|creo|tengo|veo|cuando|ich|mir|mein|du|je|j'|moi|tu|eu|você|vc|io|hai|stai|я|мне|у меня|ты|私は)\b|我|你|siempre (?:me |lo |te )?\w+[ae]s\b",
    re.IGNORECASE,
)
_ASKS = re.compile(
    r"(?:it|this|that|there|they|we|he|she)\b(?:\W+\w+){0,4}?\W+(?:should|shouldn'?t|must|mustn'?t|never|always|can'?t|cannot|do(?:n'?t| not)(?! (?:want|need|think|see|know|have|get|care))|need to|have to)\b"
    r"|the\b(?:\W+\w+){1,4}?\W+(?:should|shouldn'?t|must|mustn'?t|needs?|ha(?:ve|s) to|comes?|goes|go|belongs?)\b|you(?:['’]re| are) supposed to\b|you (?:should|must|can'?t|cannot|need to|have to|don'?t (?:have|need) to|may not)\b|i(?:'ll| will)\b.*\bmyself\b"
    r"|du (?:sollst|solltest|musst|darfst)\b|tu (?:dois|devrais|debes|deberías|devi|dovresti)\b|(?:você|vc) (?:deve|tem que|precisa)\b|ты должен\b|你(?:应该|必须|要|不要|别)|我[^，。]{0,8}(?:不要|别|必须)",
    re.IGNORECASE,
)
"""What makes a sentence that starts with a pronoun ask for something all the same, near its start."""

_MEANT = re.compile(
    r"(?<!\w)(?:i meant|quise decir|me refer[ií]a|hablaba del?|ich meinte|je parlais d|je voulais dire|(?:eu )?quis dizer|eu fal(?:ei|ava) d[aeo]s?|intendevo|parlavo d"
    r"|я имел(?:а)? в виду|я говорил(?:а)? про|ik bedoelde)|我说的是|我的意思是|という意味",
    re.IGNORECASE,
)
"""What was meant explains the request before; the next one is another."""

_NAME = re.compile(r"\S*(?:\w[_./:]\w|[a-z][A-Z]|\w\(\))")
"""A first word whose letters are not ours to change."""

_FRAGMENT = re.compile(
    r"(?:before|after|because|since|so that|which|as|than|or|for|until|who|whose)\b[^,]*$|if (?:yes|so|not|no)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Lesson:
    """A rule, and the verbatim span of the turn that it was drawn from."""

    text: str
    quote: str
    features: dict[str, float]


def draw(text: str, model: Linear | None = None) -> Lesson | None:
    """The part of a turn that reads most like a standing rule, trimmed; None where nothing can be one.

    Args:
        text: All that the person said in the turn.
        model: What weighs the features of each candidate; the learned one by default.
    """
    score = (model or learned().durable).score
    best = max(_candidates(text), key=lambda lesson: score(lesson.features), default=None)
    return best and replace(best, features=best.features | durability.around(text, best.quote))


def wish(rule: Lesson | None, model: Linear | None = None) -> dict[str, float]:
    """What the rule of a turn says of the turn: who tells how it always shall be, mostly says that it was not.

    Args:
        rule: As drawn from the turn.
        model: What weighs its features; the learned one by default.
    """
    if rule is None:
        return {}
    chance = (model or learned().durable).confidence(rule.features)
    found = {
        "wish: says that it lasts": durability.SAYS_SO in rule.features,
        **{f"wish: {name}": chance >= at for name, at in WISHES.items()},
    }
    return {name: 1.0 for name, true in found.items() if true}


def _candidates(text: str) -> Iterator[Lesson]:
    """Each sentence, and what follows a "but" or an "I told you to" within it."""
    for sentence in sentences(text):
        if _OF_THE_DAY.search(sentence):
            continue
        announced = _REMINDS.match(sentence)
        first = announced.end() if announced else 0
        for start in (first, *_starts(sentence, first)):
            quote = sentence[start:]
            trimmed = trim(quote)
            if trimmed is not None:
                yield Lesson(trimmed, quote, durability.features(text, quote, trimmed))


def _starts(sentence: str, first: int) -> Iterator[int]:
    """Where a rule may begin within a sentence: after a turn of it, or after a comma that ends a story."""
    yield from (match.end() for match in _TURN.finditer(sentence, first))
    comma = _COMMA.search(sentence, first)
    if comma is not None and (_TOLD.match(sentence, first) or _STORY.match(sentence, first)):
        yield comma.end()


def sentences(text: str) -> Iterator[str]:
    """The sentences of a text, each a verbatim span of it."""
    at = 0
    for match in _END.finditer(text):
        if part := text[at : match.start()].strip():
            yield part
        at = match.end()
    if part := text[at:].strip():
        yield part


def _unquoted(sentence: str) -> str:
    """Without quotation marks around the whole, or a lost one at an end."""
    for mark in "\"'":
        if sentence.count(mark) % 2 or (sentence[:1] == sentence[-1:] == mark and sentence.count(mark) == 2):
            sentence = sentence.strip(mark)
    return sentence


def trim(sentence: str) -> str | None:
    """A sentence as a rule, or None where it cannot be one."""
    if len(sentence) > LONGEST * 2:
        return None
    lead = _LEAD.match(sentence)
    rest = sentence[lead.end() :] if lead else sentence
    if _QUESTION.search(rest):
        return None
    rest = _unquoted((rest[:-ENDING] + _TAIL.sub("", rest[-ENDING:])).strip(" ,;:-–—"))
    for pattern, into in _OPENINGS:
        rest = pattern.sub(into, rest)
    words = len(tokens(rest)) * (0.5 if wide(rest) else 1.0)
    if (
        words < 2
        or len(rest) > LONGEST
        or _FRAGMENT.match(rest)
        or _MEANT.search(rest)
        or rest.count("(") != rest.count(")")
        or (_STORY.match(rest) and not _ASKS.match(rest))
    ):
        return None
    return rest if wide(rest) or _NAME.match(rest) else rest[0].upper() + rest[1:]
