"""Lines that would loosen a safeguard wait for a person, even when a person typed them.

Two kinds: words about skillloop's own judging (the gate, approval, rules, evidence), and words that give up a
protection or run something from elsewhere ("skip the tests", "without asking", `--force`, `curl … | sh`). Whoever
said them, they are applied only by somebody who sees them marked. A list of words is no proof of harmlessness; it
stands behind origin and fidelity, not in place of them.
"""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING

from skillloop.gate.frozen import plain
from skillloop.model import Check
from skillloop.words import fold, polar, tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

    from skillloop.gate.context import Context
    from skillloop.model import Proposal

LONGEST = 4_000  # characters of a line that are looked at
MOST_HITS = 20  # in one line; whoever forbids more than that at once is not believed

_SELF = (
    r"skill-?loop|\b(?:the|this) gate\b|\baudit log\b|\breview queue\b|\brejected (?:drafts?|proposals?)|\b(?:per|zero \w+ |a) draft\b",
    r"\bauto(?:matic(?:ally)?)?[- _]?(?:apply|approv|accept|merg)\w*|\bauto mode\b|\bapprov\w* (?:threshold|automatically|all|every|by default)",
    r"\b(?:hard|the|skill|source|these|those) constraints?\b|\btrusted[- ]?(?:source|:)|\buntrusted\b|\bcounts? as (?:a )?trusted|\btrust (?:tool|web|all|any|every)",
    r"\b(?:trusted|source|hard|safety|security|these|those|all|previous|prior|above|earlier|other|any) (?:rules?|instructions?|restrictions?|guidelines?)\b",
    r"\brules? (?:\d|no longer|do(?:es)? not)|\b(?:new|updated) (?:\w+ )?(?:instructions?|policy|rules?)\b|\byou are now\b|\bno limits\b",
    r"\bwhite-?list\w*|\ballow-?list\w*|\bexempt\w*|\bbypass\w*|\bexception(?=:| (?:for|that|to)\b)|\bdisregard\w*",
    r"\b(?:ignor\w*|forget|overrid\w*|supersed\w*) (?:\w+ ){0,3}(?:rules?|instructions?|guidelines?|constraints?|boundaries|warnings?|polic\w+|skill)\b",
    r"\b(?:as|supporting|require\w*|any|no) evidence\b|\bsecret scann\w*|\bfrom scanning\b|\bmax_lines\w*|\brequire_\w+|\bmin_confidence\b|\bnever_auto\b",
    r"\bfrontmatter\b|\ballowed-tools\b|\bdynamic context\b|\b(?:session\w*|pretooluse|posttooluse|plugin|claude code) hooks?\b|\bhooks\.json\b",
    r"\b(?:skill|claude|agents)\.md\b|\bsettings(?:\.local)?\.json\b|\bsystem (?:prompt|message|requirement)|\bthis skill\b|\bskill file\b|\bthis skill.s\b",
    r"\bpermission(?:s| mode| prompts?| dialogs?)?\b(?= (?:mode|prompts?|dialogs?|rules?|checks?|for all))|\bbypasspermissions\b|\bmcp (?:server|add)|\bclaude mcp\b|/plugin\b",
    r"\bregla[s]? de (?:fuentes|seguridad)|\bignora\w* (?:las|los|le|i|as|os)\b|\bignorier\w* (?:die|alle)|\bausnahme für|\bignore[rz]? (?:les|toutes)|\baprob\w* autom\w*",
    r"игнорируй (?:правил|инструкц)\w*|исключение для|без одобрения|忽略(?:所有|以上|之前|规则|指令)|(?:自动|无需)(?:批准|审批)|绕过|例外|信任来源|無視し|承認なし|例外として",
)
"""Words about what judges the skill, or that pose as a new authority."""

