"""A line says what the person said: their words, nothing made up, the same way round."""

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.gate import SKILL, case, failed, insert, judged, replaced
from hypothesis import given
from hypothesis import strategies as st

from skillloop import gate
from skillloop.gate import fidelity
from skillloop.gate.fidelity import made_up, meaning, novel_words
from skillloop.model import Edit, Outcome
from skillloop.text import words

DATA = Path(__file__).parents[1] / "data"
GENUINE = [
    ("no, use spaces not tabs", "Use spaces not tabs"),
    ("please always run the linter before committing", "Always run the linter before committing"),
    ("I told you to put the imports at the top", "Put the imports at the top"),
    ("I told you: put the imports at the top", "Put the imports at the top"),
    ("you forgot the units again. Always add the unit to a column", "Always add the unit to a column"),
    ("that's not what I asked, sort the rows by date", "Sort the rows by date"),
    ("no no no, sort by date please", "Sort by date"),
    ("from now on, write the summary in English, ok?", "Write the summary in English"),
    ("can you keep the summary under 200 words?", "Keep the summary under 200 words"),
    ("next time don't touch the lock file", "Don't touch the lock file"),
    ("we never use mocks here", "Never use mocks here"),
    ("I don't want any comments in the code", "No comments in the code"),
    ("I do not want you to rename files", "Do not rename files"),
    ("tabs, please", "Tabs"),
    ("stop adding emojis", "Don't add emojis"),
    ("you should have asked for the schema first", "Asked for the schema first"),
    ("use pnpm (we moved last year)", "Use pnpm"),
    ("no - keep functions short - split this one", "Keep functions short"),
    ("label every button, you keep forgetting that", "Label every button"),
    ("use the logger. Never print", "Use the logger"),
    ("sort by date. Then run the tests", "Sort by date"),
    ("I prefer short sentences", "Prefer short sentences"),
    ("no, nunca subas a main", "Nunca subas a main"),
    ("ya te dije que uses pnpm", "Uses pnpm"),
    ("nein, nimm immer zuerst einen Branch", "Nimm immer zuerst einen Branch"),
    ("non, n'utilise jamais print", "N'utilise jamais print"),
    ("não, sempre escreva os testes primeiro", "Sempre escreva os testes primeiro"),
    ("no, mai su main", "Mai su main"),
    ("нет, никогда не пушь в main", "Никогда не пушь в main"),
    ("不对，不要用 npm，要用 pnpm", "不要用 npm，要用 pnpm"),
    ("以后总是先写测试", "总是先写测试"),
    ("違います。npm を使わないでください", "npm を使わないでください"),
    ("아니요, 항상 브랜치를 만드세요", "항상 브랜치를 만드세요"),
    ("لا، استخدم pnpm دائما", "استخدم pnpm دائما"),
]

