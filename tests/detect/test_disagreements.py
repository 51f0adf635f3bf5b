"""Finding disagreements: in sessions as the client writes them, in nine languages, and never in a machine's words."""

import dataclasses

import pytest
from helpers.gate import failed, insert
from transcripts import VERSIONS, Transcript

from skillloop import detect
from skillloop.detect import DRAFT_AT, ONLY_PASTED
from skillloop.gate import provenance
from skillloop.hosts.claude_code import transcript
from skillloop.model import Kind, Origin, Session, ToolUse, Turn, TurnKind

SCENES = {
    "en": (
        "no, that's wrong. never use print here, use the logger",
        "You're right, I'll fix that.",
        "great, now add a search box",
    ),
    "es": (
        "no, eso está mal. nunca uses print, usa el logger",
        "Tienes razón, lo corrijo.",
        "genial, ahora agrega un buscador",
    ),
    "de": (
        "nein, das ist falsch. nimm nie print, nimm den Logger",
        "Du hast recht, ich ändere das.",
        "super, jetzt noch eine Suche",
    ),
    "fr": (
        "non, c'est faux. n'utilise jamais print, utilise le logger",
        "Tu as raison, je corrige.",
        "super, maintenant ajoute une recherche",
    ),
    "pt": (
        "não, está errado. nunca use print, use o logger",
        "Você tem razão, vou corrigir.",
        "ótimo, agora adiciona uma busca",
    ),
    "it": (
        "no, è sbagliato. non usare mai print, usa il logger",
        "Hai ragione, lo correggo.",
        "ottimo, ora aggiungi una ricerca",
    ),
    "ru": (
        "нет, это неправильно. никогда не используй print, используй логгер",
        "Вы правы, исправлю.",
        "отлично, теперь добавь поиск",
    ),
    "zh": ("不对，错了。不要用 print，一律用 logger", "你说得对，我来改。", "很好，再加一个搜索功能"),
    "ja": (
        "違います、間違っています。printは使わず必ずloggerを使って",
        "おっしゃる通りです。修正します。",
        "いいですね、次は検索を追加して",
    ),
}


def find(session, **keywords):
    return detect.find(session, **keywords)[0]


def taught(session, **keywords):
    """The texts of the offered lessons."""
    return [lesson.text for lesson in detect.find(session, **keywords)[1] if lesson.offered]


def conversation(text, reply="I'll look.", *, edits="src/app.py", **fields):
    turns = (
        Turn(0, "human", "write the report page", 1, uuid="u0"),
        Turn(
            1,
            "assistant",
            "Done. I updated `src/app.py`.",
            2,
            tools=(ToolUse("Edit", "src/app.py"),),
            kind=TurnKind.REPLY,
        ),
        Turn(2, "human", text, 3, **{"uuid": "u2"} | fields),
        Turn(3, "assistant", reply, 4, tools=(ToolUse("Edit", edits),), kind=TurnKind.REPLY),
    )
    return Session("s1", "s1.jsonl", turns)


@pytest.mark.parametrize("language", SCENES)
def test_a_correction_is_found_and_the_next_request_is_not(language):
    correction, reply, following = SCENES[language]
    (found,) = find(conversation(correction, reply))
    assert found.confidence >= DRAFT_AT
    assert found.evidence.quote in correction
    assert not find(conversation(following, "ok", edits="src/search.py"))


@pytest.mark.parametrize(
    "order",
    [
        "Now fix ticket 12",
        "Next do the footer",
        "Add a test for the tokenizer",
        "Draft the letter to the board",
        "Find out why the import is slow",
        "Jetzt die Druckansicht",
        "Maintenant, ajoute la pagination",
        "现在实现登录页面",
        "Next: tackle bug 31 in the importer and open a PR",
        "Address the review comments: missing alt text, wrong link in the footer",
        "resolve the type errors: no return in b.ts",
        "the agent crashed, could you pick up where you left off",
        "connection lost. please carry on",
        "the train went through a tunnel - go on please",
        "could you upgrade the linter to version 9",
        "jetzt behebe Ticket 44 im Importer",
        "继续",
        "that page is looking really good by now",
    ],
)
@pytest.mark.parametrize("reply", ["Got it. I'll start on this.", "Done."])
def test_an_order_that_opens_new_work_is_no_correction(order, reply):
    found, lessons = detect.find(conversation(order, reply, edits="src/other.py"))
    assert not found
    assert not [lesson for lesson in lessons if lesson.offered]


def test_an_order_that_says_what_went_wrong_is_a_correction():
    assert find(conversation("fix ticket 9 again, you broke the login", "I see the issue."))


