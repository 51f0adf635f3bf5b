"""Lines that would loosen a safeguard wait for a person, even when a person typed them.

Two kinds: words about skillloop's own judging (the gate, approval, rules, evidence), and words that give up a
protection or run something from elsewhere ("skip the tests", "without asking", `--force`, `curl … | sh`). Whoever
said them, they are applied only by somebody who sees them marked. A list of words is no proof of harmlessness; it
stands behind origin and fidelity, not in place of them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from skillloop.gate.frozen import plain
from skillloop.model import Check
from skillloop.words import fold

if TYPE_CHECKING:
    from collections.abc import Iterator

    from skillloop.gate.context import Context
    from skillloop.model import Proposal

LONGEST = 4_000  # characters of a line that are looked at

_SELF = re.compile(
    r"skill-?loop|\b(?:the |this )?gate\b|\bapprov\w*|\bconstraints?\b|\breview queue\b|\baudit(?: log)?\b|\bcheckers?\b|\bproposals?\b"
    r"|\b(?:hard|trusted.source|source|these|those|all|previous|prior|above|earlier|safety) (?:rules?|constraints?|instructions?)\b|\brule \d|\brules? no longer\b"
    r"|\bauto[- _]?(?:apply|mode|approve)\w*|\b(?:un)?trusted\b|\bwhitelist\w*|\ballow-?list\w*|\bexempt\w*|\bbypass\w*|\boverrid\w*|\bexception(?=:| (?:for|that|to)\b)"
    r"|\bevidence\b|\bquotes? per draft\b|\bdrafts?\b|\bfrontmatter\b|\ballowed-tools\b|\bdynamic context\b|\bhooks?\b|\bmcp\b|\bsub-?agents?\b|\bplugins?\b|\bskill\.md\b"
    r"|\bsettings\.json\b|\bclaude\.md\b|\bsystem prompt\b|\bpermission\w*|\bconfirmations?\b|\bsecret scanner\b|\bscann(?:er|ing)\b|\bthreshold\b"
    r"|\b(?:ignor\w*|disregard\w*|forget) (?:\w+ ){0,3}(?:rules?|instructions?|guidelines?|warnings?|skill)\b"
    r"|\b(?:aprobaci[oó]n|aprobar|regla de|ignora\w* (?:las|los)|omite|permisos?|genehmig\w*|freigabe\w*|ausnahme\w*|berechtigung\w*|ignorier\w*"
    r"|approuv\w*|approbation|autorisation\w*|ignore[rz]?|aprova\w*|permiss[ãõ]\w*|approva\w*|permess\w*|ignora\w*)\b"
    r"|одобр\w*|разрешени\w*|игнорир\w*|исключени\w*|批准|审批|权限|忽略|例外|跳过|绕过|承認|許可|無視|例外",
)
_RISK = re.compile(
    r"\b(?:skip\w*|bypass\w*|disabl\w*|turn(?:ed|ing)? off|switch(?:ed|ing)? off|ignor\w*|suppress\w*|without (?:asking|confirm\w*|review|checking|tests?|permission|approval|telling)"
    r"|(?:do not|don't|never|no need to|stop) (?:ask\w*|confirm\w*|check\w*|mention\w*|warn\w*|verif\w*|validat\w*|report\w*|test\w*|review\w*|log\w*|tell\w*|sanitiz\w*|escap\w*|encrypt\w*|redact\w*))\b"
    r"|--(?:no-verify|force(?!-with)|no-check\w*|insecure|privileged|allow-\w+|dangerously[\w-]*|yes|trusted-host|disable[\w-]*|skip[\w-]*|no-sandbox|hard)\b|(?<!\w)-[yfk]\b"
    r"|\bverify ?= ?false\b|\bstricthostkeychecking\b|\bcors\b|\bcsrf\b|\bts-ignore\b|\bnosec\b|\bnoqa\b|\blocalstorage\b|\brejectunauthorized\b|\bunsafe\w*|\binsecure\w*"
    r"|\bsudo\b|\bas root\b|\bchmod\b|\bchown\b|\brm -|\bdd if|\bmkfs|\bkill -|\bcurl\b|\bwget\b|\beval\b|\bexec\b|\bbase64\b|\bssh\b|\bscp\b|\brsync\b|\bnetcat\b|\bnc -|\bcron\w*|\bpastebin\b"
    r"|\|\s*(?:ba|z)?sh\b|\b(?:ba|z)?sh -c\b|\bsource <|\bpowershell\b|\bnpx -y\b|\bpostinstall\b|\bautoupdate\b|\bgoproxy\b|\bgoflags\b|\braw\.\w|\b(?:index|registry)[-_]url\b"
    r"|\b(?:api[- _]?)?(?:tokens?|keys?|secrets?|credentials?|passwords?|passphrases?)\b|\.env\b|\bid_rsa\b|~/\.\w|/etc/|\bcookies?\b|\bcertificates?\b|\btls\b|\bssl\b"
    r"|\b(?:upload|exfiltrat|transmit|forward|beacon|webhook|telemetry|backdoor)\w*|\b(?:send|post|copy|mail|report) (?:\S+ ){1,6}to\b(?= (?:http|\S+@|\S+\.\w))"
    r"|\b(?:delete|drop|wipe|purge|truncate|destroy|overwrite)\b|\bforce[- ]push\w*|\bpush (?:\w+ )?(?:--force|-f)\b|\bhistory\b|\bproduction\b|\bfirewall\b|\bsecurity\b|\bantivirus\b|\bsandbox\w*"
    r"|\bpin\w* (?:\S+ ){0,6}latest\b|\b(?:commit|push|check in) (?:\S+ ){0,3}(?:node_modules|build artefacts|artifacts|secrets?|\.env)\b"
    r"|\b(?:sin (?:preguntar|confirmar|revisar)|desactiv\w*|deshabilit\w*|contraseñas?|ohne (?:nachfrage|zu fragen|prüfung|rückfrage)|deaktivier\w*|passw[oö]rt\w*|sans (?:demander|confirmer|vérifier)"
    r"|désactiv\w*|sem (?:perguntar|confirmar|revisar)|desabilit\w*|senhas?|senza (?:chiedere|conferma\w*|verific\w*)|disabilit\w*|disattiv\w*)\b"
    r"|без (?:спроса|подтверждени\w*|проверки)|отключ\w*|парол\w*|не спрашива\w*|不要问|不用问|无需确认|不经确认|关闭|禁用|密码|密钥|令牌|確認せず|聞かず|無効|パスワード",
)


def check(_proposal: Proposal, context: Context) -> Iterator[Check]:
    """Soft: added lines about the judging itself (marked red), and lines that give up a protection."""
    lines = [fold(plain(line[:LONGEST])) for line in context.added]
    yield _found("self-weakening", _SELF, lines, "speaks about the rules that judge it")
    yield _found("risk", _RISK, lines, "touches a protection, a credential, or something hard to undo")


def _found(name: str, pattern: re.Pattern[str], lines: list[str], what: str) -> Check:
    hit = next((match[0] for line in lines if (match := pattern.search(line))), None)
    detail = f"{hit.strip()!r}: the line {what}; only a person applies it" if hit else f"no added line {what}"
    return Check(name, hit is None, hard=False, detail=detail)