_UNGUARDED = (
    r"\b(?:do not|don't|dont|never|no need to|stop) (?:ask|confirm|check(?! (?:in|out)\b)|warn|verif|validat|run(?: the| any)? (?:lint|test|check)|review|sanitiz|escap|encrypt|redact)\w*\b",
    r"\b(?:do not|don't|dont|never|no need to|stop) (?:mention|report|log|tell|test|show)\w* (?:\w+ )?(?:security|warnings?|errors?|failures?|risks?|users?|me|authenticat\w*|permissions?)\b",
    r"\bno (?:tests?|review|confirmation|approval|validation|verification|backup|2fa|auth\w*)\b|\bnunca (?:preguntes|avises|verifiques)|\bfrag\w* nie\b|\bne (?:demande|vérifie) (?:pas|jamais)",
    r"\bnunca (?:pergunte|verifique)|\bnon (?:chiedere|verificare)\b|не (?:спрашива|проверя|предупрежда|сообща)\w*|(?:不要|不用|别)(?:问|询问|确认|检查|提醒|报告|测试|审查)|(?:確認|質問|報告|テスト|検証)(?:し)?ないで|聞かないで",
)
"""A safeguard that is told to stay away. The negation is part of it."""

_RISK = (
    r"\b(?:skip|bypass|disabl|suppress|silenc|mut)(?:e|es|ed|ing|ping|ped)?\b|\b(?:turn|switch)\w* off\b|\bignor\w* (?:\w+ ){0,2}(?:errors?|warnings?|fail\w*|checks?|tests?|alerts?)|\bpermissive\b",
    r"\bwithout (?:asking|confirm\w*|review\w*|checking|tests?|testing|permission|approval|telling|verif\w*|validat\w*)\b|\bcatch all\b|\bexcept(?:ion)?: pass\b|\braw sql\b|\bstring concatenation\b",
    r"--(?:no-verify|force(?!-with)|no-check\w*|insecure|privileged|allow-\w+|dangerously[\w-]*|trusted-host|disable[\w-]*|skip[\w-]*|no-sandbox|hard)\b|-auto-approve\b|\bverify ?= ?false\b",
    r"\bstricthostkeychecking\b|\bcors to\b|\bcsrf\b|\bts-ignore\b|\bnosec\b|\blocalstorage\b|\brejectunauthorized\b|\binsecure\w*|\bas root\b|\b(?:md5|sha-?1)\b|\b2fa\b|\bpin\w* (?:\S+ ){0,6}latest\b",
    r"\bsudo\b|\bchmod\b|\bchown\b|\brm -|\bdd if|\bmkfs|\bkill -|\bcurl\b|\bwget\b|\beval\b|\bbase64\b|\bscp\b|\brsync\b|\bnc \S|\bcron(?:tab|\b)|\bpastebin\b|\|\s*(?:ba|z)?sh\b|\b(?:ba|z)?sh -c\b",
    r"\bpowershell\b|\bpython3? -c\b|\bnode -e\b|\bnpx -y\b|\bpostinstall\b|\bautoupdate\b|\bgoproxy\b|\bgoflags\b|\braw\.\w|\b(?:index|registry)[-_]url\b|\bscreencapture\b|\bsubprocess\b|=cmd\|",
    r"\b(?:api|access|auth|bearer|secret|private|ssh|signing|deploy|session|refresh)[- _](?:tokens?|keys?)\b|\b(?:store|print|log|commit|send|share|report|keep|save|export|post|read|add) (?:\w+ ){0,3}(?:tokens?|keys?|secrets?)\b",
    r"\b(?:secrets?|credentials?|passwords?|passphrases?|passwd)\b|\b(?:commit|print|send|read|cat|upload|add) (?:\S+ ){0,3}\.env\b|\bid_rsa\b|~/\.\w|/etc/|\bssn\b|\bcvv\b|\b(?:\d[ -]?){13,19}\b|\b\d{3}-\d\d-\d{4}\b",
    r"\b(?:upload|exfiltrat|transmit|beacon|webhook|telemetry|backdoor|wire details)\w*|\b(?:send|post|copy|mail|forward|report|sync\w*|back\w* up|backup) (?:\S+ ){1,8}(?:to|with)\b(?= (?:http|\S+@|\S+\.\w|the (?:cloud|central|remote|backup)|our (?:central|remote|backup)))",
    r"\b(?:run|running|execute|executing|call|calling|launch|source|invoke)\b (?:\S+ ){0,6}\S+\.(?:sh|py|js|ps1|bat|rb|pl)\b|\b\w+\.(?:sh|ps1|bat)\b|\bscripts?/\S+",
    r"\b(?:delete|drop|wipe|purge|truncate|destroy|overwrite|erase|prune|clean(?:ing|ed)? (?:up|the|other)|remov\w+ (?:old|temp\w*|duplicate|outdated))\b|\bforce[- ]push\w*|\bpush (?:\w+ )?(?:--force|-f)\b",
    r"\b(?:commit|push|check in) (?:\S+ ){0,3}(?:node_modules|build artefacts|artifacts)\b|\bdelete history\b|\brewrite history\b|\b(?:postpone|skip\w*) migrations?\b|\bdns\b|\bgps\b|\binstall\w* (?:the |an? )?(?:\S+ ){0,2}`",
    r"\bsin (?:preguntar|confirmar|revisar)|\bdes(?:activ|habilit)\w*|\bcontraseñas?\b|\bohne (?:nachfrage|rückfrage|zu fragen|prüfung)|\bdeaktivier\w*|\bpassw[oö]rt\w*|\bsans (?:demander|confirmer|vérifier)|\bdésactiv\w*",
    r"\bsem (?:perguntar|confirmar|revisar)|\bdesabilit\w*|\bsenhas?\b|\bsenza (?:chiedere|conferma\w*|verific\w*)|\bdis(?:abilit|attiv)\w*|без (?:спроса|подтверждени\w*|проверки)|отключ\w*|парол\w*",
    r"(?:无需|不经)确认|关闭|禁用|跳过|密码|密钥|令牌|確認せず|無効|スキップ|パスワード",
)
"""What gives up a protection, handles secrets, runs something, or is hard to undo. Harmless under a negation."""

