"""The table of what ran, and how long it took."""

from __future__ import annotations

from collections.abc import Sequence

from adapool.demo.running import Timing

_HEADINGS = (
    "method", "input", "output", "dtype", "windows", "first ms", "second ms", "of it network"
)  # fmt: skip
# The columns before this one are words, to be read from the left; the others are numbers.
_NUMBERS_FROM = 4


def format_table(timings: Sequence[Timing]) -> str:
    """Lay the timings out in columns, one method to a line."""
    rows = [_HEADINGS, *map(_cells, timings)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [_line(row, widths) for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def _cells(timing: Timing) -> tuple[str, ...]:
    return (
        timing.method,
        _shape(timing.input),
        _shape(timing.output),
        str(timing.dtype),
        str(timing.windows),
        f"{timing.first_ms:.1f}",
        f"{timing.second_ms:.1f}",
        f"{timing.network_ms:.1f}",
    )


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        cell.rjust(width) if column >= _NUMBERS_FROM else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "  ".join(padded).rstrip()
