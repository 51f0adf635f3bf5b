"""Credentials in a text: found, and replaced by typed placeholders before anything is stored, shown or sent.

The rules are data (`secrets.toml`). A text is looked at as a person means it, not as it is encoded: compatibility
forms folded (NFKC), invisible characters dropped, escapes of a JSON string undone, and one layer of base64 opened.
Invariants: the allow-list of placeholders sees only the value, never the words around it, so that writing "example"
beside a secret hides nothing; and every pattern is bounded, so that time grows with the length of the text.

Not covered: secrets that are spelled out, reversed or encrypted. The gate sends any long random token to a person.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
import tomllib
import unicodedata
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LONG = 16  # letters; no rule that is not `spaced` matches less
_RULES = Path(__file__).with_name("secrets.toml")


@dataclass(frozen=True, slots=True)
class Secret:
    """A credential in a text: text[start:end], and whose it is ("github", "password", …)."""

    start: int
    end: int
    type: str


@dataclass(frozen=True, slots=True)
class _Rule:
    type: str
    literal: str
    pattern: re.Pattern[str]  # starts with the literal
    before: re.Pattern[str] | None  # must end where the literal starts


def secrets(text: str) -> list[Secret]:
    """The credentials in `text`, in order and without overlaps; offsets are into `text` as given."""
    view, offsets = _folded(text)
    found = [*_tokens(view, spaced=True), *_assigned(view), *_dense(view)]
    if offsets is not None:
        found = [Secret(offsets[s.start], offsets[s.end - 1] + 1, s.type) for s in found]
    return _merged(found)


def redact(text: str) -> str:
    """The text with each credential replaced by `<SECRET:type>`; idempotent."""
    parts, end = [], 0
    for secret in secrets(text):
        parts += [text[end : secret.start], f"<SECRET:{secret.type}>"]
        end = secret.end
    return "".join([*parts, text[end:]])


def random_tokens(text: str) -> list[str]:
    """Long tokens that look random whatever they are: no skill line needs one, so the gate asks a person."""
    runs = (match.group().rstrip(".-~_/") for match in _RUN.finditer(text))
    return [run for run in runs if len(run) >= 20 and _random(run)]


def _merged(found: Iterable[Secret]) -> list[Secret]:
    """Overlapping finds joined, under the type that was found first (provider rules come before general ones)."""
    merged: list[Secret] = []
    for new in sorted(found, key=lambda s: (s.start, s.end)):
        if merged and new.start < merged[-1].end:
            old = merged[-1]
            kind = new.type if old.type in _GENERAL else old.type
            merged[-1] = Secret(old.start, max(old.end, new.end), kind)
        else:
            merged.append(new)
    return merged


_GENERAL = frozenset({"key", "password", "encoded"})

# --- the view of a text that the rules see ---------------------------------------------------------------------

_UNSEEN = re.compile(
    "[\u00ad\u0300-\u036f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\U000e0000-\U000e0fff]"
)
_ESCAPES = (("\\n", "  "), ("\\r", "  "), ("\\t", "  "), ('\\"', ' "'), ("\\'", " '"))


class _Folding(dict[int, str]):
    """What each character stands for: its NFKC form, or nothing where it cannot be seen. For str.translate."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        folded = "" if _UNSEEN.match(char) else unicodedata.normalize("NFKC", char)
        folded = "I" if folded == "\u0130" else folded  # the one letter that grows when lowered
        if len(self) < 10_000:
            self[code] = folded
        return folded


_FOLDING = _Folding()


def _folded(text: str) -> tuple[str, list[int] | None]:
    """The text as it is meant, and for each of its characters the offset it came from (None: the same)."""
    view, offsets = text, None
    if not text.isascii() and (
        _UNSEEN.search(text) or "\u0130" in text or not unicodedata.is_normalized("NFKC", text)
    ):
        view = text.translate(_FOLDING)
        offsets = [at for at, char in enumerate(text) for _ in _FOLDING[ord(char)]]
    if "\\" in view:
        for escape, plain in _ESCAPES:  # same length: offsets stay
            view = view.replace(escape, plain)
    return view, offsets