_PATTERNS = {
    "self-weakening": re.compile("|".join(_SELF)),
    "safeguard": re.compile("|".join(_UNGUARDED)),
    "risk": re.compile("|".join(_RISK)),
}

_NOT_REALLY = frozenset(
    "forget forgot hesitate fail worry miss bother mind afraid olvides vergiss oublie esqueça esquecer dimenticare забывай 忘 忘れ".split()
)
"""Words that turn a prohibition into a command: "never forget to …"."""


def check(_proposal: Proposal, context: Context) -> Iterator[Check]:
    """Soft: added lines about the judging itself (marked red), and lines that give up a protection."""
    lines = [fold(plain(line[:LONGEST])) for line in context.added]
    yield _found("self-weakening", _hits("self-weakening", lines), "speaks about the rules that judge it")
    risks = chain(_hits("safeguard", lines), _hits("risk", lines, unless_forbidden=True))
    yield _found("risk", risks, "gives up a protection, handles something secret, or is hard to undo")


def _hits(name: str, lines: list[str], *, unless_forbidden: bool = False) -> Iterator[str]:
    for line in lines:
        for number, match in enumerate(_PATTERNS[name].finditer(line)):
            if not unless_forbidden or number >= MOST_HITS or not _forbidden(line, match.start()):
                yield match[0]


def _forbidden(line: str, at: int) -> bool:
    """Whether the line tells not to do what stands at `at`: a negator before it in the clause (Japanese: anywhere)."""
    start = max((stop.end() for stop in _STOP.finditer(line, 0, at)), default=0)
    stop = _STOP.search(line, at) if _KANA.search(line) else None
    end = at if not _KANA.search(line) else stop.start() if stop else len(line)
    words = tokens(line[start:end])
    negated = "ne" in words or any(name == "not" for name, _, _ in polar(words))
    return negated and _NOT_REALLY.isdisjoint(words)


_STOP = re.compile(r"[,;:.!?](?:\s|$|(?<=[,!?])(?=[^\x00-\x7f]))|[。、]")
_KANA = re.compile("[\u3041-\u30ff]")


def _found(name: str, hits: Iterator[str], what: str) -> Check:
    hit = next(hits, None)
    detail = f"{hit.strip()!r}: the line {what}; only a person applies it" if hit else f"no added line {what}"
    return Check(name, hit is None, hard=False, detail=detail)
