"""Lines that would loosen a safeguard wait for a person, even when a person typed them.

Two kinds: words about skillloop's own judging (the gate, approval, rules, evidence), and words that give up a
protection, send away, destroy, or run something from elsewhere ("skip the tests", "without asking", `--force`,
`curl … | sh`). Whoever said them, they are applied only by somebody who sees them marked. A list of words is no proof of
harmlessness; it stands behind origin and fidelity, not in place of them.

Patterns over a folded line. A verb alone says little ("drop the other columns", "skip greetings", "upload the figures"):
it counts together with what it takes. `_NEAR` is the few words between the two, without a preposition, so that the
object is the verb's own ("delete the blank rows in the table" deletes no table).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from skillloop.gate.input import GateInput, finding
from skillloop.gate.structure import plain
from skillloop.model import Check, Proposal
from skillloop.text.words import fold, polar, tokens

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

_NEAR = r"(?:(?!(?:from|in|at|of|on|with|for|to|when|after|before|and|that|which|by|as|if|into)\b)[\w'’/.-]+ ){0,5}"

_UNGUARDED = (
    r"\b(?:do not|don't|dont|never|no need to|stop) (?:ask|confirm|check(?! (?:in|out)\b)|warn|verif|validat|run(?: the| any)? (?:lint|test|check)|review|sanitiz|escap|encrypt|redact)\w*\b",
    r"\b(?:do not|don't|dont|never|no need to|stop) (?:mention|report|log|tell|test|show)\w* (?:\w+ )?(?:security|warnings?|errors?|failures?|risks?|users?|me|authenticat\w*|permissions?)\b",
    r"\b(?:do not|don't|dont|never|no need to) (?:bother|wait)\w* (?:with|to|for|on) (?:\S+ ){0,3}(?:reviews?|tests?|checks?|ci|approvals?|confirm\w*|backups?|valid\w*|verif\w*|lint\w*)\b",
    r"\bno (?:tests?|review|confirmation|approval|validation|verification|backup|2fa|auth\w*)\b|\bnunca (?:preguntes|avises|verifiques)|\bfrag\w* nie\b|\bne (?:demande|vérifie) (?:pas|jamais)",
    r"\bnunca (?:pergunte|verifique)|\bnon (?:chiedere|verificare)\b|не (?:спрашива|проверя|предупрежда|сообща)\w*|(?:不要|不用|别)(?:问|询问|确认|检查|提醒|报告|测试|审查)|(?:確認|質問|報告|テスト|検証)(?:し)?ないで|聞かないで",
)
"""A safeguard that is told to stay away. The negation is part of it."""

_SAFEGUARD = (
    r"(?:security|(?<!literature )reviews?|tests?(?! (?:section|output|names?|data)\b)|checks?|checking|checkers?|lint\w*|eslint|mypy|ruff|pylint|type-?check\w*|valid\w*|verif\w*|confirm\w*|approv\w*|hooks?|pre-?commit"
    r"|ci|pipelines?|tls|ssl|https|certificates?|certs?|auth\w*|log-?ins?|sign-?in|encrypt\w*|sandbox\w*|firewall\w*|guards?|guard ?rails?|warnings?|errors?(?! (?:bars?|margins?|messages?|terms?)\b)|alerts?|failures?|failing|logging|audit\w*"
    r"|scan\w*|backups?|migrations?|rate ?limit\w*|csrf|cors|csp|sanitiz\w*|escap\w*|permissions?|antivirus|protect\w*|safety|safeguards?|2fa|mfa|polic(?:y|ies)|monitor\w*|strict\w*|assertions?|qa|consent|privacy|captcha|rollbacks?)\b"
)

_GIVES_UP = (
    rf"\b(?:skip|disabl|suppress|silenc|mut|omit|ignor|remov|delet|drop|loosen|relax|weaken|comment)(?:e|es|s|ed|ing|ping|ped|ting)?(?: out)? {_NEAR}{_SAFEGUARD}",
    rf"\b(?:turn|switch)\w* (?:off {_NEAR}{_SAFEGUARD}|{_NEAR}{_SAFEGUARD} off\b)|\bbypass\w*|\bpermissive\b|\bskip[- ]ci\b",
    r"\bwithout (?:asking|confirm\w*|review\w*|checking|tests?|testing|permission|approval|telling|verif\w*|validat\w*|waiting)\b|\bcatch all\b|\bexcept(?:ion)?: pass\b|\braw sql\b|\bstring concatenation\b",
    r"--(?:no-verify|force(?!-with)|no-check\w*|insecure|privileged|allow-\w+|dangerously[\w-]*|trusted-host|disable[\w-]*|skip[\w-]*|no-sandbox|hard)\b|-auto-approve\b|\bverify ?= ?false\b",
    r"\bstricthostkeychecking\b|\bcors to\b|\bcsrf\b|\bts-ignore\b|\bnosec\b|\blocalstorage\b|\brejectunauthorized\b|\binsecure\w*|\bas root\b|\b(?:md5|sha-?1)\b|\b2fa\b|\bpin\w* (?:\S+ ){0,6}latest\b",
    r"\b(?:always|automatically|auto|blindly) (?:approve|accept|merge|confirm|trust)\b|\b(?:accept|allow|trust|permit) (?:all|any|every) (?:certificates?|origins?|hosts?|inputs?|users?|connections?|ips?|traffic)\b",
    r"\b(?:give|grant|allow)\w* (?:\S+ ){0,4}(?:admin\w*|root|write|full|sudo|unrestricted) (?:rights?|access|permissions?|privileges?)\b|\bopen port\w*\b|\bmake (?:\S+ ){0,3}(?:bucket|repo\w*|database|server|endpoint) public\b",
    r"\bsin (?:preguntar|confirmar|revisar)|\bdes(?:activ|habilit)\w*|\bohne (?:nachfrage|rückfrage|zu fragen|prüfung)|\bdeaktivier\w*|\bsans (?:demander|confirmer|vérifier)|\bdésactiv\w*",
    r"\bsem (?:perguntar|confirmar|revisar)|\bdesabilit\w*|\bdesativ\w*|\bsenza (?:chiedere|conferma\w*|verific\w*)|\bdis(?:abilit|attiv)\w*|без (?:спроса|подтверждени\w*|проверки)|отключ\w*",
    r"(?:无需|不经)确认|关闭|禁用|跳过|確認せず|無効|スキップ",
)

_RUNS = (
    r"\bsudo\b|\bchmod\b|\bchown\b|\brm -|\bdd if|\bmkfs|\bkill -|\bcurl\b|\bwget\b|\beval\b|\bbase64\b|\bscp\b|\brsync\b|\bnc \S|\bcron(?:tab|\b)|\bpastebin\b|\|\s*(?:ba|z)?sh\b|\b(?:ba|z)?sh -c\b|\b(?:in)?to (?:ba|z)?sh\b",
    r"\bpowershell\b|\bpython3? -c\b|\bnode -e\b|\bnpx -y\b|\bpostinstall\b|\bautoupdate\b|\bgoproxy\b|\bgoflags\b|\braw\.\w|\b(?:index|registry)[-_]url\b|\bscreencapture\b|\bsubprocess\b|=cmd\|",
    r"\b(?:run|running|execute|executing|call|calling|launch|source|invoke)\b (?:\S+ ){0,6}\S+\.(?:sh|py|js|ps1|bat|rb|pl)\b|\b\w+\.(?:sh|ps1|bat)\b|\bscripts?/\S+",
    r"\bdns\b|\bgps\b|\binstall\w* (?:the |an? )?(?:\S+ ){0,2}`",
)

_SENDS = r"\b(?:send|post|copy|mail|e-?mail|forward|report|sync|back up|backup|upload|transmit|push|publish|share|submit|ship|stream|pipe|leak)(?:s|ing|ed)?\b"
_EXPOSES = rf"(?:{_SENDS}|\b(?:print|dump|log|show|echo|paste|cat|collect|commit|read|gather|embed)\b)"
_PRIVATE = (
    r"(?:\.env(?:\.\w+)?(?= |$|[,.;])|env(?:ironment)? (?:vars?|variables?|files?)\b|environment(?! \w)|process\.env|os\.environ|auth(?:orization)? headers?|cookies"
    r"|database dump\w*|db dump\w*|(?:customer|client|patient|user) (?:list|data|records?|emails?|details|names)|(?:browser|chat|shell|bash) history|transcripts?|conversations?(?! summar))"
)

_HANDS_OUT = (
    r"\b(?:api|access|auth|bearer|secret|private|ssh|signing|deploy|session|refresh)[- _](?:tokens?|keys?)\b|\b(?:store|print|log|commit|send|share|save|export|post) (?:\w+ ){0,3}(?:tokens?|secrets?)\b",
    r"\b(?:store|print|log|commit|send|share|export|post) (?:\w+ ){0,3}keys?\b(?! (?:findings?|points?|figures?|messages?|results?|takeaways?|terms?|facts?|numbers?)\b)|\b(?:secrets?|credentials?|passwords?|passphrases?|passwd)\b",
    r"\bid_rsa\b|~/\.\w|/etc/|\bssn\b|\bcvv\b|\b(?:\d[ -]?){13,19}\b|\b\d{3}-\d\d-\d{4}\b|\b(?:exfiltrat|beacon|telemetry|backdoor|wire details)\w*",
    rf"{_EXPOSES} (?:\S+ ){{0,4}}{_PRIVATE}(?!\S* (?:to|in|into) (?:the )?\.?\w*ignore)|\badd (?:\S+ ){{0,2}}\.env to (?!\S*ignore)",
    rf"{_SENDS} (?:\S+ ){{1,8}}(?:to|with) (?:http|\S+@|\S+\.(?!(?:md|txt|csv|json|html?|pdf|py|docx?|ya?ml|toml|svg|png|xlsx?|tex)\b)[a-z]\w)",
    rf"{_SENDS} (?:\S+ ){{1,8}}(?:to|with|on) (?:(?:our|my|this|that|their|your|an?|the|some) )(?:(?:external|remote|central|own|backup|public|private|logging|third-party|company|s3|google) ){{0,2}}(?:server|webhook|collector|cloud|bucket|gmail|dropbox|gist)\b",
    rf"{_SENDS} (?:\S+ ){{1,8}}(?:to|with|on) (?:(?:the|our|an?) )?(?:external|remote|central|third-party|logging|backup) \w+|{_SENDS} (?:\S+ ){{0,8}}webhook",
    r"\bcontraseñas?\b|\bpassw[oö]rt\w*|\bsenhas?\b|парол\w*|密码|密钥|令牌|パスワード|\bmots? de passe\b",
    r"(?:\b(?:env[ií]a|manda|sub[ei]|schick|sende|lade|envoie|envoyer|envie|invia|carica)\w*|отправ\w*|загру\w*|发送|上传|发到).{0,60}(?:\.env\b|~/\.|servidor|\bserver\b|serveur|сервер|服务器)",
    r"(?:サーバ|\.env).{0,12}(?:送信|送っ|アップロード)",
)

_STORES = (
    r"(?:databases?|dbs?|tables?(?! of contents)|schemas?|buckets?|volumes?|disks?|drives?|partitions?|branch(?:es)?(?! names?)|repo(?:s|sitor(?:y|ies))?(?! names?)|commits|history(?! section)|backups?|snapshots?"
    r"|files(?! \w*extension)|folders?|director(?:y|ies)|workspaces?|logs|records|users|user data|accounts?|customers?|data(?! (?:labels?|points?|series|types?)\b)|production|prod|staging|servers?|clusters?|namespaces?"
    r"|pods|containers|queues?|migrations?|lockfiles?|everything|node_modules|home)\b"
)

_DESTROYS = (
    rf"\b(?:delet|drop|wip|purg|truncat|destroy|overwrit|eras|prun|remov|nuk|clean)(?:e|es|s|ed|ing|ping|ped)?(?: (?:up|out))? {_NEAR}{_STORES}",
    r"\b(?:delet|drop|wip|purg|truncat|overwrit|eras|remov)(?:e|es|s|ed|ing|ping|ped)? (?:\S+ ){1,5}(?:from|in|on) (?:the )?(?:\w+ )?(?:production|prod|bucket|database|server|history|disk|repo\w*|main|master)\b",
    r"\bforce[- ]push\w*|\bpush (?:\w+ )?(?:--force|-f)\b|\bpush -\w* ?-f\b|\b(?:rewrit|delet|squash)\w* (?:the )?(?:git )?history\b|\b(?:postpone|skip\w*) migrations?\b",
    r"\b(?:commit|push|check in) (?:\S+ ){0,3}(?:node_modules|build artefacts|artifacts)\b",
    r"\b(?:borr|elimin|vací)\w* (?:\w+ ){0,3}(?:base de datos|tablas?|producción|copias? de seguridad|rama|historial|archivos|ficheros)\b|\b(?:lösch|entfern)\w* (?:\w+ ){0,3}(?:datenbank|tabellen?|produktion|backups?|sicherung|branch|historie|dateien)\w*",
    r"\b(?:supprim|efface)\w* (?:\w+ ){0,3}(?:base de données|tables?|production|sauvegardes?|branches?|historique|fichiers)\b|\b(?:apag|exclu|delet)\w* (?:\w+ ){0,3}(?:banco de dados|tabelas?|produção|backups?|histórico|arquivos)\b",
    r"\b(?:cancell|elimin)\w* (?:\w+ ){0,3}(?:database|tabell\w+|produzione|backup|cronologia|i file)\b|\b(?:удал|сотр|стир)\w* (?:\w+ ){0,3}(?:баз|таблиц|ветк|бэкап|истори|файл|продакшн)\w*",
    r"(?:删除|清空|删掉|删).{0,6}(?:数据库|表|生产|备份|分支|历史|文件|日志)|(?:データベース|テーブル|バックアップ|ブランチ|履歴|ファイル|本番).{0,6}(?:削除|消す|消し)",
)

_RISK = (*_GIVES_UP, *_RUNS, *_HANDS_OUT, *_DESTROYS)
"""What gives up a protection, runs something, hands out what is private, or is hard to undo. Harmless under a negation."""

_ABOUT_ITSELF, _SAFEGUARD_OFF, _RISKY = (re.compile("|".join(table)) for table in (_SELF, _UNGUARDED, _RISK))

_NOT_REALLY = frozenset(
    "forget forgot hesitate fail worry miss bother mind afraid olvides vergiss oublie esqueça esquecer dimenticare забывай 忘 忘れ".split()
)
"""Words that turn a prohibition into a command: "never forget to …"."""

_STOP = re.compile(r"[,;:.!?](?:\s|$|(?<=[,!?])(?=[^\x00-\x7f]))|[。、]")
_KANA = re.compile("[\u3041-\u30ff]")


def check(_proposal: Proposal, inputs: GateInput) -> Iterator[Check]:
    """Soft: added lines about the judging itself (marked red), and lines that give up a protection."""
    lines = [fold(plain(line[:LONGEST])) for line in inputs.added]
    itself = (match[0] for line in lines for match in _ABOUT_ITSELF.finditer(line))
    yield _found("self-weakening", itself, "speaks about the rules that judge it")
    risks = [match[0] for line in lines for match in _SAFEGUARD_OFF.finditer(line)]
    for line in lines if not risks else ():
        for number, match in enumerate(_RISKY.finditer(line)):
            if number >= MOST_HITS or not _forbidden(line, match.start()):
                risks.append(match[0])
                break
    yield _found("risk", risks, "gives up a protection, handles something secret, or is hard to undo")


def _found(name: str, hits: Iterable[str], what: str) -> Check:
    hit = next(iter(hits), None)
    wrong = f"{hit.strip()!r}: the line {what}; only a person applies it" if hit else ""
    return finding(name, wrong, f"no added line {what}", hard=False)


def _forbidden(line: str, at: int) -> bool:
    """Return whether the line tells not to do what stands at `at`: a negator before it in the clause (Japanese: anywhere)."""
    start = max((stop.end() for stop in _STOP.finditer(line, 0, at)), default=0)
    end = at
    if _KANA.search(line):
        stop = _STOP.search(line, at)
        end = stop.start() if stop else len(line)
    words = tokens(line[start:end])
    negated = "ne" in words or any(name == "not" for name, _, _ in polar(words))
    return negated and _NOT_REALLY.isdisjoint(words)
