"""Regions on a GPU. What is measured of them comes to the host, which makes sites of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from adapool._backends import Array
from adapool._checks import predictions
from adapool._regions import EXTREMA, Measured
from adapool.cuda import copying, grids
from adapool.cuda.arrays import DeviceArray
from adapool.cuda.memory import DeviceMemory
from adapool.cuda.regions import middles, numbering, pooling

_FAR = np.int64((1 << 63) - 1)


def find_regions(labels: DeviceArray) -> tuple[Array, DeviceArray]:
    """Find the regions of a label image (plane, row, column).

    Returns the distinct labels from 1 on, on the host, and for each pixel the rank of its own,
    int32; -1 for 0. Labels of up to as many as there are pixels are noted in one byte each, which
    are copied to the host, and their ranks back. Larger ones are sorted by the host, to which the
    image of labels is copied.
    """
    from adapool import cpu

    flat = labels.reshape(-1)
    owner = labels.empty(labels.shape, np.int32)
    wide = np.dtype(f"{flat.dtype.kind}8")
    extremes = copying.zeros(flat, 2, wide)
    grids.over_elements(numbering.number, flat.size, flat, flat, extremes, owner.reshape(-1))
    least, most = _extremes(extremes)
    if least < 0:
        predictions.negative_label("region_network", least)
    if most == 0:
        return np.zeros(0, wide), owner
    if most > flat.size:
        numbers, ranks = cpu.find_regions(labels.to_host(pinned=True))
        return numbers, labels.upload(ranks)
    seen = copying.zeros(flat, most, np.uint8)
    grids.over_elements(numbering.mark, flat.size, flat, owner.reshape(-1), seen)
    present = _seen(seen)
    if not present.all():
        owner = renumber_regions(owner, np.cumsum(present, dtype=np.int32) - np.int32(1))
    return np.flatnonzero(present) + 1, owner


def _extremes(extremes: DeviceMemory) -> tuple[int, int]:
    least, most = extremes.to_host().tolist()
    return least, most


def _seen(seen: DeviceMemory) -> Array:
    return seen.to_host(pinned=True) != 0


def renumber_regions(owner: DeviceArray, ranks: Array) -> DeviceArray:
    """Return owners by the ranks, int32, of their regions."""
    renumbered = owner.empty(owner.shape, np.int32)
    grids.over_elements(
        numbering.renumber, owner.size, owner,
        owner.upload(ranks), owner.reshape(-1), renumbered.reshape(-1),
    )  # fmt: skip
    return renumbered


def repeat_owners(owner: DeviceArray, channels: int) -> DeviceArray:
    """Return the owner of each pixel, once for each channel: (1, pixel, channel)."""
    repeated = owner.empty((owner.size, channels), np.int64)
    count = owner.size * channels
    grids.over_elements(numbering.repeat, count, owner, owner.reshape(-1), repeated)
    return repeated.reshape(1, owner.size, channels)


def pool_regions(
    image: DeviceArray,
    weights: DeviceArray | None,
    owner: DeviceArray,
    count: int,
    reduction: str,
    product: np.dtype[Any],
) -> Measured:
    """Measure the regions of a canonical image; products with weights are of dtype `product`."""
    channels = image.shape[-1]
    if weights is not None:
        copying.check_finite("attention_network", weights)
        products = image.empty(image.shape, product)
        grids.over_elements(
            pooling.multiply, image.size, image,
            image.reshape(-1), weights.reshape(-1), weights.shape[-1], products.reshape(-1),
        )  # fmt: skip
        image = products
    if count == 0:
        return _nothing(channels, reduction, product)
    given, own = image.reshape(-1), owner.reshape(-1)
    if reduction in EXTREMA:
        values, where = _extrema(given, channels, own, count, reduction == "min")
    else:
        totals = copying.zeros(image, count * channels, np.float64)
        grids.over_elements(pooling.add_values, _parts(own), image, given, totals, channels, own)
        first = totals.to_host().reshape(count, channels)
        values, where = np.stack([first, 0 * first], axis=-1), np.zeros((count, 0), np.int64)
    areas, boxes = _geometry(owner, count)
    sums, low, high = np.ascontiguousarray(boxes.reshape(-1, 3, 3).swapaxes(0, 1))
    return Measured(values, where, areas, sums, low, high)


def _nothing(channels: int, reduction: str, product: np.dtype[Any]) -> Measured:
    """Return the measurements of no regions."""
    extremum = reduction in EXTREMA
    triples = np.zeros((0, 3), np.int64)
    return Measured(
        np.zeros((0, channels) if extremum else (0, channels, 2), product),
        np.zeros((0, channels if extremum else 0), np.int64),
        np.zeros(0, np.int64),
        triples,
        triples,
        triples,
    )


def _parts(owner: DeviceArray) -> int:
    return -(-owner.size // pooling.SPAN)


def _extrema(
    given: DeviceArray, channels: int, owner: DeviceArray, count: int, least: bool
) -> tuple[Array, Array]:
    """Return the extrema (region, channel), and where they are."""
    kind, bits = given.dtype.kind, 8 * given.dtype.itemsize
    # Floats are compared by their bits, and integers as they are.
    patterns = given.view(f"i{given.dtype.itemsize}") if kind == "f" or bits == 64 else given
    keys = given.upload(np.full(count * channels, pooling.LOWEST, np.int64))
    where = given.upload(np.full(count * channels, _FAR, np.int64))
    chosen = (kind, bits, least)
    grids.over_elements(
        pooling.raise_keys(*chosen), _parts(owner), given, patterns, channels, owner, keys
    )
    grids.over_elements(
        pooling.find_keys(*chosen), owner.size, given, patterns, channels, owner, keys, where
    )
    values = given.empty((count * channels,), given.dtype)
    grids.over_elements(pooling.take, values.size, given, given, channels, where, values)
    shape = (count, channels)
    return values.to_host().reshape(shape), where.to_host().reshape(shape)


def _geometry(owner: DeviceArray, count: int) -> tuple[Array, Array]:
    """Return areas (region,), and (region, 9) of sums, lows and highs of coordinates."""
    areas = copying.zeros(owner, count, np.int64)
    boxes = owner.upload(np.tile(np.repeat([0, _FAR, 0], 3), count))
    grids.over_elements(
        pooling.measure, _parts(owner), owner, owner.reshape(-1), owner.shape, areas, boxes
    )
    return _numbers_of(areas), boxes.to_host().reshape(count, 9)


def _numbers_of(regions: DeviceMemory) -> Array:
    return regions.to_host()


def middle_pixels(owner: DeviceArray, measured: Measured) -> Array:
    """Return, for each region, the flat index of its pixel that is nearest to its centroid."""
    count = len(measured.areas)
    if count == 0:
        return np.zeros(0, np.int64)
    areas = owner.upload(measured.areas)
    sums = owner.upload(measured.sums.reshape(-1))
    bad = (np.full(count, value, np.int64) for value in (_FAR, -1, _FAR))
    found = [owner.upload(array) for array in bad]
    for stage in range(middles.STAGES):
        grids.over_elements(
            middles.nearest(stage), owner.size, owner,
            owner.reshape(-1), owner.shape, areas, sums, *found,
        )  # fmt: skip
    return _numbers_of(found[-1])
