"""Self-contained HTML reports. The door to jinja2 for everything that a person opens in a browser.

Invariant: a report loads nothing: style and pictures (inline SVG) are in the file. Text from outside is escaped.
"""

from typing import Any

import jinja2

from skillloop.text.redact import shown


def render(template: str, **facts: Any) -> str:
    """Return a template of this folder, filled in; of text from outside nothing is hidden, and secrets are taken out."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("skillloop", "report/templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=lambda value: shown(value) if type(value) is str else value,  # markup is ours
    )
    return environment.get_template(template).render(**facts)
