"""The scan for sites, band by band: a band starts from what the ones before it have claimed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from adapool._backends import Array
from adapool._checks import predictions

_MOST_SITES = (1 << 31) - 1


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
    """Find the sites of the band of (1, plane, row, column, 2d) parameters that starts at `begin`.

    The band is scanned as if a line of pixels before it had sites whose strides are what earlier
    bands have claimed.
    """
    ndim = len(limits)
    axis = 3 - ndim
    band, params = params.shape[1 + axis], params[0]
    if params.dtype.kind == "f" and not np.isfinite(params[..., :ndim]).all():
        predictions.not_finite("param_network")
    from adapool import cpu  # numba is imported here and not before

    claimed, carried = cpu.carry_claims(
        before.positions, before.strides, before.numbers, axis, params.shape[:3]
    )
    line = np.ones((*claimed.shape, 2 * ndim), params.dtype)
    line[..., ndim] += np.minimum(claimed, band).astype(params.dtype)
    # Every site gets a window, so that those without one are found too.
    scanned = np.concatenate([line, params], axis=axis)
    scanned[..., :ndim] = 1
    positions, _, strides, owner = cpu.find_sites(scanned[np.newaxis], limits)

    own = positions[:, 0] > 0
    positions, strides = positions[own], strides[own]
    positions[:, 0] -= 1
    at = tuple(np.insert(positions, 0, 0, axis=1).T) if ndim == 2 else tuple(positions.T)
    sizes = _truncated(params[at][:, :ndim], np.array(limits))
    kept = (sizes >= 1).all(axis=1)
    count = before.count + int(kept.sum())
    if count > _MOST_SITES:
        predictions.too_many_sites("param_network", count)
    numbers = np.where(kept, before.count - 1 + np.cumsum(kept), -1).astype(np.int32)

    table = np.full(len(own), -2, np.int32)  # for the line before the band
    table[own] = numbers
    owner = table[np.delete(owner, 0, axis=axis)]
    owner = np.where(owner == -2, carried, owner)

    triples = [_triples(array, missing) for array, missing in ((positions, 0), (strides, 1))]
    triples[1] = np.minimum(triples[1], np.array(volume))
    left = [
        np.concatenate(pair)
        for pair in (
            (before.positions, triples[0]),
            (before.strides, triples[1]),
            (before.numbers, numbers),
        )
    ]
    reaching = left[0][:, axis] + left[1][:, axis] > band
    after = Claims(left[0][reaching], left[1][reaching], left[2][reaching], count)
    after.positions[:, axis] -= band
    positions[:, 0] += begin
    return Found(
        positions=positions[kept],
        sizes=sizes[kept],
        strides=strides[kept],
        owner=owner,
        before=before,
        after=after,
    )


def _triples(array: Array, missing: int) -> Array:
    """Return (n, 3) of (n, d), with a plane where there is none."""
    return array if array.shape[1] == 3 else np.insert(array, 0, missing, axis=1)


def _truncated(sizes: Array, limits: Array) -> Array:
    """Return sizes as int64, clipped to their limits; 0 for those below 1."""
    above = sizes >= limits
    whole = np.where(above | (sizes < 1), 0, sizes).astype(np.int64)
    return np.where(above, limits, whole)


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
    owner = found.owner
    place = np.where(
        owner >= found.before.count,
        first + owner - found.before.count,
        np.searchsorted(older, owner),
    )
    place = np.where(owner < 0, len(everything) - 1, place)
    result: Array = everything[np.asarray(place, like=everything)]
    return result
