"""What is measured of regions, and how what was measured of parts of an image is put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adapool._backends import Array

REDUCTIONS = ("max", "min", "mean", "sum")
EXTREMA = ("max", "min")


@dataclass(frozen=True)
class Measured:
    """Measurements of n regions in some part of an image, in host memory.

    Attributes
    ----------
    values : (n, C) array, or (n, C, 2)
        Extrema; or sums in float64, each in two parts of which the second is what the first one
        lacks. With both, about 106 bits, the order in which pixels are added does not show.
    where : (n, C) array of int64, or (n, 0)
        Flat index of each extremum.
    areas : (n,) array of int64
        Pixels.
    sums, low, high : (n, 3) array of int64
        Sums of the coordinates of the pixels; the bounding box.
    """

    values: Array
    where: Array
    areas: Array
    sums: Array
    low: Array
    high: Array

    def finished(self, reduction: str) -> Array:
        """Return the values (n, C) of a reduction."""
        if reduction in EXTREMA:
            return self.values
        with np.errstate(invalid="ignore", over="ignore"):
            first, rest = self.values[..., 0], self.values[..., 1]
            # Infinity, and NaN, have no rest.
            total = np.where(np.isfinite(first), first + rest, first)
            return np.asarray(total if reduction == "sum" else total / self.areas[:, np.newaxis])

    def rows(self, chosen: Any) -> Measured:
        """Return the measurements of some of the regions."""
        return Measured(*(field[chosen] for field in self.fields))

    @property
    def fields(self) -> tuple[Array, ...]:
        """All arrays, in their order."""
        return self.values, self.where, self.areas, self.sums, self.low, self.high


def together(parts: Sequence[Measured], regions: Sequence[Array], n: int, reduction: str) -> Any:
    """Return the measurements of n regions, from those of parts of an image in raster order.

    `regions` has, for each part, the number of the region of each of its rows: each once.
    """
    first = parts[0]
    shapes = [(n, *field.shape[1:]) for field in first.fields]
    whole = Measured(
        *(np.zeros(shape, f.dtype) for shape, f in zip(shapes, first.fields, strict=True))
    )
    for part, at in zip(parts, regions, strict=True):
        new = whole.areas[at] == 0
        for mine, theirs in zip(whole.fields, part.fields, strict=True):
            mine[at[new]] = theirs[new]
        at, old = at[~new], part.rows(~new)
        if not len(at):
            continue
        whole.areas[at] += old.areas
        whole.sums[at] += old.sums
        whole.low[at] = np.minimum(whole.low[at], old.low)
        whole.high[at] = np.maximum(whole.high[at], old.high)
        if reduction in EXTREMA:
            _keep_better(whole, at, old, reduction == "min")
        else:
            whole.values[at] = _added(whole.values[at], old.values)
    return whole


def _keep_better(whole: Measured, at: Array, other: Measured, least: bool) -> None:
    """Keep the better of two extrema: NaN before numbers, the first one among equals."""
    mine, theirs = whole.values[at], other.values
    nan, their_nan = mine != mine, theirs != theirs
    better = theirs < mine if least else theirs > mine
    earlier = other.where < whole.where[at]
    wins = np.where(nan, their_nan & earlier, their_nan | better | ((theirs == mine) & earlier))
    whole.values[at] = np.where(wins, theirs, mine)
    whole.where[at] = np.where(wins, other.where, whole.where[at])


def _added(left: Array, right: Array) -> Array:
    """Add sums in two parts."""
    with np.errstate(invalid="ignore", over="ignore"):
        a, b = left[..., 0], right[..., 0]
        total = a + b
        part = total - a
        rest = (a - (total - part)) + (b - part) + left[..., 1] + right[..., 1]
    return np.stack([total, rest], axis=-1)
