"""The lesson: the person's sentence without its pleasantries, or none."""

import pytest
from helpers.sessions import first_rule
from hypothesis import given
from hypothesis import strategies as st

from skillloop.detect import lesson as lessons
from skillloop.gate import fidelity

LESSONS = {
    "I told you to use pnpm, not npm. Please do that in this repo": "Use pnpm, not npm",
    "no man... don't join paths outside of paths.py": "Don't join paths outside of paths.py",
    "Good, but don't put comments into shell snippets. People copy them.": "Don't put comments into shell snippets",
    "sorry to stop you, I wanted to remind you to always run the specs locally": "Always run the specs locally",
    "user_id must always come from the session": "user_id must always come from the session",
    "no emojis in the docs please": "No emojis in the docs",
    "I don't want you to create summary files after each task": "Do not create summary files after each task",
    "I prefer early returns over nested ifs": "Prefer early returns over nested ifs",
    "in this repo we never store money as float, always cents": "Never store money as float, always cents",
    "te dije que nunca hagas commit directo a main": "Nunca hagas commit directo a main",
    "schon wieder! Lies die Datei, bevor du sie änderst": "Lies die Datei, bevor du sie änderst",
    "à partir de maintenant, écris les tests d'abord": "Écris les tests d'abord",
    "de novo isso! lê o arquivo antes de mexer": "Lê o arquivo antes de mexer",
    "ti avevo detto di non aggiungere dipendenze senza chiedere": "Non aggiungere dipendenze senza chiedere",
    "с этого момента сначала пиши тесты": "Сначала пиши тесты",
    "我说过不要随便加依赖": "不要随便加依赖",
    "今後は先にテストを書いてください": "先にテストを書いてください",
    "ffs, for next time: pin the image tags": "Pin the image tags",
    "new house rule: every chart names its source": "Every chart names its source",
    "neue Regel: jede Tabelle nennt ihre Quelle": "Jede Tabelle nennt ihre Quelle",
    "dos cosas: usa siempre comillas dobles": "Usa siempre comillas dobles",
    "from now on also lint the examples": "Also lint the examples",
    "also never rename a public field": "Never rename a public field",
    "could you please leave the licence header alone in generated files?": "Leave the licence header alone in generated files",
    "Peux-tu toujours citer la page ?": "Toujours citer la page",
    "Would you mind leaving the licence header alone?": "Leave the licence header alone",
    "do you mind putting the date last?": "Put the date last",
    "Would you mind not naming the sponsors?": "Do not name the sponsors",
    "The map belongs in plans/map.svg, not in img/map.svg": "The map belongs in plans/map.svg, not in img/map.svg",
    "any chance you could keep the captions short?": "Keep the captions short",
    "I'd rather have the totals in the first row": "Have the totals in the first row",
    "I'll check the seals myself, you fill the form": "Do not check the seals; the person does it, you fill the form",
    "I'll restart the worker myself after a deploy": "Do not restart the worker; the person does it after a deploy",
    "still way too wordy, I only need two sentences": "Only two sentences",
    "we squash when we merge": "Squash when we merge",
    "let's go with #4, though can we stick to two reviewers?": "Stick to two reviewers",
    "you can sign the tags yourself": "You can sign the tags yourself",
    "before you commit run the tests": "Before you commit run the tests",
    "There is a new page in the wiki make sure you cite its date": "Cite its date",
    "yes, let's do this, make a new branch, make small commits": "Make a new branch, make small commits",
    "maybe just write a script each time": "Write a script each time",
    "we never embed fonts": "Never embed fonts",
    "nigdy nie commituj na main": "Nigdy nie commituj na main",
    "the margins are off. in general please stop centring the captions. then print it": "Stop centring the captions",
    "never vendor a font - unless the licence says so": "Never vendor a font - unless the licence says so",
    "my colour scheme rules, never nest emdashes": "Never nest emdashes",
    "I do not want to sign my tags anymore.": "Do not sign my tags anymore",
    "fine-grained commits please": "Fine-grained commits",
    "I don't need you to explain each step": "Do not explain each step",
    "next time we deploy, run the smoke test first": "When we deploy, run the smoke test first",
    "We don't want a mock in the end-to-end tests": "No mock in the end-to-end tests",
    "I'd rather not have emojis in the headings": "No emojis in the headings",
    "Next time you move a file, let me review it first.": "When you move a file, let me review it first",
    "you shouldn't touch the vendored folder": "Do not touch the vendored folder",
    "I think it's better to store dates in UTC": "Store dates in UTC",
    "it would be better not to cache the tokens": "Do not cache the tokens",
    "we're using vitest, not jest": "Use vitest, not jest",
    "now let's use one logger across the packages": "Use one logger across the packages",
    "let's not rename public fields": "Do not rename public fields",
    "LGTM, keep the plan in the ticket": "Keep the plan in the ticket",
    "alright, for each endpoint I'd like a table": "For each endpoint I'd like a table",
    "two tables: 1. the totals 2. the errors": "Two tables: 1. the totals 2. the errors",
    "wir brauchen keine Kommentare im Beispiel": "Keine Kommentare im Beispiel",
    "ich möchte, dass du immer zuerst den Plan zeigst": "Ich möchte, dass du immer zuerst den Plan zeigst",
    "lass uns lieber Tabellen verwenden": "Tabellen verwenden",
    "ici on n'utilise jamais npm": "N'utilise jamais npm",
    "aquí no usamos jQuery": "No uses jQuery",
    "qui usiamo sempre poetry": "Usa sempre poetry",
    "hier gebruiken we geen spaties": "Gebruik geen spaties",
    "мы не используем npm": "Не используй npm",
    "nie używamy skrótów": "Nie używaj skrótów",
    "eu quero que você sempre rode os testes": "Sempre rode os testes",
    "我希望每次都先看到改动": "我希望每次都先看到改动",
    "we should name each chart after its source": "Name each chart after its source",
    "dont forget to sign the archive and not the draft": "Sign the archive and not the draft",
    "its better not to copy the archive around": "Do not copy the archive around",
    "you don't have access to the printer here": "You don't have access to the printer here",
    "deberíamos usar una sola paleta": "Usar una sola paleta",
    "no olvides actualizar el índice": "Actualizar el índice",
    "quiero que siempre muestres los totales": "Quiero que siempre muestres los totales",
    "devemos usar uma paleta só": "Usar uma paleta só",
    "não se esqueça de assinar os pacotes": "Assinar os pacotes",
    "preciso que ajuste apenas o relatório": "Ajuste apenas o relatório",
    "preciso que as somas sejam feitas no banco": "As somas devem ser feitas no banco",
    "as mensagens devem estar em português": "As mensagens devem estar em português",
    "on devrait utiliser une seule palette": "Utiliser une seule palette",
    "n'oubliez pas de signer les paquets": "Signer les paquets",
    "dovremmo usare una sola palette": "Usare una sola palette",
    "non dimenticare di aggiornare l'indice": "Aggiornare l'indice",
    "wir sollten nur eine Palette verwenden": "Nur eine Palette verwenden",
    "vergiss nicht, den Index zu aktualisieren": "Den Index aktualisieren",
    "zeig bitte immer die Summe": "Zeig immer die Summe",
    "we moeten één palet gebruiken": "Één palet gebruiken",
    "powinniśmy używać jednej palety": "Używać jednej palety",
    "нам нужно использовать одну палитру": "Использовать одну палитру",
    "не забывай подписывать пакеты": "Подписывать пакеты",
    "然后我们应该避免用缩写": "避免用缩写",
    "别忘了更新索引": "更新索引",
    # behind a frame or a condition, too
    "At the start of each month, please print the totals": "At the start of each month, print the totals",
    "in tests, we use fixtures and not mocks": "In tests, use fixtures and not mocks",
    "when you add a page, don't forget to add it to the index": "When you add a page, add it to the index",
    "if a test is flaky, I want you to quarantine it": "If a test is flaky, quarantine it",
    "когда меняешь схему, пожалуйста, обновляй экспорт": "Когда меняешь схему, обновляй экспорт",
    "add to CLAUDE.md that we never squash": "Never squash",
    "no leave the footer alone": "Leave the footer alone",
    "no always use tabs": "Always use tabs",
    "no use tabs": "Use tabs",
    "before pushing ask me": "Before pushing ask me",
    "you should've asked me first": "Ask me first",
    "I'd like tests to use real data": "Tests should use real data",
    "we want real data in tests": "Real data in tests",
    "it's important that tests use real data": "Tests use real data",
    "I didn't ask you to push": "Do not push",
    "there is no docker here": "There is no docker here",
    "the client is called Berta, not Bertha": "The client is called Berta, not Bertha",
    "you're not allowed to touch the migrations": "Do not touch the migrations",
    "I expect a test for every fix": "A test for every fix",
    "tu n'as pas accès au serveur": "Tu n'as pas accès au serveur",
    "i nomi delle colonne devono essere in inglese": "I nomi delle colonne devono essere in inglese",
    "你没有服务器的权限": "你没有服务器的权限",
}