@pytest.mark.parametrize("n", range(3))
def test_orders_from_one_template_are_no_correction_however_many(n):
    turns = [Turn(0, "human", "write the report page", 1)]
    for number in range(20):
        done = Turn(
            len(turns), "assistant", f"Fixed bug {number}.", 1, tools=(ToolUse("Edit", f"{number}.py"),)
        )
        turns += [
            done,
            Turn(
                len(turns) + 1, "human", f"Now fix bug {number * 7 + n} in the frontend", 2, uuid=f"u{number}"
            ),
        ]
    assert not find(Session("s1", "s1.jsonl", tuple(turns)))


def test_what_starts_with_a_no_and_comes_again_is_a_rule_however_short_it_is():
    turns = ("Name it", "It is named.", "wrong, plural title", "Amended.")
    session = Session(
        "s", "s.jsonl", tuple(Turn(n, ("human", "assistant")[n % 2], said, n) for n, said in enumerate(turns))
    )
    assert taught(session) == []
    assert taught(session, recurring=lambda: {"another": "Plural title"}) == ["Plural title"]


@pytest.mark.parametrize(
    "order",
    [
        "fix bug 12 in the importer",
        "please go on",
        "can you restart the server",
        "could you pin the runtime to 3.12",
        "at least the new map looks fine",
        "write a helper that splits a line",
        "now add a test for the parser",
    ],
)
def test_an_order_is_no_candidate(order):
    assert detect.find(conversation(order, "On it.")) == ([], [])


@pytest.mark.parametrize("name", ["skillloop:review", "research"])
def test_a_request_for_a_command_of_skillloop_s_own_is_no_candidate(tmp_path, name):
    said = Transcript().typed("Write it").says("Done.").typed("please run the review")
    path = said.skill(name, f"/w/skills/{name}/SKILL.md").says("Done.").write(tmp_path / "session.jsonl")
    assert (detect.find(transcript.read(path))[1] == []) == (name != "research")


def test_what_points_at_the_moment_and_says_little_else_is_no_rule_said_again():
    turns = ("Nomme-le", "Il est nommé.", "non, pas cette légende, la suivante", "Corrigé.")
    session = Session(
        "s", "s.jsonl", tuple(Turn(n, ("human", "assistant")[n % 2], said, n) for n, said in enumerate(turns))
    )
    assert taught(session, recurring=lambda: {"another": "Pas cette légende, la suivante"}) == []


def test_how_something_shall_be_is_a_rule_when_it_is_said_again():
    turns = ("Plan it", "It is planned.", "Timetables should name the room.", "Amended.")
    session = Session(
        "s", "s.jsonl", tuple(Turn(n, ("human", "assistant")[n % 2], said, n) for n, said in enumerate(turns))
    )
    assert taught(session) == []
    assert taught(session, recurring=lambda: {"another": "Timetables should name the room"}) == [
        "Timetables should name the room"
    ]


@pytest.mark.parametrize(
    ("asked", "alone"),
    [("How shall I label them?", False), ("Which units do the labels carry?", True)],
)
def test_an_answer_that_needs_its_question_is_shown_with_it(tmp_path, asked, alone):
    talk = (
        Transcript("2.1.332")
        .typed("weigh the parcels")
        .answered(asked, "Always metric units, never rounded", "Up", "Down")
        .says("Noted.")
    )
    _, found = detect.find(transcript.read(talk.write(tmp_path / "s.jsonl")))
    (lesson,) = (lesson for lesson in found if lesson.offered)
    assert (f"it answers “{asked}”" in lesson.look) != alone


def test_a_turn_can_teach_several_lessons_best_first():
    both = "no, put the tests beside the code. From now on, never mock the clock. Always run the linter before a commit."
    _, found = detect.find(conversation(both))
    assert {lesson.text for lesson in found} == {
        "Put the tests beside the code", "Never mock the clock", "Always run the linter before a commit"
    }  # fmt: skip
    assert [lesson.evidence.quote in both for lesson in found] == [True] * 3
    assert len({lesson.id for lesson in found}) == 3
    assert found[0].id == found[0].disagreement


def test_a_turn_that_is_no_disagreement_can_teach_but_a_person_looks_at_it():
    asked = Turn(0, "human", "From now on, always run the tests with pytest -x.", 1, uuid="u0")
    reply = Turn(1, "assistant", "I will.", 2, kind=TurnKind.REPLY)
    found, (lesson,) = detect.find(Session("s", "s.jsonl", (asked, reply)))
    assert found == []
    assert (lesson.text, lesson.offered, lesson.disagreement) == (
        "Always run the tests with pytest -x",
        True,
        None,
    )
    assert lesson.look


