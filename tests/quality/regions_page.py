"""The section on regions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from . import shapes, tasks, words
from .cache import Kept
from .counting import HALVINGS
from .images import Annotated, in_sets, labelled_planes
from .page import folded, table
from .partitions import LARGER
from .regions import CROP, METHODS, SHOWN, Scores, crops, measure

_HEADER = ("own", "small", "fg", "read", "count")
_NAMES = ("own", "fg", "read", "count")


def section(images: Sequence[Annotated], kept: Kept, jobs: int, pictures_in: Path | None) -> str:
    """Measure, and return the section; draw where a folder for pictures is given."""
    if pictures_in is not None:
        tasks.draw(pictures_in / "quality-tasks.png")
    return "\n".join(_parts(images, measure(images, kept, jobs)))


def _parts(
    images: Sequence[Annotated], results: dict[tuple[str, int], dict[str, Scores]]
) -> Iterator[str]:
    larger = ", ".join(f"{factor:g}" for factor in LARGER)
    yield words.text("tasks", halvings=HALVINGS, crop=CROP, larger=larger)
    groups = list(dict.fromkeys(group for group, _ in results))
    first = groups[0]
    yield f"### {first}, s = {SHOWN}\n"
    yield table(
        ("method", *_HEADER, "count, random halves"), _rows(results[first, SHOWN], shuffled=True)
    )
    yield f"### Every set, s = {SHOWN}\n"
    yield "The best of a column in bold.\n"
    for name in _NAMES:
        yield f"**{name}**" + (" (less is better)" if name == "count" else "") + "\n"
        yield by_set(results, groups, name)
    rest = [
        f"**{group}, s = {side}**\n\n" + table(("method", *_HEADER), _rows(results[group, side]))
        for group in groups
        for side in dict.fromkeys(side for _, side in results)
        if (group, side) != (first, SHOWN)
    ]
    yield folded("Every set, s = 8, 16 and 32", "\n".join(rest))
    yield words.text("shape")
    yield shape_table(images, first)


def _rows(scores: dict[str, Scores], shuffled: bool = False) -> list[tuple[Any, ...]]:
    rows = []
    for name, each in scores.items():
        cells = (each.own, each.small, each.fg, each.read, each.count)
        rows.append((name, *cells, each.shuffled) if shuffled else (name, *cells))
    return rows


def by_set(
    results: dict[tuple[str, int], dict[str, Scores]], groups: Sequence[str], name: str
) -> str:
    """One score of every method on every set."""
    sign = -1 if name == "count" else 1
    columns = []
    for group in groups:
        values = {m: float(getattr(each, name)) for m, each in results[group, SHOWN].items()}
        known = [value for value in values.values() if value == value]
        best = max(known, key=lambda value: sign * value) if known else None
        columns.append({m: f"**{v:.3f}**" if v == best else v for m, v in values.items()})
    return table(("method", *groups), [(m, *(each[m] for each in columns)) for m in METHODS])


def shape_table(images: Sequence[Annotated], group: str) -> str:
    members = crops(in_sets(labelled_planes(images))[group])
    found = shapes.measure((each.image, each.labels) for each in members)
    return table(
        (f"window, {group}", "IoU", "IoU, long objects", "maximum of another object"),
        [(name, *row) for name, row in found.items()],
    )
