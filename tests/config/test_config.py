"""The person's rules: three levels, combined by restriction, each value with its file and line."""

import re
from itertools import pairwise

import pytest
from helpers.config import as_toml, level
from hypothesis import given, settings

from skillloop import config
from skillloop.config import ConfigError, sections
from skillloop.config.sections import covers


@pytest.fixture
def write(tmp_path):
    """Write a level's file; `load()` combines what was written."""

    class Levels:
        """The three files."""

        def __init__(self):
            self.home, self.project, self.skill = (tmp_path / name for name in ("home", "project", "skill"))
            self.files = {
                "home": self.home / "config.toml",
                "project": self.project / ".claude" / "skillloop.toml",
                "skill": self.skill / "skillloop.toml",
            }

        def __call__(self, level, text):
            self.files[level].parent.mkdir(parents=True, exist_ok=True)
            self.files[level].write_text(text, encoding="utf-8")
            return self.files[level]

        def load(self):
            return config.load(self.home, self.project, self.skill)

    return Levels()


def test_without_any_file_the_defaults_hold_and_ask_for_every_edit(write):
    rules = write.load()
    assert rules.apply.mode == "review"
    assert rules.edit.unseen == 10
    assert str(rules.rule("edit.unseen")) == "edit.unseen = 10 (built in)"


def test_the_persons_own_file_may_loosen_the_defaults(write):
    write("home", '[apply]\nmode = "auto"\nnever_auto = []\n[edit]\nunseen = 50\n')
    rules = write.load()
    assert (rules.apply.mode, rules.apply.never_auto, rules.edit.unseen) == ("auto", (), 50)


def test_a_lower_file_cannot_switch_on_auto_or_raise_a_budget(write):
    write("project", '[apply]\nmode = "auto"\nnever_auto = []\n[edit]\nunseen = 50\n')
    rules = write.load()
    assert (rules.apply.mode, rules.apply.never_auto, rules.edit.unseen) == ("review", ("delete",), 10)


def test_the_stricter_level_wins_and_is_named(write):
    write("home", '[apply]\nmode = "auto"\n\n[edit]\nunseen = 8\n')
    skill = write("skill", '# ours\n[apply]\nmode = "review"\n[edit]\nunseen = 9\nper_session = 1\n')
    rules = write.load()
    assert str(rules.rule("apply.mode")) == f'apply.mode = "review" ({skill}:3)'
    assert rules.rule("edit.unseen").file == str(write.files["home"])
    assert (rules.edit.unseen, rules.edit.per_session) == (8, 1)
    assert rules.rule("edit.per_session").line == 6


def test_each_entry_of_a_list_knows_its_own_line(write):
    home = write("home", '[sources]\nuntrusted = [\n  "x.com",\n  "t.co",  # short links\n]\n')
    project = write("project", "[sources]\nuntrusted = ['reddit.com']\n")
    rules = write.load()
    assert rules.sources.untrusted == ("x.com", "t.co", "reddit.com")
    assert str(rules.rule("sources.untrusted", "t.co")) == f'sources.untrusted = ["t.co"] ({home}:4)'
    assert rules.rule("sources.untrusted", "reddit.com").file == str(project)


def test_two_allow_lists_leave_what_both_allow_and_keep_what_either_names(write):
    write("home", '[sources]\ntrusted = ["*.edu", "nature.com"]\n')
    write("project", '[sources]\ntrusted = ["mit.edu", "evil.com"]\n')
    rules = write.load()
    assert rules.sources.trusted == ("mit.edu",)
    assert set(rules.sources.kept) == {"*.edu", "nature.com", "mit.edu", "evil.com"}
    assert rules.rule("sources.trusted", "nature.com").file == str(write.files["home"])


def test_unknown_sources_without_a_list_means_that_none_is_known(write):
    write("home", '[sources]\nunknown = "refuse"\n')
    write("project", '[sources]\ntrusted = ["evil.com"]\n')
    assert write.load().sources.trusted == ()


def test_a_project_cannot_make_another_name_pass_for_a_trusted_source(write):
    write(
        "home",
        '[sources]\ntrusted = ["nature.com"]\nuntrusted = ["x.com"]\naliases = {"x.com" = ["Twitter"]}\n',
    )
    write(
        "project",
        '[sources.aliases]\n"nature.com" = ["x.com"]\nfoo = ["nature.com"]\n"x.com" = ["the bird site"]\n',
    )
    assert write.load().sources.aliases == {"x.com": ("Twitter", "the bird site")}


