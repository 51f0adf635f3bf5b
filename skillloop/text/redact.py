"""Credentials in a text: found, and replaced by typed placeholders before anything is stored, shown or sent.

A credential is a token of a known shape ("ghp_…"), or a value that a word announces ("password = …"); both are data
(`data/secrets.toml`). What only looks like one is judged by the value alone: hashes, ids, paths, names, placeholders. A text
is looked at as a person means it: compatibility forms folded (NFKC), invisible characters dropped, escapes of a JSON string
undone, and one layer of base64 opened. Invariants: the allow-list of placeholders sees only the value, so that writing
"example" beside a secret hides nothing; every pattern begins with its literal and is bounded, so that time grows with length.

Not covered: secrets that are spelled out, reversed or encrypted. The gate sends any long random token to a person.
"""

import base64
import binascii
import json
import math
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from string import ascii_lowercase
from typing import Any, NamedTuple

from skillloop.text.lexicon import table

_GENERAL = frozenset({"key", "password"})
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}", re.ASCII)
_UNSEEN = re.compile(table("secrets")["unseen"])
_ESCAPES = (("\\n", "  "), ("\\r", "  "), ("\\t", "  "), ('\\"', ' "'), ("\\'", " '"))


class Secret(NamedTuple):
    """A credential in a text: text[start:end], and whose it is ("github", "password", …)."""

    start: int
    end: int
    type: str


def secrets(text: str) -> list[Secret]:
    """Find the credentials in `text`, in order and without overlaps; offsets are into `text` as given."""
    view, offsets = text, None  # as it is meant; where each of its characters came from (None: the same)
    normal = text.isascii() or unicodedata.is_normalized("NFKC", text)
    if not normal or "\u0130" in text or (not text.isascii() and _UNSEEN.search(text)):
        parts = [_meant(char) for char in text]
        view, offsets = "".join(parts), [at for at, part in enumerate(parts) for _ in part]
    for escape, plain in _ESCAPES if "\\" in view else ():  # same length: offsets stay
        view = view.replace(escape, plain)
    found = [*tokens(view), *assigned(view)]
    for run in _BASE64.finditer(view):  # whose content may be a text that holds a credential
        plain = decoded(run.group())
        inner = [*tokens(plain), *assigned(plain)] if plain else []
        found += (Secret(run.start(), run.end(), each.type) for each in inner[:1])
    if offsets is not None:
        found = [Secret(offsets[s.start], offsets[s.end - 1] + 1, s.type) for s in found]
    merged: list[Secret] = []
    for new in sorted(found, key=lambda s: (s.start, s.end)):
        if merged and new.start < merged[-1].end:  # provider rules come before general ones
            old = merged.pop()
            kind = new.type if old.type in _GENERAL else old.type
            merged.append(Secret(old.start, max(old.end, new.end), kind))
        else:
            merged.append(new)
    return merged


def redact(text: str) -> str:
    """Replace each credential by `<SECRET:type>`; idempotent."""
    return _redacted_before(text) if len(text) <= _SHORT else _redacted(text)


@lru_cache(maxsize=16)  # what a turn says is asked for by one check after the other
def _redacted(text: str) -> str:
    parts, end = [], 0
    for secret in secrets(text):
        parts += [text[end : secret.start], f"<SECRET:{secret.type}>"]
        end = secret.end
    return "".join([*parts, text[end:]])


def clean(text: str, longest: int) -> str:
    """Redact a text, then cut it in the middle to at most `longest` characters: no cut can hide a credential from the rules."""
    text = redact(text).strip()
    if len(text) <= longest:
        return text
    half = (longest - 3) // 2
    return f"{text[:half]} … {text[-half:]}"


_SHORT = 200  # letters of a text that is likely to come again: a name, an id, a check's sentence
_redacted_before = lru_cache(maxsize=4096)(_redacted.__wrapped__)
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
ROLE_MARK: re.Pattern[str] = re.compile(table("secrets")["role-mark"])