def test_a_line_that_is_said_twice_in_a_session_is_one_lesson():
    said = "From now on, always run the tests with pytest -x."
    turns = tuple(
        Turn(n, role, said if role == "human" else "I will.", n + 1, uuid=f"u{n}")
        for n, role in enumerate(("human", "assistant") * 2)
    )
    _, found = detect.find(Session("s", "s.jsonl", turns))
    assert [lesson.text for lesson in found] == ["Always run the tests with pytest -x"]


def test_what_is_not_sure_enough_is_a_candidate_until_it_is_said_again():
    session = conversation("no, put a blank line between the groups", "Moved.")
    _, (once,) = detect.find(session)
    assert (once.offered, 0 < once.chance < 1) == (False, True)
    _, (again,) = detect.find(session, recurring=lambda: {"another": once.text})
    assert (again.id, again.offered) == (once.id, True)


def test_who_says_how_it_always_shall_be_mostly_says_that_it_was_not():
    once, always = (
        detect.find(conversation(f"no, {often}put the imports at the top", "Moved."))[1][0].chance
        for often in ("", "always ")
    )
    assert always > 2 * once


def test_signals_name_what_spoke_in_both_sides_of_the_turn():
    (found,) = find(conversation("still broken, I get the same error", "You're right, I see the issue."))
    names = " ".join(signal.name for signal in found.signals)
    assert "after: " in names
    assert "says: " in names
    assert found.signals[0].weight > 0


def test_a_symptom_after_finished_work_is_a_bug_report():
    (found,) = find(
        conversation("the button still does nothing when I click it, it crashes", "I see the issue.")
    )
    assert found.kind is Kind.BUG_REPORT
    assert not found.durable


def test_the_first_request_of_a_session_is_no_disagreement():
    asked = Turn(0, "human", "the login is broken, please fix the error", 1, uuid="u0")
    reply = Turn(1, "assistant", "Let me look.", 2, kind=TurnKind.REPLY)
    assert not find(Session("s", "s.jsonl", (asked, reply)))


@pytest.mark.parametrize("version", VERSIONS)
def test_in_a_real_transcript_the_disagreement_stands_at_its_line(tmp_path, version):
    talk = (
        Transcript(version)
        .typed("tidy the helpers")
        .tool("Edit", file_path="/p/a.py")
        .says("Done, all tests pass.")
    )
    talk.typed("no, you broke it. never edit the generated files, edit the templates instead")
    line, uuid = talk.line, talk.last
    talk.says("You're right, sorry. I'll revert that.").tool("Edit", file_path="/p/a.py")
    read = transcript.read(talk.write(tmp_path / "s.jsonl"))
    (found,) = find(read)
    assert (found.evidence.line, found.evidence.uuid) == (line, uuid)
    assert taught(read) == ["Never edit the generated files, edit the templates instead"]


def test_a_comment_on_a_refused_tool_is_found(tmp_path):
    talk = (
        Transcript()
        .typed("fill the tables")
        .says("I'll run the seed.")
        .tool("Bash", command="psql prod < seed.sql")
    )
    talk.denied("no, never the production database! use the test database")
    line = talk.line
    talk.says("Understood. Let me use the test database.").tool("Bash", command="psql test < seed.sql")
    (found,) = find(transcript.read(talk.write(tmp_path / "s.jsonl")))
    assert (found.evidence.line, found.confidence >= DRAFT_AT) == (line, True)


def test_words_of_machines_never_fire(tmp_path):
    wrong = "No, that is wrong! Never do that again, you broke it. Always use tabs instead."
    talk = Transcript().typed("hello").says("Done.").tool("Edit", file_path="/p/a.py").result(wrong)
    talk.meta(wrong).notified(wrong).teammate(wrong).compacted(wrong).subagent(wrong).handoff(wrong)
    talk.says("You're right, sorry. Let me fix that.").command("model", stdout=wrong).suggested(wrong)
    talk.tool("Bash", command="ls").denied(clarify=True).raw(
        b'{"type":"summary","summary":"' + wrong.encode() + b'"}'
    )
    assert not find(transcript.read(talk.write(tmp_path / "s.jsonl")))


def test_a_turn_of_a_machine_is_skipped_whatever_it_says():
    text, reply, _ = SCENES["en"]
    assert find(conversation(text, reply))
    assert not find(conversation(text, reply, origin=Origin.MACHINE))
    assert not find(dataclasses.replace(conversation(text, reply), automated=True))