# --- tokens that show whose they are -----------------------------------------------------------------------------


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(_RULES.read_text(encoding="utf-8"))


@cache
def _literals(*, spaced: bool) -> tuple[tuple[str, dict[str, Any]], ...]:
    rules = (rule for rule in _table()["tokens"] if rule.get("spaced", False) is spaced)
    return tuple((literal, rule) for rule in rules for literal in rule["start"])


@cache
def _rule(at: int, *, spaced: bool) -> _Rule:
    literal, raw = _literals(spaced=spaced)[at]
    start = re.escape(literal)
    # The boundary is looked at behind the literal, because a pattern that begins with its literal is searched fast.
    boundary = "" if raw.get("inside", False) else f"(?<![A-Za-z0-9]{start})"
    pattern = re.compile(start + boundary + raw["rest"], re.ASCII)
    before = re.compile(f"(?:{raw['before']})$", re.ASCII) if "before" in raw else None
    return _Rule(raw["type"], literal, pattern, before)


def _dense(view: str) -> Iterator[Secret]:
    """What only a long word can hold. Prose has few of them, so most of it is never searched."""
    words = [word for word in view.split() if len(word) >= _LONG]
    dense = "\n".join(words)
    hits = [*_tokens(dense, spaced=False), *_encoded(dense)]
    if not hits:
        return
    at, into, places = 0, 0, []
    for word in words:
        at = view.index(word, at)
        places.append((into, at - into))
        at, into = at + len(word), into + len(word) + 1
    for hit in hits:
        shift = places[bisect_right(places, (hit.start, len(view))) - 1][1]
        yield Secret(hit.start + shift, hit.end + shift, hit.type)


def _tokens(view: str, *, spaced: bool) -> Iterator[Secret]:
    """Credentials that a rule of the table matches."""
    for at, (literal, _) in enumerate(_literals(spaced=spaced)):
        if literal in view:
            yield from _matches(_rule(at, spaced=spaced), view)


def _matches(rule: _Rule, view: str) -> Iterator[Secret]:
    for match in rule.pattern.finditer(view):
        start, end = match.span(match.re.groups and 1)
        if rule.before is not None:
            head = rule.before.search(view, max(0, match.start() - 64), match.start())
            if head is None:
                continue
            start = head.start()
        body = view[start:end].removeprefix(rule.literal)
        if match.re.groups and re.match(r"\\?\$|[#{%<]", body):
            continue  # looked up, not written out
        if not _placeholder(body) and (len(set(body)) >= 5 or match.re.groups):
            yield Secret(start, end, rule.type)


# --- values that a word announces ----------------------------------------------------------------------------------

# What may stand between the word and the value: the rest of a name, then a sign or a verb.
_LINK = (
    r"[a-z0-9_.-]{0,32}+[\"'`\])*]{0,3}+(?: ?\([^()\n]{0,40}+\))?(?: [\w-]{1,15}+){0,4}?[\"'`* ]{0,3}+"
    r"(?:\s{0,4}(?::=|=>|->|=|:|：|＝|\|)\s{0,4}|\b\s?(?:is|was|are|to|as|ist|lautet|es|est|é|è|это|है|هي)\s(?:now\s)?|[はが是为為는은]\s?|>|\s?,\s?)"
    r"(?:(?:bearer|token|basic|str|string)\s{1,3}|[br]?(?=[\"']))?"
)
_VALUE = r"(?:\"([^\"\n]{3,300})\"|'([^'\n]{3,300})'|`([^`\n]{3,300})`|([^\s\"'`<>]{3,300}))"
_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9+/=_.~-]{15,400}", re.ASCII)


@cache
def _announced(word: str) -> re.Pattern[str]:
    return re.compile(re.escape(word) + _LINK + _VALUE)


@cache
def _no_key() -> re.Pattern[str]:
    return re.compile(rf"(?<![a-z])(?:{'|'.join(_table()['no_key'])})[-_. ]?$")