def test_rules_of_the_folders_above_the_session_count(write):
    write("project", "[edit]\nper_session = 0\n")
    inner = write.project / "src" / "deep"
    assert config.load(write.home, inner).edit.per_session == 0


def test_only_the_person_chooses_where_words_are_sent(write):
    write("home", '[model]\nbackend = "claude"\ncareful = "some-model"\n')
    write("skill", '[model]\nbackend = "offline"\n')
    assert write.load().model.backend == "offline"
    path = write("skill", '[model]\nbackend = "anthropic"\n')
    with pytest.raises(ConfigError, match=rf"{path}:2: model.backend is not for a project"):
        write.load()


@pytest.mark.parametrize(
    ("text", "line", "message", "hint"),
    [
        ("[edit]\nunsene = 3\n", 2, "unknown setting edit.unsene", "did you mean 'unseen'?"),
        ('[edit]\nmode = "auto"\n', 2, "unknown setting edit.mode", "write it below [apply]"),
        ("\n[sorces]\n", 2, "unknown section [sorces]", "did you mean 'sources'?"),
        ("moode = 3\n", 1, "unknown section [moode]", "did you mean 'model'?"),
        ('mode = "auto"\n', 1, "mode is no section here", "write [apply] on a line of its own"),
        ("budget = 3\n", 1, "budget is no section here", "write [budget] on a line of its own"),
        ('[[protect]]\nlines = ["a"]\n', 1, "protect is no section here", "write [protect] on a line"),
        ("[edit]\n\nunseen = true\n", 3, "edit.unseen must be a whole number of at least 0", ""),
        ("[edit]\nunseen = -1\n", 2, "edit.unseen must be a whole number of at least 0", ""),
        ("[budget]\nmoney_per_day = nan\n", 2, "budget.money_per_day must be a number of at least 0", ""),
        ('[apply]\nmode = "yes"\n', 2, 'apply.mode must be "auto" or "review"', ""),
        ("[apply]\nmode = [1]\n", 2, 'apply.mode must be "auto" or "review"', ""),
        ('[sources]\nuntrusted = "x.com"\n', 2, "sources.untrusted must be a list", ""),
        ("[sources]\naliases = [1]\n", 2, "sources.aliases must be a table", ""),
        ('[sources]\nkept = ["a"]\n', 2, "unknown setting sources.kept", ""),
        ("[edit]\nunseen = = 3\n", 2, "not TOML", "toml.io"),
        ('[edit\nunseen = "', 1, "not TOML", "toml.io"),
    ],
)
def test_a_mistake_names_file_and_line_and_what_to_do(write, text, line, message, hint):
    path = write("project", text)
    with pytest.raises(ConfigError) as error:
        write.load()
    assert f"{path}:{line}: " in error.value.message
    assert message in error.value.message
    assert hint in error.value.hint


def test_files_that_cannot_be_read_are_errors_not_silence(write):
    write("home", "").write_bytes(b"[edit]\n\xff")
    with pytest.raises(ConfigError, match=r"config.toml:2: not UTF-8"):
        write.load()
    write.files["home"].unlink()
    write.files["home"].mkdir()
    with pytest.raises(ConfigError, match="directory"):
        write.load()
    write.files["home"].rmdir()
    write("home", "a = " + "[" * 50_000)
    with pytest.raises(ConfigError):
        write.load()


def test_effective_lists_every_key_once_and_every_entry(write):
    write("home", '[sources]\nuntrusted = ["a.com", "b.com"]\naliases = {"a.com" = ["A"]}\n')
    rows = config.effective(write.load())
    names = [key for key, _, _ in rows]
    assert [value for key, value, _ in rows if key == "sources.untrusted"] == [("a.com",), ("b.com",)]
    assert ("sources.aliases.a.com", ("A",)) in [(key, value) for key, value, _ in rows]
    assert {key for key, _, _ in sections.reference()} - {"sources.aliases"} <= set(names)


