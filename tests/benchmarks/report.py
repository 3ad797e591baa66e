"""The tables of ``docs/benchmarks.md``, and its picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from .timing import machine, versions

OURS = "adapool"

# Of Okabe and Ito: told apart without red and green.
_COLOURS = ("#0072b2", "#d55e00", "#009e73")


class Row(NamedTuple):
    """What was measured of a case: the seconds of adapool and its peers, in this order."""

    group: str
    name: str
    best: Mapping[str, float]
    wanted: float


_HEAD = """# Benchmarks

Written by `PYTHONPATH=tests python -m tests.benchmarks`, after `pip install -e '.[test,bench]'`:
adapool and its peers on the same arrays in one process, two threads each, in turns, the best of
several after a warm-up; GMT in processes of its own. Times are milliseconds of whole public calls,
checks included. The ratio is the first peer's time over adapool's: above 1, adapool is faster.

{date}; {machine}; {versions}.
"""


def markdown(rows: list[Row], others: Iterable[str]) -> str:
    """Return the whole report."""
    parts = [_HEAD.format(date=date.today().isoformat(), machine=machine(), versions=versions())]
    parts += ["![How the cost grows](images/benchmarks.png)\n"]
    for group, members in groupby(rows, key=lambda row: row.group):
        parts.append(f"## {group}\n\n{table(list(members))}\n")
    return "\n".join([*parts, *others])


def table(rows: list[Row]) -> str:
    """Return the rows of one section."""
    peers = [name for name in rows[0].best if name != OURS]
    lines = [
        f"| | {OURS} | {' | '.join(peers)} | ratio | wanted |",
        "| --- |" + " ---: |" * (len(peers) + 3),
    ]
    for _, name, best, wanted in rows:
        ratio = best[peers[0]] / best[OURS]
        times = " | ".join(f"{1e3 * best[each]:.3g}" for each in (OURS, *peers))
        lines.append(f"| {name} | {times} | {ratio:.2f} | {wanted:g} |")
    return "\n".join(lines)


def picture(curves: Mapping[str, Mapping[str, list[tuple[float, float]]]], path: Path) -> None:
    """Draw one panel for each set of curves; their points are (x, milliseconds)."""
    # One below the other: side by side, nothing can be read on a telephone.
    figure = Figure(figsize=(6.4, 3.4 * len(curves)), layout="constrained")
    FigureCanvasAgg(figure)
    for axis, (title, lines) in zip(figure.subplots(len(curves)), curves.items(), strict=True):
        for (name, points), colour in zip(lines.items(), _COLOURS, strict=False):
            axis.plot(*zip(*points, strict=True), "o-", label=name, color=colour, markersize=4)
        axis.set(xscale="log", yscale="log", xlabel=title, ylabel="milliseconds")
        axis.set_xticks([x for x, _ in points])
        times = [time for points in lines.values() for _, time in points]
        # Few numbers where the axis spans decades, enough of them where it does not.
        fine = max(times) < 8 * min(times)
        axis.yaxis.set_major_locator(
            LogLocator(subs=(1, 1.5, 2, 3, 4, 5, 7) if fine else (1, 2, 5))
        )
        for along in (axis.xaxis, axis.yaxis):
            along.set_major_formatter("{x:g}")
            along.set_minor_locator(NullLocator())
        axis.grid(alpha=0.3)
        axis.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