@pytest.mark.parametrize("text", LESSONS)
def test_a_lesson_is_the_sentence_without_its_pleasantries(text):
    lesson = first_rule(text)
    assert lesson.text == LESSONS[text]
    assert lesson.quote in text
    assert fidelity.novel_words(lesson.text, text)[0] == []
    assert not fidelity.made_up(lesson.text, text, "")


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("Two things: sort the rows by date, and never hide a column.", {"Sort the rows by date", "Never hide a column"}),
        ("zwei Dinge: sortiere nach Datum, und lösche nie eine Spalte", {"Sortiere nach Datum", "Lösche nie eine Spalte"}),
        ("We use bun here, never npm. Always run bun test.", {"Use bun here, never npm", "Always run bun test"}),
        ("不对，不要直接提交到 main，一定要先开分支", {"不要直接提交到 main，一定要先开分支"}),
        ("Deploy on Mondays, and never without a changelog", {"Deploy on Mondays, and never without a changelog"}),
    ],
)  # fmt: skip
def test_all_rules_of_a_turn_are_drawn_but_what_limits_one_stays_with_it(text, lines):
    assert {rule.text for rule in lessons.rules(text)} == lines


@pytest.mark.parametrize(
    ("text", "line", "look"),
    [
        # the sentence before is the rule
        ("Please drop the badges from the readmes. We don't want them in this repo.", "Drop the badges from the readmes", ()),
        # it is not, but names one thing that it can mean
        ("You wrote badges again. We don't use them in this repo.", "Don't use badges in this repo", ("“them” was read as “badges”",)),
        # it only says where to write down the sentence before
        ("The shop opens at ten. Put that into AGENTS.md so we know.", "The shop opens at ten", ()),
        ("The archive moves on Fridays. Add this to CLAUDE.md so nobody forgets.", "The archive moves on Fridays", ()),
        # nobody can tell
        ("You wrote badges and logos again. We don't use them.", "Don't use them", ("points back: “them”",)),
        ("Never do that in a migration", "Never do that in a migration", ("points back: “that”",)),
        ("Never close a letter to a client like that", "Never close a letter to a client like that", ("points back: “like that”",)),
        ("それらを使わないでください", "それらを使わないでください", ("points back: “それら”",)),
        ("Read the whole file before you edit it", "Read the whole file before you edit it", ()),
    ],
)  # fmt: skip
def test_a_line_that_points_back_gets_its_noun_or_is_marked_for_a_look(text, line, look):
    rule = first_rule(text)
    assert (rule.text, rule.look) == (line, look)
    assert rule.quote in text


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("why didn't you read the style guide first?", "Read the style guide first"),
        ("Why are you writing Javascript?", "Stop writing Javascript"),
        ("can't you just pull from the archive?", "Pull from the archive"),
        ("为什么不用uv？", "用uv"),
        ("what about using tables instead of lists?", "Use tables instead of lists"),
        ("why don't we keep one log?", "Keep one log"),
        ("why did you push without asking?", "Do not push without asking"),
        ("pourquoi ne pas utiliser des tableaux ?", "Utiliser des tableaux"),
        ("¿por qué no usar tablas?", "Usar tablas"),
        ("почему бы не использовать таблицы?", "Использовать таблицы"),
    ],
)
def test_a_reproach_that_asks_is_a_rule_that_a_person_must_look_at(text, line):
    rule = lessons.rules(text)[0]
    assert (rule.text, rule.look) == (line, (lessons.ASKED,))


