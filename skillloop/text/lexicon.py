"""What skillloop knows of languages: one file a language, `data/lang/<xx>.toml`, with the same keys in each.

A key is `group.name`; `en.toml` explains each. An entry is a string: phrases separated by `|` or a line break, words by
blanks, or regular expressions, separated like phrases. An empty string says that a language has nothing for the key; a key
that English has not, or that a file lacks, is an error. To add a language, add a file: nothing else names the languages.

Everything is read at the first question, once. Which languages a text is in is never asked: all of them are looked for.
"""

import re
import tomllib
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any

DATA = Path(__file__).parents[1] / "data"
FOLDER = DATA / "lang"

WHOLE = r"(?<!\w)<spaced>(?!\w)|<dense>"
"""A form for `pattern`: whole words; where words are not spaced, anywhere."""

_PHRASE_END = re.compile(r"[|\n]+")


@dataclass(frozen=True, slots=True)
class Language:
    """One file: its entries by "group.name"."""

    code: str
    order: int  # among the languages, where patterns are tried one after the other
    spaced: bool  # whether words stand apart
    entries: Mapping[str, str]


@cache
def table(name: str) -> dict[str, Any]:
    """Return one of the tables that know no language, `data/NAME.toml`."""
    return tomllib.loads((DATA / f"{name}.toml").read_text(encoding="utf-8"))


@cache
def languages(folder: Path = FOLDER) -> tuple[Language, ...]:
    """Read every language, English first. Raises ValueError: a file lacks a key, has an unknown one, or an entry is no string."""
    read: dict[str, Language] = {}
    for path in folder.glob("*.toml"):
        groups = tomllib.loads(path.read_text(encoding="utf-8"))
        about = groups.pop("language")
        entries = {f"{group}.{name}": entry for group, keys in groups.items() for name, entry in keys.items()}
        if wrong := [key for key, entry in entries.items() if not isinstance(entry, str)]:
            raise ValueError(f"{path.name}: the entry of {wrong[0]!r} is not a string")
        read[path.stem] = Language(path.stem, about["order"], about["spaced"], entries)
    for code, language in read.items():
        for word, keys in (
            ("unknown", language.entries.keys() - read["en"].entries.keys()),
            ("missing", read["en"].entries.keys() - language.entries.keys()),
        ):
            if keys:
                raise ValueError(f"{code}.toml: {word} key {min(keys)!r}")
    return tuple(sorted(read.values(), key=lambda language: (language.code != "en", language.order)))


@cache
def words(key: str) -> frozenset[str]:
    """Return the words of every language under a key."""
    return frozenset(word for language in languages() for word in language.entries[key].split())


@cache
def phrases(key: str) -> tuple[str, ...]:
    """Return the phrases of every language under a key, in order, without repetitions."""
    return tuple(dict.fromkeys(p for language in languages() for p in split(language.entries[key])))


def split(entry: str) -> list[str]:
    """Split an entry into its phrases."""
    return [phrase for phrase in _PHRASE_END.split(entry) if phrase]


def classes(group: str) -> dict[str, tuple[str, ...]]:
    """Return the phrases of every language under each key of a group, by the key's name, in the order of the English file."""
    start = group + "."
    keys = (key for key in languages()[0].entries if key.startswith(start))
    return {key.removeprefix(start): phrases(key) for key in keys}


def lines(key: str, *, spaced: bool | None = None) -> list[str]:
    """Return the lines of the languages under a key, in order; see `alternatives` for `spaced`."""
    chosen = (language for language in languages() if spaced in {None, language.spaced})
    return [line for language in chosen for line in language.entries[key].splitlines() if line]


@cache
def alternatives(key: str, *, spaced: bool | None = None) -> str:
    """Join the regular expressions of the languages under a key, in order, into a group that captures nothing.

    `spaced` takes only the languages that write spaces between words, or only those that write none.
    """
    found = lines(key, spaced=spaced)
    return f"(?:{'|'.join(found)})" if found else "(?!)"


@cache
def pattern(key: str, form: str = "<all>") -> re.Pattern[str]:
    """Compile the regular expressions of every language under a key, for any letter case.

    In `form`, which is built around them, "<all>", "<spaced>" and "<dense>" stand for the `alternatives`.
    """
    return re.compile(_filled(key, form), re.IGNORECASE)


def _filled(key: str, form: str) -> str:
    for name, spaced in (("<all>", None), ("<spaced>", True), ("<dense>", False)):
        form = form.replace(name, alternatives(key, spaced=spaced))
    return form


def _lower(text: str) -> str:
    """Return a text in small letters, each in its place; "ı", "ſ" and "ς" are other cases of one, as Python takes them."""
    lower = text if text.isascii() else text.replace("İ", "i").replace("ı", "i").replace("ſ", "s")
    return lower.lower().replace("ς", "σ")


class Finder:
    """A regular expression for any letter case, up to three times as fast as `re.IGNORECASE`: it looks at the text in small letters.

    A match says where it stands; the letters in it are small.
    """

    def __init__(self, expression: str) -> None:
        parts = re.findall(r"\\.|[^\\]+", expression, re.DOTALL)
        self._pattern = re.compile("".join(x if x[0] == "\\" else _lower(x) for x in parts))

    def search(self, text: str, start: int = 0) -> re.Match[str] | None:
        """Find the first match from `start` on."""
        return self._pattern.search(_lower(text), start)

    def match(self, text: str, start: int = 0) -> re.Match[str] | None:
        """Match at `start`."""
        return self._pattern.match(_lower(text), start)

    def fullmatch(self, text: str) -> re.Match[str] | None:
        """Match all of it."""
        return self._pattern.fullmatch(_lower(text))