def shown(text: str) -> str:
    """Return a text as everything that a person or an assistant reads shows it: the one place before every output.

    Credentials are taken out; what cannot be seen stands as `<U+XXXX>`, but newlines and tabs, and so does a role's mark.
    """
    text = ROLE_MARK.sub(lambda mark: f"<U+{ord(mark[0]):04X}>", redact(text))
    if text.replace("\n", "").replace("\t", "").isprintable():
        return text
    hidden = {char for char in text if char not in "\n\t" and unicodedata.category(char) in _HIDDEN}
    return text.translate({ord(char): f"<U+{ord(char):04X}>" for char in hidden})


def as_json(value: Mapping[str, Any], *, sort_keys: bool = False) -> str:
    """Return an object as JSON, credentials out and role marks escaped: the one place before it goes to a program or a model."""

    def plain(item: Any) -> Any:
        if isinstance(item, str):
            return redact(item)
        if isinstance(item, Mapping):
            return {key: plain(each) for key, each in item.items()}
        return [plain(each) for each in item] if isinstance(item, list | tuple) else item

    text = json.dumps(plain(value), ensure_ascii=False, sort_keys=sort_keys)
    return ROLE_MARK.sub(lambda mark: f"\\u{ord(mark[0]):04x}", text)


def random_tokens(text: str) -> list[str]:
    """Find long tokens that look random, whatever they are: no skill line needs one, so the gate asks a person."""
    runs = (match.group().rstrip(".-~_/") for match in RUN.finditer(text))
    return [run for run in runs if len(run) >= 20 and looks_random(run)]


@lru_cache(maxsize=10_000)
def _meant(char: str) -> str:
    """Return what a character stands for: its NFKC form, or nothing where it cannot be seen."""
    folded = "" if _UNSEEN.match(char) else unicodedata.normalize("NFKC", char)
    return "I" if folded == "\u0130" else folded  # the one letter that grows when lowered


def decoded(run: str) -> str:
    """Return the printable text that a run of base64 stands for, or ""."""
    body = run.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        plain = base64.b64decode(body + "=" * (-len(body) % 4)).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return plain if plain.replace("\n", "").replace("\r", "").replace("\t", "").isprintable() else ""


# --- how a credential shows itself ----------------------------------------------------------------------------------------

_HEX = re.compile(r"(?:0x)?[0-9a-fA-F-]+$")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_IDENTIFIERS = re.compile(table("secrets")["identifiers"])
_CODE = re.compile(table("secrets")["code"])
_DOTTED = re.compile(r"[A-Za-z_]\w{0,40}(?:\.[A-Za-z_]\w{0,40}){1,8}$")
_PIECES = re.compile(r"[A-Z]+(?![a-z])|[A-Za-z][a-z]*|\d+|[^A-Za-z\d]+")
_SEPARATORS = re.compile(r"[-_./:\s,;=+]+$")


def placeholder(value: str) -> bool:
    """Say whether the value itself tells that it stands for another."""
    lowered, rules = value.lower(), table("secrets")
    stands = lowered.rstrip("!.") in rules["words"] or any(part in lowered for part in rules["placeholders"])
    return stands or len(set(lowered) - {"-"}) < 3


def code(value: str) -> bool:
    """Say whether the value is looked up rather than written out: a call, a variable, a path, a dotted name."""
    return bool(_CODE.match(value) or (_DOTTED.match(value) and not any(c.isdigit() for c in value)))


def passwordlike(value: str, *, quoted: bool) -> bool:
    """Say whether it is mixed enough for a password: letters with digits or signs, or a number right where one is due."""
    if len(value) < 4 or (quoted and value.count(" ") > 4) or _worded(value):
        return False
    kinds = [any(map(test, value)) for test in (str.islower, str.isupper, str.isdigit)]
    sign = any(not c.isalnum() and c not in "-_ ./" for c in value.rstrip("!?.")) or value.endswith("!")
    if sum(kinds) + sign < 2:
        return value.isdigit() and len(value) >= 6 and len(set(value)) > 2
    return len(value) >= 5 and (kinds[2] or sign)


def keylike(value: str) -> bool:
    """Say whether it is long and mixed enough for a key."""
    if " " in value or len(value) < 10 or value.isdigit() or _worded(value) or _IDENTIFIERS.match(value):
        return False
    return any(c.isdigit() for c in value) and any(c.isalpha() for c in value) and _entropy(value) > 2.7