@pytest.mark.parametrize(
    "text",
    [
        "did you break the tests?",
        "don't you see the error?",
        "you always jump straight to code",  # the complaint, turned into a rule, would ask for the opposite
        "siempre me dejas imports sin usar",
        "du machst immer alles auf einmal",
        "why did you never run the tests?",
        "/home/ana/project/app.py:12 is wrong, never do that",
        "we don't want to waste time",
        "We're using the wrong branch",
        "we're not using docker yet",
        "I don't want you to not run the tests",
        "I don't want to have to ask twice",
        "we do not want users to see stack traces",
        "you shouldn't need to restart it",
        "I want to see if it works",
        "let's keep going",
        "we're using way too many mocks",
        "we use too many mocks",
        "we forget the changelog every time",
        "I'd love to see you stop using mocks",
        "I hate no tests",
        "we can't find the config",
        "I want to go home",
        "I only need this once",
        "I only want you to fix the header",
        "we ship broken code when nobody runs the tests",
        "we never had tests for that",
        "we always ended up with two copies",
        "nunca tuvimos pruebas para eso",
        "wir hatten nie Tests dafür",
        "мы никогда не писали тесты",
        "I never said that",
        "it never loaded before",
        "never mind",
        "`total := never(sum)`",
        "can we ship it?",
        "that may be right, but let me first ask the printer",
        "don't worry about the colours",
        "the root is always the folder where it was started",
        "TypeError: never gonna work",
        "cp: no such file or directory",
        "if so, that's bad and we should never commit it",  # without its question it says nothing
        "always look at the log (which you",
        "não o gráfico, eu quis dizer a tabela dos pedidos",  # what was meant belongs to one request
        "great work",
        "bash: pandas: command not found",
        "falscher Ordner, ich meinte den mit den Vorlagen",
        "why not go home?",
        "no wait",
        "// instead of this",
        "there is no error here",
        "it's called from the server",
        "I expect it to fail",
        "as usual",
        "ok",
    ],
)
def test_what_is_a_complaint_a_question_or_of_the_day_is_no_lesson(text):
    assert first_rule(text) is None