@cache
def finder(key: str, form: str = "<all>") -> Finder:
    """Return the same as `pattern`, only to find: for what is looked for in every sentence."""
    return Finder(_filled(key, form))


@cache
def rewrites(key: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Return the lines "expression => what takes its place" of every language under a key, for any letter case."""
    pairs = (line.split(" =>") for line in lines(key))
    return tuple((re.compile(old, re.IGNORECASE), new.strip()) for old, new in pairs)


def whole(key: str) -> re.Pattern[str]:
    """Return the pattern of a key for whole words."""
    return pattern(key, WHOLE)


_KEY = re.compile(r"<([a-z]+\.[a-z ]+)>")


@cache
def expression(template: str) -> re.Pattern[str]:
    """Compile an expression in which `<group.name>` stands for the alternatives under that key; entries may do so too."""
    while _KEY.search(template):
        template = _KEY.sub(lambda key: alternatives(key[1]), template)
    return re.compile(template)


# --- phrases in the words of a text, in one pass --------------------------------------------------------------------------

# Words are as bare as people type them in haste: unlike `words.fold`, which serves the gate, this drops accents and the
# apostrophes of contractions, so that "Doesn’t", "doesnt" and "DOESN'T" meet. Each Chinese or Japanese character is a token
# of its own, so that the same look-up serves languages that write no spaces.
WIDE = r"[぀-ヿ㐀-鿿豈-﫿]"  # these two take long to compile, and much text needs none of them
_TOKEN = rf"{WIDE}|[^\W_぀-ヿ㐀-鿿豈-﫿]+(?:[._-][^\W_぀-ヿ㐀-鿿豈-﫿]+)*"
_PLAIN = re.compile(r"[a-zA-Z0-9]+(?:[._-][a-zA-Z0-9]+)*")  # the same for ASCII, twice as fast
_MARKED = re.compile(r"(?:[^\W_]|[\u0900-\u0963])+")
_DEVANAGARI = re.compile("[\u0900-\u097f]")
_CONTRACTION = re.compile(r"'(?=(?:t|s|re|m|ll|ve|d)\b)")
_ACCENTS = re.compile("[\u0300-\u036f]")
SHORTEST_STEM = 3  # letters


@lru_cache(maxsize=256)
def tokens(text: str) -> list[str]:
    """Split a text into bare words, each wide character on its own: lower, without accents and contraction marks."""
    flat = text.replace("\u2019", "'").lower()
    if not flat.isascii():
        flat = unicodedata.normalize("NFKC", _ACCENTS.sub("", unicodedata.normalize("NFKD", flat)))
    flat = _CONTRACTION.sub("", flat) if "'" in flat else flat
    if flat.isascii():
        return _PLAIN.findall(flat)
    marked = _DEVANAGARI.search(flat)  # its vowel signs are not matched by \\w
    return _MARKED.findall(flat) if marked else expression(_TOKEN).findall(flat)


REMEMBERED = 16_384  # words of which it is kept what they say, so that an endless log cannot fill the memory


class Phrases(dict[str, tuple[list[str], dict[str, list[tuple[list[str], str]]]] | None]):
    """A set of classes of phrases, by a table or by the group of the lexicon that holds them; compiled when first asked.

    It keeps what each word says that it was asked for: its classes, and the rest and class of the longer phrases that it
    starts, by their second word; None where it says nothing.
    """

    def __init__(self, table: Mapping[str, Iterable[str]] | str) -> None:
        self._table = table

    @cached_property
    def _begun(self) -> Mapping[str, list[tuple[list[str], str]]]:
        """The rest and class of each phrase by its first word, or by the first letters of a stem with a star, the shortest first."""
        found: dict[str, list[tuple[list[str], str]]] = defaultdict(list)
        for name, entries in (classes(self._table) if isinstance(self._table, str) else self._table).items():
            for entry in entries:
                first, *rest = tokens(entry)
                stem = entry[-1] == "*" and not rest
                found[f"{first[:SHORTEST_STEM]}*" if stem else first].append(
                    ([first] if stem else rest, name)
                )
        for begun in found.values():
            begun.sort(key=lambda each: (len(each[0]), each[1]))
        return found

    def __missing__(self, word: str) -> tuple[list[str], dict[str, list[tuple[list[str], str]]]] | None:
        if len(self) >= REMEMBERED:
            self.clear()
        said = None
        begun, stems = self._begun.get(word, ()), self._begun.get(word[:SHORTEST_STEM] + "*", ())
        if begun or stems:
            own = {name for stem, name in stems if word.startswith(stem[0])}
            longer: dict[str, list[tuple[list[str], str]]] = defaultdict(list)
            for rest, name in begun:
                longer[rest[0]].append((rest, name)) if rest else own.add(name)
            said = (sorted(own), longer) if begun or own else None
        self[word] = said
        return said

    def find(self, words: list[str]) -> dict[str, int]:
        """Find each class that occurs, with the position of the first token of its first occurrence."""
        found: dict[str, int] = {}
        for i, (own, longer) in [(i, said) for i, word in enumerate(words) if (said := self[word])]:
            for name in own:
                found.setdefault(name, i)
            for rest, name in longer.get(words[i + 1], ()) if longer and i + 1 < len(words) else ():
                if words[i + 1 : i + 1 + len(rest)] == rest:
                    found.setdefault(name, i)
        return found


@lru_cache(maxsize=256)
def wide(text: str) -> bool:
    """Say whether a text is mostly Chinese or Japanese, where a token is a character."""
    return not text.isascii() and len(expression(WIDE).findall(text)) * 3 > len(text.replace(" ", ""))
