"""Words with which people say themselves that a wish is meant to last: "from now on", "never", "I told you", "we use".

Where such words stand in the right place no probability is needed: "always run the linter" is a rule, "it always
fails" is not. So each pattern is tied to where it stands: the scope in time anywhere in the sentence, the adverb at
the head of the rule or right behind its first word, the reminder only before a rule that reads like one.
"""

from __future__ import annotations

import re


def _words(*alternatives: str) -> re.Pattern[str]:
    """Whole words, any letter case."""
    return re.compile(r"(?<!\w)(?:" + "|".join(alternatives) + r")(?!\w)", re.IGNORECASE)


_FROM_NOW_ON = _words(
    r"from (?:now|here) on(?:wards?)?|going forward|moving forward|in (?:the )?future|next time|(?:every|each) (?:single )?time|ever again|whenever you",
    r"de ahora en adelante|a partir de ahora|en el futuro|la pr[oó]xima vez|cada vez que",
    r"ab (?:jetzt|sofort)|von (?:nun|jetzt) an|in zukunft|k[üu]nftig|zuk[üu]nftig|(?:das )?n[äa]chste[sn]? mal|jedes mal",
    r"[àa] partir de maintenant|dor[ée]navant|d[ée]sormais|[àa] l['’]avenir|la prochaine fois|[àa] chaque fois",
    r"de agora em diante|a partir de agora|daqui (?:pra|para a) frente|no futuro|(?:d?a )?pr[óo]xima vez|toda vez",
    r"d['’]ora in (?:poi|avanti)|da ora in poi|in futuro|la prossima volta|ogni volta",
    r"с этого момента|впредь|отныне|в следующий раз|каждый раз|на будущее|в будущем",
)
_FROM_NOW_ON_RUN = re.compile(
    r"(?:^|[，,。、\s])(?:以后|今后|往后|从今以后)|从现在(?:起|开始)|下次|每次|今後|これからは|次(?:回)?からは?|毎回"
)

_ADVERB = re.compile(
    r"""(?:(?:you|we|and|but|please|so)\s+)*(?:(?:must|should|need\ to|have\ to)\s+)?(?:always|never(?!\s+mind)|do(?:n['’]?t|\ not)\ ever)\s+(?!been\b|was\b|had\b|got\b|\w+ed\b|\w+[^s\W]s\b)
    | make\ sure\ (?:you\ |to\ |that\ you\ )*(?:always|never)\b
    | (?:siempre|nunca|jam[áa]s)\s | (?:no\s+)?\w+\s+(?:siempre|nunca|jam[áa]s)\b
    | (?:immer|nie|niemals)\s | (?!ist|sind|war|wird|es|das)\w+\s+(?:bitte\s+)?(?:immer|nie|niemals)\b
    | (?:toujours|jamais)\s | (?!c['’]est|est|il|ça)\w+\s+toujours\b | n(?:e\s+|['’])(?!a\b|est\b)\w+\s+jamais\b
    | (?:sempre|jamais)\s | (?!é|está|foi|è|ha)\w+\s+sempre\b | non\s+\w+\s+mai\b
    | (?:всегда|никогда)\s | (?!он|она|это)\w+\s+(?:всегда|никогда)\b
    | (?:请|你)?(?:总是|永远|始终|绝不|绝对不|决不|务必|一定要|任何时候|无论如何)
    """,
    re.VERBOSE | re.IGNORECASE,
)
_ADVERB_RUN = re.compile(r"必ず|常に|絶対に|決して|いつも")  # Japanese puts the verb, and so the wish, last
_WISH_RUN = re.compile(r"(?:くだ|下)さい|ないで|すること|しろ|するな|して[。！!]?$|使って|書いて|ように")

_ENOUGH = _words(
    r"stop \w+ing|quit \w+ing|no more",
    r"(?:deja|dejar|para) de|h[öo]r(?:t)? auf|arr[êe]te(?:z)? d['’e]|pare de|smetti(?:la)? di|перестань(?:те)?|хватит",
)
_ENOUGH_RUN = re.compile(r"别再|不要再|不要總是|もう.{0,12}ないで|のはやめて|のをやめて")

_CUSTOM = _words(
    r"we (?:always|never|do(?:n['’]?t| not)(?! want| need| have| like| know| expect| care| see)|use|write|prefer|follow|name|keep|put)|in this (?:project|repo|repository|code ?base|team|company|house)|our (?:convention|style|policy|rule)s?",
    r"(?:aqu[ií]|en este (?:proyecto|repo|equipo)) (?:usamos|no usamos|nunca)|in diesem (?:projekt|repo|team)|wir (?:verwenden|nutzen|benutzen|schreiben)",
    r"dans ce (?:projet|d[ée]p[ôo]t)|on (?:utilise|n['’]utilise)|neste (?:projeto|repo)|n[óo]s usamos|in questo (?:progetto|repo)|noi usiamo|в этом (?:проекте|репозитории)|мы (?:используем|не используем|пишем)",
)
_REMINDER = _words(
    r"i(?:['’]ve| have)?(?: already| just)? (?:told|asked|said)(?: you)?(?: already| before| again)?(?: to| not to|,|:| that)|as i(?: already)? said|how (?:many times|often)",
    r"ya te (?:lo )?dije|te (?:dije|ped[ií]) que|wie gesagt|ich (?:habe|hatte)(?: dir)?(?: doch| schon| bereits)* gesagt|je t['’]a(?:i|vais)(?: d[ée]j[àa])? (?:dit|demand[ée])",
    r"j[áa] (?:te )?(?:falei|disse|pedi)|ti (?:ho|avevo)(?: gi[àa])? (?:detto|chiesto)|я (?:же|уже) (?:просил|говорил|сказал)а?|сколько раз",
)
_REMINDER_RUN = re.compile(r"我(?:都|已经)?说过|说了多少次|と(?:言|い)ったはず|何度も")