@pytest.mark.parametrize(
    "text",
    [
        "",
        '[sources]\ntrusted = ["b.org", "a.com"]\nunknown = "refuse"\naliases = {"a.com" = ["A", "\\"q\\""]}\n',
        '[sources]\ntrusted = []\n[apply]\nmode = "auto"\nnever_auto = []\nas = "commit"\n[protect]\nlines = ["è\\\\"]\n',
    ],
)
def test_what_is_shown_is_a_file_that_sets_the_same(write, text):
    write("home", text)
    rules = write.load()
    write("home", "\n".join(config.as_toml(rules)))
    assert all(write.load().get(key) == rules.get(key) for key, _, _ in sections.reference())
    assert (write.load().sources.kept, write.load().apply.as_) == (rules.sources.kept, rules.apply.as_)


def test_two_texts_differ_in_what_they_mean_alone(tmp_path):
    def told(old, new, name="config.toml"):
        return [*config.differences(tmp_path / name, old, new)]

    auto, review = '[apply]\nmode = "auto"\n', '[apply]\nmode = "review"\n'
    changed = ['-apply.mode = "review"', '+apply.mode = "auto"']
    for old in (sections.commented(), "[broken", review):
        assert told(old, auto + "# mine\n") == changed
    assert told("", review + "[edit]\nunseen = 10\n") == told(auto, f"\n{auto}") == []
    assert told("", '[sources]\nunknown = "review"\n') == ["+sources.trusted = []"]
    assert told("", "[edit]\nunseen = 10\n", "skillloop.toml") == ["+edit.unseen = 10"]


def test_every_key_says_what_it_means():
    assert all(len(doc) > 5 for _, _, doc in sections.reference())


def test_a_file_to_begin_with_sets_nothing_and_its_lines_are_the_defaults(write):
    write("home", sections.commented())
    assert write.load() == config.Config()
    given = [re.sub(r"^# (\w+ = )", r"\1", line) for line in sections.commented().splitlines()]
    write("home", "\n".join(line for line in given if not line.startswith(("trusted", "unknown"))))
    assert all(write.load().get(key) == default for key, default, _ in sections.reference())


def test_the_schema_knows_every_key_with_its_type():
    told = sections.schema()["properties"]
    keys = {
        f"{name}.{key}": value
        for name, section in told.items()
        for key, value in section["properties"].items()
    }
    assert list(keys) == [key for key, _, _ in sections.reference()]
    assert set(keys["apply.mode"]["enum"]) == {"auto", "review"}
    assert keys["sources.trusted"]["items"]["type"] == "string"


def names_of(sources, host):
    """Every name a host goes by."""
    groups = [{name, *others} for name, others in sources.aliases.items()]
    return {host}.union(*(group for group in groups if host in group))


def refusal(rules, host):
    """How much stands in a new source's way: 0 nothing, 1 a person, 2 everything."""
    sources = rules.sources
    names = names_of(sources, host)
    if any(covers(bad, name) for bad in sources.untrusted for name in names):
        return 2
    if sources.trusted is None or any(covers(good, name) for good in sources.trusted for name in names):
        return 0
    return 1 if sources.unknown == "review" else 2


@settings(max_examples=150)
@given(home=level, project=level, skill=level)
def test_a_lower_file_only_ever_tightens(home, project, skill, tmp_path_factory):
    root = tmp_path_factory.mktemp("levels")
    for name, tables in (
        ("config.toml", home),
        (".claude/skillloop.toml", project),
        ("s/skillloop.toml", skill),
    ):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(as_toml(tables), encoding="utf-8")
    steps = [config.load(root), config.load(root, root), config.load(root, root, root / "s")]
    for upper, lower in pairwise(steps):
        assert lower.edit.unseen <= upper.edit.unseen
        assert lower.edit.max_bytes <= upper.edit.max_bytes
        assert (lower.apply.mode, upper.apply.mode) != ("auto", "review")
        assert lower.apply.min_confidence >= upper.apply.min_confidence
        for part, key in (
            ("protect", "headings"),
            ("protect", "must_keep"),
            ("apply", "never_auto"),
            ("sources", "kept"),
        ):
            assert set(getattr(getattr(lower, part), key)) >= set(getattr(getattr(upper, part), key))
        for host in ("a.com", "b.com", "www.a.com", "ab.com", "x.org", "q.net"):
            assert refusal(lower, host) >= refusal(upper, host)