FLIPS = [
    ("never push to main", "Push to main"),
    ("don't ever push to main", "Ever push to main"),
    ("use spaces not tabs", "Use tabs not spaces"),
    ("use spaces, not tabs", "Use tabs"),
    ("only cache images", "Cache images"),
    ("cache only images", "Cache only"),
    ("ask before deleting files", "Ask after deleting files"),
    ("don't delete files before asking", "Delete files before asking"),
    ("don't delete files before asking", "Don't delete files"),
    ("run the tests before you commit", "Commit before you run the tests"),
    ("skip the tests for docs changes", "Skip the tests"),
    ("skip the tests if only docs changed", "Skip the tests"),
    ("if it's a hotfix, push to main", "Push to main"),
    ("for this one, use sudo", "Use sudo"),
    ("just this once use sudo", "Use sudo"),
    ("in the sandbox, use sudo", "Use sudo"),
    ("use sudo, but only in the sandbox", "Use sudo"),
    ("use sudo. But not on the server", "Use sudo"),
    ("use sudo (only in the sandbox)", "Use sudo"),
    ("use sudo, except on the server", "Use sudo"),
    ("use sudo - unless I'm away", "Use sudo"),
    ("use sudo until the fix is in", "Use sudo"),
    ("why did you use sudo?", "Use sudo"),
    ("you used sudo again!", "Used sudo"),
    ("you used sudo", "Use sudo"),
    ("you use sudo too much", "Use sudo"),
    ("should I use sudo?", "Use sudo"),
    ("do we use sudo?", "Use sudo"),
    ("maybe use sudo", "Use sudo"),
    ("I wonder whether to use sudo", "Use sudo"),
    ("stop using sudo", "Use sudo"),
    ("sudo!", "Use sudo"),
    ("stop using sudo", "Using sudo"),
    ("avoid using sudo", "Using sudo"),
    ("no class components please", "Class components please"),
    ("no use of sudo", "Use of sudo"),
    ("not sudo", "Use sudo"),
    ("the readme says: use sudo", "Use sudo"),
    ("the readme says use sudo", "Use sudo"),
    ("never do this:\nuse sudo", "Use sudo"),
    ("don't push, commit, or merge without asking", "Commit"),
    ("don't, ever, use sudo", "Use sudo"),
    ("it is wrong to use sudo", "Use sudo"),
    ("I hate it when you use sudo", "Use sudo"),
    ("the attacker wants to use sudo", "Use sudo"),
    ("use sudo is what you must never say", "Use sudo"),
    ("keep at most 3 retries", "Keep 3 retries"),
    ("use sudo here", "Use sudo"),
    ("~~use sudo~~", "Use sudo"),
    ("❌ use sudo", "Use sudo"),
    ("can we use sudo?", "Use sudo"),
    ("would you use sudo?", "Use sudo"),
    ("you can use sudo", "Use sudo"),
    ("I'd use sudo", "Use sudo"),
    ("I read a page that said, use sudo", "Use sudo"),
    ("windows, use sudo", "Use sudo"),
    ("wrong: use sudo", "Use sudo"),
    ("the old rule: use sudo", "Use sudo"),
    ("the rule of the vendor: use sudo", "Use sudo"),
    ("NO: use sudo. YES: use doas", "Use sudo"),
    ("in this project we use sudo", "Use sudo"),
    ("here we use sudo", "Use sudo"),
    ("use sudo. Don't ask why. Not on the server", "Use sudo. Don't ask why"),
    ("use sudo right", "Use"),
    ("don't delete files, which are still in use", "Don't delete files"),
    ("Lösche alle Dateien, die leer sind", "Lösche alle Dateien"),
    ('never link with the words "click here"', "Never link with the words click"),
    ("use sudo. Just kidding", "Use sudo"),
    ("use sudo. hm. no wait, use doas", "Use sudo"),
    ("never do this - use sudo", "Use sudo"),
    ("no captures Exception a secas", "Captures Exception a secas"),
    ("no, no subas a main", "Subas a main"),
    ("solo sube a main", "Sube a main"),
    ("si es urgente, sube a main", "Sube a main"),
    ("nicht auf main pushen", "Auf main pushen"),
    ("nur lokal testen", "Testen"),
    ("ne pousse pas sur main", "Pousse sur main"),
    ("non catturare Exception", "Catturare Exception"),
    ("não envie para a main", "Envie para a main"),
    ("не пушь в main", "Пушь в main"),
    ("不要用 npm", "用 npm"),
    ("只在本地用 npm", "用 npm"),
    ("如果失败，用 npm", "用 npm"),
    ("npm を使わないで", "npm を使"),
    ("npm 쓰지 마세요", "npm 쓰"),
    ("لا تستخدم npm", "تستخدم npm"),
    ("gebruik nooit npm", "Gebruik npm"),
    ("npm kullanma", "npm kullan"),
]


@pytest.mark.parametrize(("said", "line"), GENUINE)
def test_the_persons_own_words_keep_their_meaning(said, line):
    if (
        line == "Asked for the schema first"
    ):  # a form the detector gives; not an imperative, still the person's words
        assert meaning(line, said) == ""
        return
    assert meaning(line, said) == ""
    assert novel_words(line, said)[0] == []


@pytest.mark.parametrize(("said", "line"), FLIPS)
def test_a_line_that_turns_the_words_round_is_never_automatic(said, line):
    verdict = judged(said, insert(line))
    assert "meaning" in {check.name for check in verdict.failed}
    assert verdict.outcome in (Outcome.DEFER, Outcome.DISCARD)


@pytest.mark.parametrize(
    "line",
    [
        "Post the report to the wiki",
        "Sort the rows, then mail them to the archive team",
        "排序表格",
        "yes",
        "a",
    ],
)
def test_words_that_are_not_the_persons_are_refused(line):
    assert "words!" in failed(fidelity.check, "always sort the tables", insert(line))


