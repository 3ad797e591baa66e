"""Images of labels: how large each is and where, and one drawn over another."""

from __future__ import annotations

from typing import Any

import numpy as np

from adapool._jit import kernel


def volumes(labels: Any, count: int) -> Any:
    """Return how many pixels each of so many labels has."""
    out = np.zeros(count, np.int64)
    _count(labels.reshape(-1), out, work=0)
    return out


@kernel
def _count(labels: Any, out: Any) -> None:
    for index in range(len(labels)):
        if labels[index] > 0:
            out[labels[index] - 1] += 1


def bounds(labels: Any, count: int) -> tuple[Any, Any]:
    """Return the first and the last position, and one more, of each label: two (n, 3) arrays."""
    low, high = np.full((count, 3), max(labels.shape), np.int64), np.zeros((count, 3), np.int64)
    _bound(labels, low, high, work=0)
    return low, high


@kernel
def _bound(labels: Any, low: Any, high: Any) -> None:
    planes, rows, columns = labels.shape
    for z in range(planes):
        for y in range(rows):
            line = labels[z, y]
            for x in range(columns):
                number = line[x] - 1
                if number >= 0:
                    first, last = low[number], high[number]
                    first[0], last[0] = min(first[0], z), z + 1
                    first[1], last[1] = min(first[1], y), max(last[1], y + 1)
                    first[2], last[2] = min(first[2], x), max(last[2], x + 1)


@kernel
def draw(
    labels: Any,
    depth: Any,
    numbers: Any,
    planes: Any,
    rows: Any,
    columns: Any,
    drawn: Any,
    depths: Any,
) -> None:
    """Draw labels whose number is not 0 over `drawn`, as that number, and their depths.

    `planes`, `rows` and `columns` tell which pixel of `labels` each position shows.
    """
    for z in range(len(planes)):
        for y in range(len(rows)):
            line, deep = labels[planes[z], rows[y]], depth[planes[z], rows[y]]
            own, values = drawn[z, y], depths[z, y]
            for x in range(len(columns)):
                number = numbers[line[columns[x]]]
                if number > 0:
                    own[x] = number
                    values[x] = deep[columns[x]]


@kernel
def trim(labels: Any, steps: Any, most: Any) -> None:
    """Take from each label what it reached in more steps than it may have; both are flat."""
    for index in range(len(labels)):
        if steps[index] > 0 and steps[index] > most[labels[index] - 1]:
            labels[index] = 0