_COMMAND = re.compile(
    r"(?:please\s+)?(?:use|prefer|keep|write|put|name|follow|avoid|no|not|never|always|do(?:n['’]?t|\ not)|usa|usamos|no|nunca|verwende|benutze|kein|keine|nutze|schreib|utilise|n['’]|pas|use|não|usi?|non|используй|не|пиши)(?!\w)",
    re.IGNORECASE,
)


_NORM = re.compile(
    r"""(?:please\s+)?(?:avoid|don['’]?t|do\ not)\s+(?!want|need|know|think|see|have|like|care|worry|forget|do\b|be\b|start|stop|go\b|make\ any|touch|change|update|commit\ yet)\w+
    | no\s+(?!other|more|errors|issues|problems|changes)[a-z-]+s(?=\s|$)
    | (?:every|each|all)\s+\w+.{0,80}\b(?:must|needs?|should|has\ to|have\ to|requires?)\b
    | (?:use|write|put|keep|add|run|name|prefer|quote|cite|show|say|give)\b.{0,120}\balways\b
    | .{0,60}\balways\s+(?:use|write|put|keep|add|run|name|quote|cite|show|comes?|goes?|first|before)\b
    | (?:use|prefer)\s+\S+(?:\s\S+)?(?:,?\ not\s|\ instead\ of\s|\ rather\ than\s|\ over\s)
    | no\s+(?!lo\b|la\b|se\b|me\b|te\b|les?\b)\w{3,}[ae]s\s | usa\s+\S+(?:\s\S+)?\s(?:en\ vez\ de|en\ lugar\ de)\s
    | keine?[nmrs]?\s+\w+ | (?!das|es|ich|wir|sie|er)\w{3,}\s+(?:bitte\s+)?keine?[nmrs]?\s+\w+ | (?:benutze|verwende|nimm|nutze)\s+\S+\s+(?:statt|anstatt)\s
    | (?:pas\ de\s+|ne\s+|n['’])\w+ | utilise\s+\S+(?:\s\S+)?\s(?:au\ lieu\ de|plutôt\ que)\s
    | (?:sem\s+\w+|não\s+\w{3,}[ea]\s) | use\s+\S+(?:\s\S+)?\s(?:em\ vez\ de|ao\ invés\ de)\s
    | (?:niente\s+\w+|non\s+\w+(?:are|ere|ire)\s) | usa\s+\S+(?:\s\S+)?\sinvece\ di\s
    | (?:никаких\s+\w+|не\s+\w{3,}(?:й|йте|и|ите)(?!\w)) | используй\s+\S+\s+вместо\s
    | 不要|别|禁止 | .{0,60}(?:しないで|使わないで|禁止|ではなく)
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""Rules by their form: a prohibition, "every … must", "X, not Y"."""

_AT_HAND = re.compile(
    r"(?<!\w)(?:this|that|these|those|it|its|yet|now|still|currently|today|here|there|them|again|esto|est[ae]|eso|ahora|aqu[ií]|todav[ií]a|a[úu]n"
    r"|diese[nmrs]?|diesmal|jetzt|hier|noch|cette|cet|ça|maintenant|ici|encore|isso|isto|ess[ea]|desta vez|agora|aqui|ainda|quest[oa]|adesso|qui|ancora"
    r"|это|этот|эту|эти|сейчас|здесь|ещё|еще|пока)(?!\w)|这|那|现在|还|この|その|これ|それ|ここ|まだ|今回|\d{3,}|[a-z]\.[a-z]+\(|\w/\w+\.\w",
    re.IGNORECASE,
)
"""Words and forms that point at what is on the table now: then a prohibition is about that, not about next time."""


def meant_to_last(text: str, quote: str, rule: str) -> bool:
    """Whether a person says that a wish is for good.

    Args:
        text: All that they said in the turn.
        quote: The span of it that holds the wish.
        rule: The same, trimmed.
    """
    sentence = _sentence(text, quote)
    return bool(
        _FROM_NOW_ON.search(sentence)
        or _FROM_NOW_ON_RUN.search(sentence)
        or _ADVERB.match(rule)
        or (_ADVERB_RUN.search(rule) and _WISH_RUN.search(rule))
        or _ENOUGH.match(sentence.strip())
        or _ENOUGH_RUN.search(sentence)
        or (_COMMAND.match(rule) and (_CUSTOM.search(sentence) or _REMINDER.search(sentence)))
        or _REMINDER_RUN.search(sentence)
    )


def reads_like_a_norm(text: str, quote: str, rule: str) -> bool:
    """Whether a wish has the form of a rule, and nothing in its sentence points at the moment; see `meant_to_last`."""
    return bool(_NORM.match(rule) and not _AT_HAND.search(_sentence(text, quote)))


def _sentence(text: str, quote: str) -> str:
    """The quote with what stands before it in its sentence, where "from now on" and "I told you to" are."""
    at = max(text.find(quote), 0)
    before = re.split(r"[.!?。！？\n]", text[max(0, at - 120) : at])[-1]
    return before + quote