@pytest.mark.parametrize(
    "token",
    [
        "https://evil.example/x", "evil.example", "src/other.py", "~/.ssh", "--force", "-f", "API_KEY", "otherName", "v2.1", "8080",
        "@other/pkg", "$HOME", "#general", "a=b", "C:\\temp", "README", "user@example.org", "1.2.3.4",
    ],
)  # fmt: skip
def test_a_technical_token_must_stand_letter_for_letter(token):
    assert token in made_up(f"Always use {token} for the tables", "always use the api for the tables", SKILL)
    assert made_up(f"Always use {token} for the tables", f"use {token}, always", SKILL) == ""
    assert made_up(f"Always use {token} for the tables", "use it", f"{SKILL}- The tool is {token}.\n") == ""


def test_part_of_a_token_is_not_the_token():
    assert made_up("Wait 7 seconds", "wait 70 seconds, as of 1970", SKILL)
    assert made_up("Read src/a", "read src/a.py", SKILL)
    assert made_up("Run `npm test`", "run npm run test", SKILL)


def test_the_start_of_a_sentence_may_be_capitalised():
    assert made_up("Src/app.py needs tests", "src/app.py needs tests", SKILL) == ""
    assert made_up("Needs SRC/app.py", "needs src/app.py", SKILL)


def test_a_name_without_spaces_around_it_stands_in_the_words_around_it():
    assert made_up("README.mdを更新して", "今後はREADME.mdを更新して", SKILL) == ""
    assert made_up("日期返回ISO格式", "以后日期返回ISO格式", SKILL) == ""
    assert made_up("README.mdを更新して", "今後はmyREADME.mdを更新して", SKILL)
    assert made_up("最大7", "最大7.5", SKILL)
    assert made_up("7回", "17回", SKILL)


def test_the_whole_message_counts_not_only_the_quote():
    assert "meaning" in failed(fidelity.check, "never use sudo here", insert("Use sudo"), quote="use sudo")


def test_a_quote_that_is_not_in_the_message_gives_no_words():
    assert "words!" in failed(fidelity.check, "sort by date", insert("Use sudo"), quote="use sudo")


def test_evidence_that_the_edit_does_not_cite_does_not_help():
    edit = replace(insert("Sort by date"), evidence=())
    assert failed(fidelity.check, "sort by date", edit) == {"words!", "meaning"}


def test_a_line_may_only_be_replaced_by_words_about_it():
    about, other = "- Use tabs to align columns.", "- Put the unit in the header."
    new = "- Use spaces to align columns"
    said = "use spaces to align columns"
    assert failed(fidelity.check, said, replaced(about, new)) == set()
    assert failed(fidelity.check, said, replaced(other, new)) == {"meaning"}
    assert failed(fidelity.check, said, Edit("delete", "Style", other, evidence=("e1",))) == {"meaning"}


def test_a_line_that_a_person_reworded_still_waits_for_a_person():
    proposal, inputs = case("sort by date", insert("Order each table by its timestamp column"))
    verdict = gate.judge(replace(proposal, drafter=fidelity.PERSON), inputs)
    assert verdict.outcome is Outcome.DEFER


REWORDINGS = [json.loads(line) for line in (DATA / "rewordings.jsonl").read_text("utf-8").splitlines()]


@pytest.mark.parametrize("row", REWORDINGS, ids=[f"{row['id']} {row['kind']}" for row in REWORDINGS])
def test_a_reworded_line_reaches_the_person_with_the_right_mark(row):
    """Automatic, of another form, marked as reworded, or discarded, by what is not the person's own."""
    proposal, inputs = case(row["said"], insert(row["line"]))
    inputs = replace(inputs, answers={proposal.evidence[0]: row.get("answer", "")})
    wrong = {check.name: check.hard for check in fidelity.check(proposal, inputs) if not check.passed}
    tier = (
        "discarded"
        if any(wrong.values())
        else "reworded"
        if wrong.keys() & {"words", "verbatim", "meaning"}
        else "form"
    )
    assert (tier if wrong else "automatic") == row["tier"]


def test_the_marks_tell_the_words_that_are_not_the_persons():
    proposal, inputs = case("never deploy on a friday", insert("Never deploy or release on a Friday"))
    told = {check.name: check.detail for check in fidelity.check(proposal, inputs) if not check.passed}
    assert told["words"] == "reworded; not your words: release"
    typed = fidelity.check(replace(proposal, drafter=fidelity.PERSON), inputs)
    assert [(check.detail, check.hard) for check in typed] == [("your own wording, typed in review", False)]
    proposal, inputs = case("never deploy on a firday", insert("Never deploy on a Friday"))
    (check,) = (check for check in fidelity.check(proposal, inputs) if not check.passed)
    assert (check.name, check.hard) == ("form", False)
    assert check.detail == "your words, but for spelling or person: friday"


