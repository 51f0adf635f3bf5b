"""Ask a SKILL.md whether it may be written."""

from skillloop.errors import SkillloopError
from skillloop.fs import open_skill


def why_not_editable(path):
    """Return why skillloop must not write this SKILL.md, in a sentence for a person, or None where it may."""
    try:
        with open_skill(path) as skill:
            skill.check_editable()
    except SkillloopError as error:
        return f"{error.message}: {error.hint}" if error.hint else error.message
    return None
