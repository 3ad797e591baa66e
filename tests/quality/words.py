"""What is written by hand in ``docs/quality.md``: a file for each piece, in ``text/``."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).with_name("text")


def text(name: str, **values: object) -> str:
    """Return a piece, with values in its braces."""
    piece = _FOLDER.joinpath(f"{name}.md").read_text()
    return piece.format(**values) if values else piece
