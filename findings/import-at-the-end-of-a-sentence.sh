#!/usr/bin/env bash
# Claude Code 2.1.332 (npm): "Follow @docs/style.md." in a CLAUDE.md or a rules file, the name at the end of its sentence.
# Guess: a full stop or comma behind the name ends it, as it does when the same words are typed as a prompt.
# Seen: it is taken for part of the name: nothing is imported, and nothing is said. So too before `,` `:` `;` `)` and
# `'s`, and in quotation marks or brackets; before a space, in bold type or in a heading it is imported.
source "$(dirname "$0")/lib/client.sh"
with_client <<'PY'
from client import claude, write

forms = {
    "space": "Follow @{} now.",
    "bold": "Follow **@{}**.",
    "heading": "# @{}",
    "full stop": "Follow @{}.",
    "comma": "Follow @{}, always.",
    "colon": "From @{}: the tone.",
    "semicolon": "Follow @{}; always.",
    "bracket": "Follow the style (see @{}).",
    "open bracket": "Follow (@{} now).",
    "quoted": 'Follow "@{}" now.',
    "possessive": "Follow @{}'s tone.",
}
paths = {form: f"docs/{form.replace(' ', '-')}.md" for form in forms}
for form, path in paths.items():
    write(path, f"SEEN {form}.\n")
text = "\n\n".join(line.format(paths[form]) for form, line in forms.items()) + "\n"


def seen(prompt="go"):
    """Return the forms whose file the model was sent."""
    _, sent = claude(prompt)
    return [form for form in forms if f"SEEN {form}." in sent]


typed = [form for form in forms if form in seen(forms[form].format(paths[form]))]
write("CLAUDE.md", text)
imported = seen()
write("CLAUDE.md", "Nothing.\n")
write(".claude/rules/a.md", text.replace("@docs", "@../../docs"))
assert imported == seen() == ["space", "bold", "heading"], imported
assert {"full stop", "comma"} < set(typed), typed
print("OK claude-code 2.1.332: CLAUDE.md imports:", imported, "- as a prompt the file comes with:", typed)
PY