@given(
    st.lists(st.sampled_from([*LESSONS, "ok.", "why?", "…", "\n", " - ", "請", "no, "]), max_size=5),
    st.sampled_from([" ", "", ", ", ". ", "\n"]),
)
def test_a_quote_is_always_a_span_and_a_lesson_in_its_words(parts, between):
    text = between.join(parts)
    lesson = first_rule(text)
    if lesson is not None:
        assert lesson.quote in text
        assert fidelity.novel_words(lesson.text, lesson.quote)[0] == []


def test_the_rule_is_the_sentence_that_lasts_not_the_one_about_today():
    text = "The second chart is blue. Always label the axes with their units. Then go on."
    assert first_rule(text).text == "Always label the axes with their units"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("you forgot the tests again, always write one first", "Always write one first"),
        ("One thing though — can we use tabs instead of blanks?", "Use tabs instead of blanks"),
        ("can we please stop mocking the clock?", "Stop mocking the clock"),
        (
            "ultrathink sort the imports and never touch the lock file",
            "Sort the imports and never touch the lock file",
        ),
        ("think harder: one import a line", "One import a line"),
        ("Keep in mind: the archive is read only", "The archive is read only"),
        ("ah, and never quote the draft", "Never quote the draft"),
        ("put that into AGENTS.md: the archive is read only", "The archive is read only"),
        ("save to memory: the archive is read only", "The archive is read only"),
        ("I don't want to see any banners in your replies", "No banners in your replies"),
        ("as a rule I want handlers to have a docstring", "Handlers should have a docstring"),
        ("after merging always delete the branch", "After merging always delete the branch"),
        ("it's our convention to name branches after tickets", "Name branches after tickets"),
        ("du hast es vergessen, schreib immer zuerst einen Test", "Schreib immer zuerst einen Test"),
        ("that's wrong, use the logger and not print", "Use the logger and not print"),
        ('don\'t call them "users"', 'Don\'t call them "users"'),
    ],
)
def test_what_was_done_falls_off_and_quotation_marks_stay_whole(text, rule):
    assert first_rule(text).text == rule


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        ("Don't list the prices, I told you twice already.", "Don't list the prices"),
        ("I told you: NO PRICES in the menu, damn it!!", "NO PRICES in the menu"),
        ("Never list prices, for the third time!", "Never list prices"),
        ("And from me: sort the dishes by price", "Sort the dishes by price"),
        ("Alert me when a check fails for the third time", "Alert me when a check fails for the third time"),
        ("Do not repeat what I told you before", "Do not repeat what I told you before"),
        ("Keine Preise nennen, das habe ich dir schon zweimal gesagt.", "Keine Preise nennen"),
        ("Ne mets pas les prix, je te l'ai déjà dit.", "Ne mets pas les prix"),
        ("No pongas precios, ya te lo dije.", "No pongas precios"),
        ("Non mettere prezzi, te l'ho già detto!", "Non mettere prezzi"),
        ("Geen prijzen noemen, verdomme!", "Geen prijzen noemen"),
        ("Não coloque preços, já te disse.", "Não coloque preços"),
        ("Не указывай цены, я же говорил.", "Не указывай цены"),
    ],
)
def test_a_scolding_or_a_curse_falls_off_with_its_comma(said, rule):
    assert lessons.trim(next(iter(lessons.sentences(said)))) == rule