def _assigned(view: str) -> Iterator[Secret]:
    """Values after "password =", "the token is" and the like, and long random tokens that soon follow the word."""
    lowered = view.lower()
    if len(lowered) != len(view):  # some letter grew: fold only the ASCII ones
        lowered = view.translate({c: c + 32 for c in range(65, 91)})
    for kind, words in (("password", _table()["passwords"]), ("key", _table()["keys"])):
        for word in words:
            if word in lowered:
                yield from _values(view, lowered, word, kind)
                yield from _near(view, lowered, word)


def _announces(lowered: str, at: int, word: str) -> bool:
    """Whether the word at this place speaks of a credential: "key" does not after "cache", "primary" and the like."""
    if word != "key":
        return True
    longer = lowered[at + 3 : at + 5].isalpha() and lowered[at + 3 : at + 5] not in (
        "id",
        "to",
    )  # "keyword", "keyboard"
    return not longer and not _no_key().search(lowered, max(0, at - 20), at)


def _values(view: str, lowered: str, word: str, kind: str) -> Iterator[Secret]:
    for match in _announced(word).finditer(lowered):
        if not _announces(lowered, match.start(), word):
            continue
        group = match.lastindex or 4
        start, end = match.span(group)
        value = view[start:end]
        value = value.rstrip(",;.)]}|\\&" if group == 4 else None)
        judged = _passwordlike(value, quoted=group != 4) if kind == "password" else _keylike(value)
        if judged and not _placeholder(value) and not _code(value):
            yield Secret(start, start + len(value), kind)


def _near(view: str, lowered: str, word: str) -> Iterator[Secret]:
    """Random tokens within some words of the announcing one, in prose."""
    end = 0
    for match in re.finditer(re.escape(word), lowered):
        if match.start() < end or not _announces(lowered, match.start(), word):
            continue
        end = match.end() + 64
        window = view[match.end() : end + 300].split("\n", 1)[0]
        for run in _RUN.finditer(window):
            if run.start() > 64:
                break
            end = max(end, match.end() + run.end())
            token = run.group().rstrip(".-~_/")
            likely = _random(token) or (run.start() <= 2 and _long_key(token))
            if likely and not _placeholder(token) and not _code(token):
                yield Secret(match.end() + run.start(), match.end() + run.start() + len(token), "key")


# --- the shape of a value ------------------------------------------------------------------------------------------

_HEX = re.compile(r"(?:0x)?[0-9a-fA-F-]+$")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_IDENTIFIERS = re.compile(
    r"(?:toolu|msg|req|call|chatcmpl|resp|run|thread|asst|file|evt|cus|pi|in|sub|prod|price|ch|acct|session|srvtoolu|ws|org"
    r"|usr|user|prj|proj|team|batch|msgbatch|sha\d+)[_:-]",
)
_CODE = re.compile(
    r"[A-Za-z_][\w.]*[(\[{]|\\?\$|%[({\w]|#\{|@|\{\{|\(|\[|(?:process|os|import|config|settings|env|secrets|vars|self|this|options|args"
    r"|props|ctx|request|req|session|data|local|module|params|app|state|cfg|user|vault|op|ssm|arn|urn|file|keyring):?[./:]|https?:|\.{0,2}/|~/|[A-Za-z]:\\"
)
_DOTTED = re.compile(r"[A-Za-z_]\w{0,40}(?:\.[A-Za-z_]\w{0,40}){1,8}$")
_PIECES = re.compile(r"[A-Z]+(?![a-z])|[A-Za-z][a-z]*|\d+|[^A-Za-z\d]+")
_SEPARATORS = re.compile(r"[-_./:\s,;=+]+$")


def _placeholder(value: str) -> bool:
    """Whether the value itself says that it stands for another."""
    lowered = value.lower()
    table = _table()
    return (
        len(set(lowered) - {"-"}) < 3
        or lowered.rstrip("!.") in table["words"]
        or any(part in lowered for part in table["placeholders"])
    )


def _code(value: str) -> bool:
    """Whether the value is looked up rather than written out: a call, a variable, a path, a dotted name."""
    if _CODE.match(value):
        return True
    return bool(_DOTTED.match(value)) and not any(c.isdigit() for c in value)