def looks_random(token: str) -> bool:
    """Say whether a token of 16 or more characters looks drawn by lot and is no hash, id, path or name."""
    token = token[:96]
    if _UUID.search(token) or _HEX.match(token) or _IDENTIFIERS.match(token) or _SHA_PREFIX.search(token):
        return False
    if token.count("/") > max(1, len(token) // 24) or _worded(token):
        return False
    digits, upper, lower = (sum(map(test, token)) for test in (str.isdigit, str.isupper, str.islower))
    mixed = digits and (upper or lower) and digits + upper + lower > 0.8 * len(token)
    return bool(mixed) and _entropy(token) >= 3.4


_SHA_PREFIX = re.compile(r"(?:sha\d{1,3}|md5|h1|blake\w)[-:_=]", re.IGNORECASE)


def _worded(value: str) -> bool:
    """Say whether the value is words and short numbers in a row: "my-app-v2", "userAuthToken", "2024-01-01"."""
    pieces = [p for p in _PIECES.findall(value) if not _SEPARATORS.match(p)]
    if any(not p.isalnum() for p in pieces):
        return False
    letters = [p for p in pieces if p.isalpha()]
    numbers = [p for p in pieces if p.isdigit()]
    if not letters:
        return len(numbers) != 1
    if len(letters) == 1 and numbers:
        short = len(value) <= 8 and len("".join(numbers)) <= 3
        return short and len(letters[0]) >= 2 and value.lower() in table("secrets")["algorithms"].split()
    average = sum(map(len, letters)) / len(letters)
    return average >= 3.4 and len(numbers) <= 1 + len(letters) // 3 and all(len(n) <= 4 for n in numbers)


_BITS = tuple(n * math.log2(n) if n else 0.0 for n in range(513))


def _entropy(value: str) -> float:
    """Return the Shannon entropy in bits a character."""
    value = value[:512]
    return math.log2(len(value)) - sum(_BITS[value.count(char)] for char in set(value)) / len(value)


_LOOKED_UP = re.compile(r"\\?\$|[#{%<]")
_LONGEST_BEFORE = 32  # characters that the longest `before` of the table matches


class _Rule(NamedTuple):
    type: str
    literal: str
    pattern: re.Pattern[str]  # starts with the literal
    before: re.Pattern[str] | None  # must end where the literal starts


@cache
def _literals() -> tuple[tuple[str, dict[str, Any]], ...]:
    return tuple((literal, rule) for rule in table("secrets")["tokens"] for literal in rule["start"])


@cache
def _rule(at: int) -> _Rule:
    literal, raw = _literals()[at]
    start = re.escape(literal)
    # the boundary is looked at behind the literal, so that the pattern begins with it
    boundary = "" if raw.get("inside", False) else f"(?<![A-Za-z0-9]{start})"
    pattern = re.compile(start + boundary + raw["rest"], re.ASCII)
    before = re.compile(rf"(?:{raw['before']})\Z", re.ASCII) if "before" in raw else None
    return _Rule(raw["type"], literal, pattern, before)


@cache
def _by_mark() -> dict[str, list[int]]:
    """The numbers of the literals by three letters of each that ordinary words lack, if it has any; shorter ones by ""."""
    found: dict[str, list[int]] = {"": []}
    for number, (literal, _) in enumerate(_literals()):
        marks = (literal[at : at + 3] for at in range(len(literal) - 2))
        rarest = min(marks, key=lambda mark: sum(map(str.islower, mark)), default="")
        found.setdefault(rarest, []).append(number)
    return found


def tokens(view: str) -> Iterator[Secret]:
    """Yield the credentials that a rule of the table matches."""
    numbers: Iterable[int] = range(len(_literals()))
    if len(view) <= _FEW:
        marks = _by_mark().keys() & {"", *(view[at : at + 3] for at in range(len(view) - 2))}
        numbers = sorted(number for mark in marks for number in _by_mark()[mark])
    for number in numbers:
        if _literals()[number][0] in view:
            yield from _matches(_rule(number), view)


def _matches(rule: _Rule, view: str) -> Iterator[Secret]:
    grouped = rule.pattern.groups > 0
    written: dict[str, bool] = {}
    for match in rule.pattern.finditer(view):
        start, end = match.span(grouped)
        if rule.before is not None:
            head = rule.before.search(view, max(0, match.start() - _LONGEST_BEFORE), match.start())
            if head is None:
                continue
            start = head.start()
        body = view[start:end].removeprefix(rule.literal)
        if body not in written:  # a text of one line over and over is judged once
            looked_up = _LOOKED_UP.match(body) if grouped else len(set(body)) < 5  # "$TOKEN", "-----"
            written[body] = not (looked_up or placeholder(body))
        if written[body]:
            yield Secret(start, end, rule.type)


_LINK = table("secrets")["link"]
_VALUE = r"(?:\"([^\"\n]{3,300})\"|'([^'\n]{3,300})'|`([^`\n]{3,300})`|([^\s\"'`<>]{3,300}))"
JUDGED = 4096
"""Different values behind one word that are looked at; a text that announces more is a dump, and the rest counts as secret."""
_BEFORE = 20  # characters before "key" that are looked at: more than the longest word of `no_key` and a joint
_JOINTS = ("-", "_", ".", " ")
_FEW = 400  # letters of a text in which a look at each three of them is the quicker one
RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9+/=_.~-]{15,400}", re.ASCII)


