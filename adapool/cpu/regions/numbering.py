"""Which pixels belong to which region: labels of any numbers become 0, 1, 2, and so on."""

from __future__ import annotations

from typing import Any

import numpy as np

from adapool._jit import device, kernel


@device
def _part(task: int, parts: int, size: int) -> tuple[int, int]:
    """Begin and end of one of some parts of a row of elements."""
    return task * size // parts, (task + 1) * size // parts


@kernel
def number(task: int, labels: Any, lowest: Any, highest: Any, owner: Any) -> None:
    """Give pixels their labels less one, and find the least and the largest label.

    One loop at vector speed. Noting in it which labels there are took four times as long.

    Parameters
    ----------
    labels : (pixel,) array of integers
    lowest, highest : (tasks,) arrays of that dtype
        Get the extremes of each part.
    owner : (pixel,) array of int32
        Gets labels less one, as far as 32 bits go.
    """
    begin, end = _part(task, lowest.size, labels.size)
    given, own = labels[begin:end], owner[begin:end]
    low = high = given[0]
    for i in range(given.size):
        label = given[i]
        low, high = min(low, label), max(high, label)
        own[i] = np.int32(label) - np.int32(1)
    lowest[task], highest[task] = low, high


@kernel
def mark(task: int, parts: int, owner: Any, seen: Any) -> None:
    """Set `seen`, uint8, for the numbers that occur; several tasks may write the same."""
    begin, end = _part(task, parts, owner.size)
    last = np.int32(-1)
    for i in range(begin, end):
        own = owner[i]
        if own != last:
            last = own
            if own >= 0:
                seen[own] = 1


@kernel
def renumber(task: int, parts: int, ranks: Any, owner: Any, renumbered: Any) -> None:
    """Give the pixels that have an owner its rank."""
    begin, end = _part(task, parts, owner.size)
    for i in range(begin, end):
        own = owner[i]
        renumbered[i] = own if own < 0 else ranks[own]


@kernel
def rank(task: int, parts: int, labels: Any, distinct: Any, owner: Any) -> None:
    """Give pixels the rank of their label among `distinct`, which rise; -1 for no label.

    A label is looked up where it differs from the one before it.
    """
    begin, end = _part(task, parts, labels.size)
    own = np.int32(-1)
    for i in range(begin, end):
        label = labels[i]
        if i == begin or label != labels[i - 1]:
            first, last = 0, distinct.size
            while first < last:
                middle = (first + last) // 2
                if distinct[middle] < label:
                    first = middle + 1
                else:
                    last = middle
            known = first < distinct.size and distinct[first] == label
            own = np.int32(first) if known else np.int32(-1)
        owner[i] = own