def _passwordlike(value: str, *, quoted: bool) -> bool:
    """Mixed enough to be a password: letters with digits or signs, or a number right where one is due."""
    if len(value) < 4 or (quoted and value.count(" ") > 4) or _worded(value):
        return False
    kinds = (
        any(c.islower() for c in value),
        any(c.isupper() for c in value),
        any(c.isdigit() for c in value),
    )
    sign = any(not c.isalnum() and c not in "-_ ./" for c in value.rstrip("!?.")) or value.endswith("!")
    if sum(kinds) + sign < 2:
        return value.isdigit() and len(value) >= 6 and len(set(value)) > 2
    return len(value) >= 5 and (kinds[2] or sign)


def _keylike(value: str) -> bool:
    """Long and mixed enough to be a key."""
    if " " in value or len(value) < 10 or value.isdigit() or _worded(value):
        return False
    if _IDENTIFIERS.match(value):
        return False
    return any(c.isdigit() for c in value) and any(c.isalpha() for c in value) and _entropy(value) > 2.7


def _long_key(value: str) -> bool:
    """A key right behind the word: here a hash or a UUID is one, too."""
    return len(value) >= 20 and _keylike(value) and not _SHA_PREFIX.search(value)


def _random(token: str) -> bool:
    """Whether a token of 16 or more characters looks drawn by lot and is no hash, id, path or name."""
    token = token[:96]
    if _UUID.search(token) or _HEX.match(token) or _IDENTIFIERS.match(token) or _SHA_PREFIX.search(token):
        return False
    if token.count("/") > max(1, len(token) // 24) or _worded(token):
        return False
    digits, upper, lower = (sum(map(test, token)) for test in (str.isdigit, str.isupper, str.islower))
    return (
        bool(digits and (upper or lower))
        and digits + upper + lower > 0.8 * len(token)
        and _entropy(token) >= 3.4
    )


_SHA_PREFIX = re.compile(r"(?:sha\d{1,3}|md5|h1|blake\w)[-:_=]", re.IGNORECASE)


def _worded(value: str) -> bool:
    """Whether the value is words and short numbers in a row: "my-app-v2", "userAuthToken", "2024-01-01"."""
    pieces = [p for p in _PIECES.findall(value) if not _SEPARATORS.match(p)]
    if any(not p.isalnum() for p in pieces):
        return False
    letters = [p for p in pieces if p.isalpha()]
    numbers = [p for p in pieces if p.isdigit()]
    if not letters:
        return len(numbers) != 1
    if len(letters) == 1 and numbers:
        return (
            len(letters[0]) >= 2
            and len("".join(numbers)) <= 3
            and len(value) <= 8
            and value.lower() in _ALGORITHMS
        )
    average = sum(map(len, letters)) / len(letters)
    return average >= 3.4 and len(numbers) <= 1 + len(letters) // 3 and all(len(n) <= 4 for n in numbers)


_ALGORITHMS = frozenset(
    "sha1 sha224 sha256 sha384 sha512 md5 utf8 utf16 base32 base58 base64 hs256 hs512 rs256 es256 oauth2 oauth1 uuid4 uuid1 "
    "argon2 bcrypt2 pbkdf2 ed25519 x509 int32 int64 latin1 p256 aes128 aes256 tls12 tls13 http2 ipv4 ipv6".split()
)


def _entropy(value: str) -> float:
    """Shannon entropy in bits a character."""
    counts = Counter(value[:512]).values()
    total = sum(counts)
    return -sum(n / total * math.log2(n / total) for n in counts)


# --- one layer of base64 -------------------------------------------------------------------------------------------

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}", re.ASCII)


def _encoded(view: str) -> Iterator[Secret]:
    """Runs of base64 whose content is text that holds a credential."""
    for run in _BASE64.finditer(view):
        plain = _decoded(run.group())
        if plain:
            inner = [*_tokens(plain, spaced=False), *_tokens(plain, spaced=True), *_assigned(plain)]
            yield from (Secret(run.start(), run.end(), found.type) for found in inner[:1])


def _decoded(run: str) -> str:
    """The printable text that a run of base64 stands for, or ""."""
    body = run.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        plain = base64.b64decode(body + "=" * (-len(body) % 4)).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return plain if plain.replace("\n", "").replace("\r", "").replace("\t", "").isprintable() else ""