def assigned(view: str) -> Iterator[Secret]:
    """Yield values after "password =", "the token is" and the like, and long random tokens that soon follow the word."""
    lowered = view.lower()
    if len(lowered) != len(view):  # some letter grew: fold only the ASCII ones
        lowered = view.translate({c: c + 32 for c in range(65, 91)})
    for kind, words in (("password", table("secrets")["passwords"]), ("key", table("secrets")["keys"])):
        for word in words:
            if word in lowered:
                yield from _values(view, lowered, word, kind)
                yield from _near(view, lowered, word)


def _announces(lowered: str, at: int, word: str) -> bool:
    """Say whether the word at this place speaks of a credential: "key" does not after "cache", "primary" and the like."""
    if word != "key":
        return True
    after = lowered[at + 3 : at + 5]
    if after.isalpha() and after not in ("id", "to"):  # "keyword" and "keyboard", not "keyId"
        return False
    before = lowered[max(0, at - _BEFORE) : at].removesuffix("\n")
    before = before[:-1] if before.endswith(_JOINTS) else before
    return before[len(before.rstrip(ascii_lowercase)) :] not in table("secrets")["no_key"]


def _values(view: str, lowered: str, word: str, kind: str) -> Iterator[Secret]:
    seen: dict[tuple[str, bool], bool] = {}
    for match in re.finditer(re.escape(word) + _LINK + _VALUE, lowered):
        if not _announces(lowered, match.start(), word):
            continue
        group = match.lastindex or 4
        start, end = match.span(group)
        value = view[start:end]
        value = value.rstrip(",;.)]}|\\&" if group == 4 else None)
        key = value, group != 4
        if key not in seen:  # a text of one line over and over is judged once
            judged = passwordlike(value, quoted=group != 4) if kind == "password" else keylike(value)
            itself = judged and not placeholder(value) and not code(value)
            seen[key] = len(seen) >= JUDGED or itself
        if seen[key]:
            yield Secret(start, start + len(value), kind)


def _near(view: str, lowered: str, word: str) -> Iterator[Secret]:
    """Yield random tokens within some words of the announcing one, in prose."""
    end = 0
    seen: dict[tuple[str, bool], bool] = {}
    for match in re.finditer(re.escape(word), lowered):
        if match.start() < end or not _announces(lowered, match.start(), word):
            continue
        at = match.end()
        end = at + 64
        stop = view.find("\n", at, end + 300)
        for run in RUN.finditer(view, at, stop if stop >= 0 else end + 300):
            if run.start() > at + 64:
                break
            end = max(end, run.end())
            token = run.group().rstrip(".-~_/")
            key = token, run.start() <= at + 2
            if key not in seen:
                # right behind the word a hash or a UUID is a key, too
                adjoins = key[1] and len(token) >= 20 and keylike(token) and not _SHA_PREFIX.search(token)
                likely = looks_random(token) or adjoins
                itself = likely and not placeholder(token) and not code(token)
                seen[key] = len(seen) >= JUDGED or itself
            if seen[key]:
                yield Secret(run.start(), run.start() + len(token), "key")