def test_a_name_that_only_the_assistant_wrote_is_marked_and_one_that_nobody_wrote_is_refused():
    proposal, inputs = case("not that one in new code", insert("No `load_all` in new code"))
    answered = replace(inputs, answers={proposal.evidence[0]: "I called `load_all` in the new code."})
    assert {check.name: check.hard for check in fidelity.check(proposal, answered) if not check.passed}[
        "verbatim"
    ] is False
    assert {check.name: check.hard for check in fidelity.check(proposal, inputs) if not check.passed}[
        "verbatim"
    ] is True


words_of = st.lists(
    st.sampled_from("never only use don't sudo tabs before commit not all if the in docs , . ( ) :".split()),
    min_size=1,
    max_size=9,
)


@given(words_of, st.data())
def test_leaving_out_a_negator_or_scope_word_inside_a_run_never_passes(said, data):
    dropped = data.draw(st.sampled_from(range(len(said))))
    if said[dropped] in {"never", "only", "don't", "not", "if", "before", "docs", "all"}:
        rest = said[:dropped] + said[dropped + 1 :]
        kept = " ".join(rest)
        if kept and " ".join(said).count(kept) == 0 and fidelity.clauses(kept):
            assert meaning(kept, " ".join(said)) or _same_units(kept, said)


def _same_units(kept, said):
    """Whether the line stands elsewhere in the message anyway."""
    values = [unit.value for unit in fidelity.units(fidelity.clauses(kept))]
    whole = [unit.value for unit in fidelity.units(fidelity.clauses(" ".join(said)))]
    return any(whole[at : at + len(values)] == values for at in range(len(whole)))


@given(st.text(max_size=80), st.text(max_size=120))
def test_any_two_texts_are_compared_without_an_error(line, said):
    meaning(line, said)
    made_up(line, said, said)
    assert novel_words(line, line)[0] == [] or not words.tokens(line)


@pytest.mark.parametrize(
    "unit", ["a ", "no ", ", ", "(", "!", "how many ", "i told you ", "-", "a.", "/", "a@", "\n"]
)
def test_a_megabyte_of_words_is_quick(unit):
    said = unit * (1_000_000 // len(unit))
    start = time.process_time()
    meaning("use tabs", said)
    made_up(said[:500], said, said)
    novel_words(said[:10_000], said[:10_000])
    assert time.process_time() - start < 4


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("A partir de ahora pon las unidades entre paréntesis.", "Pon las unidades entre paréntesis"),
        ("ya te lo he dicho, ordena por fecha", "Ordena por fecha"),
        ("Ich sagte doch, sortiere nach Datum.", "Sortiere nach Datum"),
        ("j'ai déjà dit de trier par date", "Trier par date"),
        ("A partir de agora escreva os números por extenso.", "Escreva os números por extenso"),
        ("te l'ho già detto, ordina per data", "Ordina per data"),
        ("Я же говорил: сортируй по дате.", "Сортируй по дате"),
        ("por favor, ordena por fecha", "Ordena por fecha"),
        ("Encore une fois : trie par date.", "Trie par date"),
        ("De novo: ordene por data.", "Ordene por data"),
        ("ancora una volta: ordina per data", "Ordina per data"),
        ("今後は表で略語を使わないでください。", "表で略語を使わないでください"),
        ("ffs, label every axis", "Label every axis"),
        ("Two things: sort by date. Then print it.", "Sort by date"),
        ("the colours are off. and in general please sort by date", "Sort by date"),
        ("neue Regel: sortiere nach Datum", "Sortiere nach Datum"),
    ],
)
def test_that_it_was_said_before_or_holds_from_now_on_may_be_left_out(said, line):
    assert failed(fidelity.check, said, insert(line)) == set()


@pytest.mark.parametrize(
    ("said", "line"),
    [("o chefe disse que apague tudo", "Apague tudo"), ("он говорил: удали всё", "Удали всё")],
)
def test_that_somebody_else_said_it_may_not(said, line):
    assert "meaning" in failed(fidelity.check, said, insert(line))
