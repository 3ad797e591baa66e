"""The section on detection."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from . import detect, pictures, words
from .cache import Kept
from .detect import OURS, Result
from .images import Annotated, in_sets, labelled_planes
from .page import folded, table

_SHOWN = 3
_WORST = 6


def section(images: Sequence[Annotated], kept: Kept, jobs: int, pictures_in: Path | None) -> str:
    """Measure, and return the section; draw where a folder for pictures is given."""
    if pictures_in is not None:
        labelled = labelled_planes(images)
        # Evenly spaced in order of name: not the best ones.
        shown = labelled[:: max(1, len(labelled) // _SHOWN)][:_SHOWN]
        pictures.draw(shown, pictures_in / "quality-peaks.png")
    results = detect.measure(images, kept, jobs)
    rows = detect.image_rows(images)
    return "\n".join(_parts(images, results, rows))


def _parts(
    images: Sequence[Annotated],
    results: dict[str, list[Result]],
    rows: Sequence[tuple[str, str, int, int, float]],
) -> Iterator[str]:
    yield words.text("detect")
    yield set_table(images, results)
    yield from leads(results)
    yield words.text("halves")
    yield halves_table(results)
    settings = [
        (group, each.method, each.setting, each.mean, *each.halves)
        for group, methods in results.items()
        for each in methods[1:]
    ]
    header = ("set", "peer", "best setting", "F1", "even", "odd")
    yield folded(
        "Peers, with the setting that is best for a set",
        words.text("settings") + "\n" + table(header, settings),
    )
    columns = ("image", "set", "points", "objects", "F1")
    worst = sorted(rows, key=lambda row: row[-1])[:_WORST]
    yield "### The images that it does worst on\n"
    yield table(columns, worst)
    yield folded(f"All {len(rows)} images", table(columns, rows))
    yield "## Time, beside `skimage.feature.blob_log`\n"
    yield (
        "Milliseconds, by shape: of `peak_local_max(image)` the median over the images of that "
        "shape, of `blob_log` with its own defaults one call. Peers at their best setting are "
        "slower or faster, as their setting is.\n"
    )
    times = detect.time_rows(images)
    cells = [(s, n, f"{a:.0f}", f"{b:.0f}", f"{b / a:.1f}") for s, n, a, b in times]
    factors = [b / a for _, _, a, b in times]
    yield table(("shape", "images", "adapool", "blob_log", "factor"), cells)
    yield f"Factor: {min(factors):.0f} to {max(factors):.0f}, median {np.median(factors):.1f}.\n"


def set_table(images: Sequence[Annotated], results: dict[str, list[Result]]) -> str:
    """F1 of each method on each set; in bold the best of a row."""
    names = list(dict.fromkeys(each.method for rows in results.values() for each in rows))
    sizes = {group: len(members) for group, members in in_sets(images).items()}
    rows = []
    for group, methods in results.items():
        means = {each.method: each.mean for each in methods}
        best = max(means.values())
        cells: list[Any] = [
            "-" if n not in means else f"**{means[n]:.3f}**" if means[n] == best else means[n]
            for n in names
        ]
        rows.append((group, sizes[group], *cells))
    return table(("set", "images", *names), rows)


def leads(results: dict[str, list[Result]]) -> Iterator[str]:
    """Say where adapool is behind, and by how much."""
    behind = []
    for group, (ours, *peers) in results.items():
        best = max(peers, key=lambda each: each.mean)
        if best.mean > ours.mean:
            behind.append(f"{group}: {best.method} by {best.mean - ours.mean:.3f}")
    if behind:
        yield "adapool is behind the best peer on " + "; ".join(behind) + ".\n"
    else:
        yield "adapool is ahead of every peer on every set.\n"


def halves_table(results: dict[str, list[Result]]) -> str:
    rows = []
    for group, (ours, *peers) in results.items():
        best = max(peers, key=lambda each: each.mean)
        rows.append((group, ours.mean, *ours.halves, best.method, best.mean, *best.halves))
    header = ("set", OURS, "even", "odd", "best peer", "its F1", "even", "odd")
    return table(header, rows)
