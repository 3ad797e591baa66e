"""The scan for sites, band by band: a band starts from what the ones before it have claimed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from adapool._backends import Array


@dataclass(frozen=True)
class Claims:
    """Sites that reach into bands to come, the oldest first.

    Attributes
    ----------
    positions, strides : (n, 3) array of int64
        Along plane, row, column; positions relative to the next band, strides cut to the image.
    numbers : (n,) array of int32
        -1 for a site without a window.
    count : int
        Sites with a window in all bands so far.
    """

    positions: Array
    strides: Array
    numbers: Array
    count: int

    @classmethod
    def none(cls) -> Claims:
        """Return what the first band starts from."""
        nothing = np.zeros((0, 3), np.int64)
        return cls(nothing, nothing, np.zeros(0, np.int32), 0)


@dataclass(frozen=True)
class Found:
    """The sites of a band, and the owners of its pixels.

    Attributes
    ----------
    positions, sizes, strides : (n, d) array of int64
        Positions in the whole image.
    owner : (plane, row, column) array of int32
    before : Claims
        What the band started from.
    after : Claims
        What the next one starts from.
    """

    positions: Array
    sizes: Array
    strides: Array
    owner: Array
    before: Claims
    after: Claims


def scan_band(
    params: Array, before: Claims, begin: int, volume: tuple[int, ...], limits: tuple[int, ...]
) -> Found:
    """Find the sites of a band of (1, plane, row, column, 2d) parameters that starts at `begin`."""
    axis = 3 - len(limits)
    band = params.shape[1 + axis]
    from adapool import cpu  # numba is imported here and not before

    claimed = (before.positions, before.strides, before.numbers) if len(before.numbers) else None
    positions, sizes, strides, kept, numbers, owner = cpu.find_sites_of_band(
        params, limits, claimed, before.count
    )
    still = before.positions[:, axis] + before.strides[:, axis] > band
    older = before.positions[still], before.strides[still], before.numbers[still]
    ends = positions[:, 0] + np.minimum(strides[:, 0], volume[axis])
    last = np.flatnonzero(ends > band)
    own = (
        _triples(positions[last], 0),
        np.minimum(_triples(strides[last], 1), np.array(volume)),
        numbers[last],
    )
    left = [np.concatenate(pair) for pair in zip(older, own, strict=True)]
    left[0][:, axis] -= band
    positions[:, 0] += begin
    if not kept.all():
        positions, sizes, strides = positions[kept], sizes[kept], strides[kept]
    count = before.count + len(positions)
    return Found(
        positions=positions,
        sizes=sizes,
        strides=strides,
        owner=owner,
        before=before,
        after=Claims(left[0], left[1], left[2], count),
    )


def _triples(array: Array, missing: int) -> Array:
    """Return (n, 3) of (n, d), with a plane where there is none."""
    return array if array.shape[1] == 3 else np.insert(array, 0, missing, axis=1)


def carried_values(found: Found, values: Array, carried: Array) -> Array:
    """Return the values of the sites in ``found.after``, given those in ``found.before``."""
    older = found.before.numbers
    everything = np.concatenate([carried, values])  # on a device, if they are there
    # Numbers grow from one site with a window to the next; those of earlier bands come first.
    place = np.searchsorted(older[older >= 0], found.after.numbers)
    newer = found.after.numbers >= found.before.count
    first = int((older >= 0).sum())
    place = np.where(newer, first + found.after.numbers - found.before.count, place)
    picked = place[found.after.numbers >= 0]
    result: Array = everything[np.asarray(picked, like=everything)]
    return result


def painted(found: Found, values: Array, carried: Array, fill: Any) -> Array:
    """Return (plane, row, column, ...) of the value of the site that owns each pixel."""
    older = found.before.numbers[found.before.numbers >= 0]
    first = len(older)
    nobody = np.full_like(values, fill, shape=(1, *values.shape[1:]))
    everything = np.concatenate([carried, values, nobody])
    place = found.owner.reshape(-1) - np.int32(found.before.count - first)
    # Few pixels belong to sites of earlier bands, or to nobody.
    others = np.flatnonzero(place < first)
    owner = found.owner.reshape(-1)[others]
    place[others] = np.where(owner < 0, len(everything) - 1, np.searchsorted(older, owner))
    place = place.reshape(found.owner.shape)
    result: Array = everything[np.asarray(place, like=everything)]
    return result
