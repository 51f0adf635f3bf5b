"""Let the site (mkdocs.yml) hold the pages that lie beside docs/, so that each stands once and reads well on GitHub too."""

from __future__ import annotations

import os.path
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parent.parent
BESIDE = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security-policy.md",
}
LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?:|mailto:|#)([^)#\s]*)(#[^)\s]*)?\)")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages from the root of the repository."""
    for name, place in BESIDE.items():
        files.append(File.generated(config, place, content=(ROOT / name).read_text("utf-8")))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turn links as GitHub follows them into links of the site; what the site does not hold is named without one."""
    here = {place: name for name, place in BESIDE.items()}.get(page.file.src_uri, f"docs/{page.file.src_uri}")

    def led(link: re.Match[str]) -> str:
        picture, label, to, anchor = link.groups("")
        target = os.path.normpath(os.path.join(os.path.dirname(here), to))  # noqa: PTH118, PTH120
        if not (ROOT / target).exists():
            return link[0]  # the build fails on it
        target += "/README.md" * (ROOT / target).is_dir()
        place = BESIDE.get(target, target.removeprefix("docs/"))
        if place == target:
            return label
        folder = os.path.dirname(page.file.src_uri) or "."  # noqa: PTH120
        return f"{picture}[{label}]({os.path.relpath(place, folder)}{anchor})"

    return LINK.sub(led, markdown)
