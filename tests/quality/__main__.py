"""Measure on a folder of annotated images; print it, or write it to the documentation."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from pathlib import Path

from . import cache, page
from .images import load

_WHAT = {
    "detect": "one point for each object: F1 beside peers at their best setting",
    "regions": "own, fg, read, count and shape at one number of outputs for all",
    "pooling": "what fixed and adaptive pooling keep, and trained networks",
    "training": "what training through the pooling gains: small networks of torch",
}


def main(arguments: Sequence[str] | None = None) -> None:
    given = parser().parse_args(arguments)
    images = load(given.folder, given.sets)
    kept = cache.Kept(given.cache)
    pictures = page.DOCS / "images" if given.write else given.pictures
    begin = time.perf_counter()
    if given.what == "detect":
        from . import detect_page

        text = detect_page.section(images, kept, given.jobs, pictures)
    elif given.what == "regions":
        from . import regions_page

        text = regions_page.section(images, kept, given.jobs, pictures)
    elif given.what == "pooling":
        from . import pooling_page

        text = pooling_page.section(images)
    else:
        from . import training_page

        text = training_page.section(images)
    print(text)
    print(f"{time.perf_counter() - begin:.0f} s")
    if given.write:
        page.write(page.DOCS / "quality.md", given.what, text)


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(prog="python -m tests.quality", description=__doc__)
    commands = result.add_subparsers(dest="what", required=True)
    for name, text in _WHAT.items():
        each = commands.add_parser(name, help=text, description=text)
        each.add_argument(
            "folder", type=Path, nargs="+", help="holds *_img with *_labels or *_points"
        )
        each.add_argument("--sets", type=Path, help="text file: pattern, set, polarity")
        each.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
        each.add_argument(
            "--cache", type=Path, default=cache.FOLDER, help="where results of peers are kept"
        )
        each.add_argument("--pictures", type=Path, help="folder to draw pictures into")
        each.add_argument("--write", action="store_true", help="into docs/quality.md")
    return result


if __name__ == "__main__":
    main()
