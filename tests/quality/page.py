"""The page ``docs/quality.md``: sections, each of which a command writes anew."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import words

DOCS = Path(__file__).parents[2] / "docs"

# In the order of the page.
SECTIONS = ("head", "regions", "detect", "limits", "pooling", "training")


def table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a table in Markdown: numbers with three digits, `-` for what is not there."""
    lines = ["| " + " | ".join(header) + " |", "| --- |" + " ---: |" * (len(header) - 1)]
    lines += ["| " + " | ".join(map(cell, row)) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def cell(value: Any) -> str:
    if isinstance(value, float):
        return "-" if value != value else f"{value:.3f}"
    return str(value)


def folded(summary: str, text: str) -> str:
    return f"<details>\n<summary>{summary}</summary>\n\n{text}\n</details>\n"


def write(page: Path, section: str, text: str) -> None:
    """Replace a section of the page, and what is written by hand; the others stay."""
    known = sections_of(page.read_text()) if page.exists() else {}
    known |= {"head": words.text("head"), "limits": words.text("limits"), section: text}
    parts = [
        f"{mark(name)}\n\n{known[name].strip()}\n\n{mark('/' + name)}\n"
        for name in SECTIONS
        if name in known
    ]
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text("\n".join(parts))


def sections_of(text: str) -> dict[str, str]:
    """Return the sections of a page by their names."""
    found = {}
    for name in SECTIONS:
        between = re.escape(mark(name)) + "(.*)" + re.escape(mark("/" + name))
        if match := re.search(between, text, re.DOTALL):
            found[name] = match[1].strip()
    return found


def mark(name: str) -> str:
    return f"<!-- {name} -->"
