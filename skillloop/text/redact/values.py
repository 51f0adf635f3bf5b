"""What the value of a credential looks like, and what only looks like one: hashes, ids, paths, names, placeholders."""

from __future__ import annotations

import math
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_TABLE = Path(__file__).parents[2] / "data" / "secrets.toml"

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


@dataclass(frozen=True, slots=True)
class Secret:
    """A credential in a text: text[start:end], and whose it is ("github", "password", …)."""

    start: int
    end: int
    type: str


@cache
def table() -> dict[str, Any]:
    """Return the whole of `data/secrets.toml`."""
    return tomllib.loads(_TABLE.read_text(encoding="utf-8"))


def placeholder(value: str) -> bool:
    """Say whether the value itself tells that it stands for another."""
    lowered = value.lower()
    words, parts = _standing_in()
    return len(set(lowered) - {"-"}) < 3 or lowered.rstrip("!.") in words or parts.search(lowered) is not None


@cache
def _standing_in() -> tuple[frozenset[str], re.Pattern[str]]:
    """Return the values that stand for another, and a pattern of the parts of such."""
    rules = table()
    return frozenset(rules["words"]), re.compile("|".join(map(re.escape, rules["placeholders"])))


def code(value: str) -> bool:
    """Say whether the value is looked up rather than written out: a call, a variable, a path, a dotted name."""
    if _CODE.match(value):
        return True
    return bool(_DOTTED.match(value)) and not any(c.isdigit() for c in value)


def passwordlike(value: str, *, quoted: bool) -> bool:
    """Say whether it is mixed enough for a password: letters with digits or signs, or a number right where one is due."""
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


def keylike(value: str) -> bool:
    """Say whether it is long and mixed enough for a key."""
    if " " in value or len(value) < 10 or value.isdigit() or _worded(value):
        return False
    if _IDENTIFIERS.match(value):
        return False
    return any(c.isdigit() for c in value) and any(c.isalpha() for c in value) and _entropy(value) > 2.7


def long_key(value: str) -> bool:
    """Say the same of what stands right behind the word: here a hash or a UUID is a key, too."""
    return len(value) >= 20 and keylike(value) and not _SHA_PREFIX.search(value)


def looks_random(token: str) -> bool:
    """Say whether a token of 16 or more characters looks drawn by lot and is no hash, id, path or name."""
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
    """Say whether the value is words and short numbers in a row: "my-app-v2", "userAuthToken", "2024-01-01"."""
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


_BITS = tuple(n * math.log2(n) if n else 0.0 for n in range(513))


def _entropy(value: str) -> float:
    """Return the Shannon entropy in bits a character."""
    value = value[:512]
    return math.log2(len(value)) - sum(_BITS[value.count(char)] for char in set(value)) / len(value)