def test_a_fork_keeps_the_ids(tmp_path):
    talk = (
        Transcript()
        .typed("hi")
        .tool("Edit", file_path="/p/a.py")
        .says("Done.")
        .typed("no, that is wrong, revert it")
        .says("Sorry!")
    )
    first = find(transcript.read(talk.write(tmp_path / "a.jsonl")))
    other_session = talk.data().replace(b'"sessionId":"5e55104e', b'"sessionId":"f08ced00')
    (tmp_path / "b.jsonl").write_bytes(other_session)
    assert [one.id for one in first] == [one.id for one in find(transcript.read(tmp_path / "b.jsonl"))]
    assert len(first) == 1
    assert len(first[0].id) == 16


def test_a_turn_that_was_sent_again_at_once_is_one():
    text, reply, _ = SCENES["en"]
    session = conversation(text, reply)
    again = dataclasses.replace(session.turns[2], index=3, line=9, uuid="u9", interrupted=True)
    turns = (*session.turns[:3], again, dataclasses.replace(session.turns[3], index=4))
    (found,) = find(dataclasses.replace(session, turns=turns))
    assert found.evidence.uuid == "u9"


def test_a_request_that_comes_in_a_second_session_is_durable():
    session = conversation(
        "hmm, the report tables need thousands separators", "You're right, I'll change that."
    )
    (once,) = find(session)
    earlier = {"another": "the report tables need thousands separators"}
    (twice,) = find(session, recurring=lambda: earlier)
    assert (once.durable, twice.durable) == (False, True)
    assert once.id == twice.id
    (forked,) = find(session, recurring=lambda: {once.id: once.evidence.quote})
    assert not forked.durable  # the same saying, in a fork or a branch of its session


@pytest.mark.parametrize("launched", [True, False])
def test_the_order_that_opens_each_session_is_no_rule(launched, tmp_path):
    order = "Write the monthly report of the northern region"
    t = Transcript().typed("hello").says("Hello.") if launched else Transcript()
    t = t.typed(order)
    t = (t.skill("research", "/r/SKILL.md") if launched else t).says("Formatted.").typed("thanks")
    _, lessons = detect.find(
        transcript.read(t.write(tmp_path / "s.jsonl")), recurring=lambda: {"another": order}
    )
    assert not [lesson for lesson in lessons if lesson.offered]


def test_a_symptom_that_comes_again_is_no_rule():
    session = conversation("still broken, the same error on save", "I see the issue.")
    (found,) = find(session, recurring=lambda: {"another": "still broken, the same error on save"})
    assert not found.durable


def test_a_turn_of_nothing_but_a_paste_quotes_nothing_of_it():
    log = 'Traceback (most recent call last):\n  File "a.py", line 1\nValueError: no such table'
    turns = (
        Turn(0, "human", "write the page", 1),
        Turn(1, "assistant", "Done.", 2, kind=TurnKind.REPLY, tools=(ToolUse("Edit", "a.py"),)),
        Turn(2, "human", "", 3, uuid="u3", pasted=(log,)),
        Turn(3, "assistant", "Sorry! I see the error, let me fix it.", 4, kind=TurnKind.REPLY),
    )
    (found,) = find(Session("s", "s.jsonl", turns))
    assert (found.evidence.quote, found.durable) == (ONLY_PASTED, False)
    assert not provenance.holds(turns[2], found.evidence.quote)  # so the gate takes it for nobody's words
    assert failed(
        provenance.check, "", insert("Use a table"), turn={"pasted": (log,)}, quote=ONLY_PASTED
    ) == {"origin!"}


def test_a_sentence_that_says_nothing_is_no_rule_however_sure_its_turn_is(monkeypatch):
    monkeypatch.setattr("skillloop.detect.disagreements.OFFER_AT", 0.0)
    _, lessons = detect.find(conversation("no, wrong. Oh dear. Put the imports at the top", "Moved."))
    offered = {lesson.text for lesson in lessons if lesson.offered}
    assert "Put the imports at the top" in offered
    assert "Oh dear" not in offered


def test_an_apology_adds_little_to_how_sure_it_is():
    sayings = "no, keep the heading under 40 letters."
    plain, sorry = (
        detect.find(conversation(sayings, answer))[0][0].confidence
        for answer in ("Shortened it.", "You're right, sorry about that. I should have done that.")
    )
    assert plain <= sorry <= plain + 0.15


@pytest.mark.parametrize("text", ["I don't like emdashes", "nein, keine Emojis bitte"])
def test_one_word_is_enough_for_what_is_forbidden(text):
    assert len(taught(conversation(text, "Removed."))) == 1
