"""Measure everything; print it, and write it to the documentation."""

from __future__ import annotations

import argparse
from pathlib import Path

from . import pictures, report
from .images import load, nuclei

DOCS = Path(__file__).parents[2] / "docs"
_SHOWN = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="holds *_img and *_labels or *_points files")
    arguments = parser.parse_args()
    images = load(arguments.folder)
    parts = []
    for part in report.page(images):
        print(part, flush=True)
        parts.append(part)
    # Evenly spaced in order of name: not the best ones.
    labelled = nuclei(images)
    shown = labelled[:: max(1, len(labelled) // _SHOWN)][:_SHOWN]
    pictures.draw(shown, DOCS / "images" / "quality-peaks.png")
    DOCS.joinpath("quality.md").write_text("\n".join(parts))


if __name__ == "__main__":
    main()
