"""Regions: number their pixels, measure them, and find their middles."""

from __future__ import annotations

import math

import numpy as np

from adapool._backends import Array
from adapool._checks import predictions
from adapool._jit import PARALLEL_FROM, threads_for
from adapool._regions import EXTREMA, Measured
from adapool.cpu.fixed.launch import check_finite
from adapool.cpu.regions import middles, numbering, pooling

# Parts that pixels, or regions, are shared out in: more than there are threads.
_PARTS = 64

# Labels that are taken for numbers as they are, present or not: so many, or one for so many pixels.
# Then the tables of measurements take less memory than owners.
_FEW_LABELS = 1 << 10
_PIXELS_PER_LABEL = 256

# The same in a part of an image: only the rows of labels that occur are ever written to. Making
# 20,000 labels compact, of which a quarter occurred, took 14 ms for a band of 1024 x 4096 pixels;
# measuring all of them took 6.6 and not 6.2.
_PIXELS_PER_LABEL_OF_PART = 32

# Bands of rows that sums are taken in, and pixels of an image for each row of all tables: 64 bands
# of tables of 5,000 regions, 29 MB, took 5 ms to be had from the system.
_SUM_BANDS = 16
_PIXELS_PER_ROW = 16

# Larger than any squared distance.
_FAR = np.int64(1) << 62


def find_regions(labels: Array, part: bool = False) -> tuple[Array, Array]:
    """Find the regions of a label image (plane, row, column).

    Returns labels from 1 on, in their order, and for each pixel the number of its own among them,
    int32; -1 for label 0. Of few labels these are all up to the largest one, even if some do not
    occur: their areas will tell. Otherwise labels are made compact. Up to the number of pixels
    they are noted in a byte each, which takes a pass, and another one if any is missing. Larger
    ones are sorted, where they change from pixel to pixel, and looked up: that takes six times as
    long as all the rest.

    Of a `part` of an image, in which most labels do not occur, more are taken as they are.
    """
    flat = labels.reshape(-1)
    owner = np.empty(labels.shape, np.int32)
    parts = min(_PARTS, flat.size)
    lowest, highest = np.empty((2, parts), flat.dtype)
    numbering.number(flat, lowest, highest, owner.reshape(-1), work=flat.size, tasks=parts)
    if lowest.min() < 0:
        predictions.negative_label("region_network", int(lowest.min()))
    most = int(highest.max())
    pixels = _PIXELS_PER_LABEL_OF_PART if part else _PIXELS_PER_LABEL
    if most <= max(_FEW_LABELS, flat.size // pixels):
        return np.arange(1, most + 1), owner
    if most <= flat.size:
        return _noted(owner, most)
    distinct = np.unique(flat[np.r_[True, flat[1:] != flat[:-1]]])
    distinct = distinct[distinct > 0]
    predictions.few_regions("region_network", len(distinct))
    numbering.rank(parts, flat, distinct, owner.reshape(-1), work=flat.size, tasks=parts)
    return distinct, owner


def _noted(owner: Array, most: int) -> tuple[Array, Array]:
    """Find regions whose labels are up to `most`, given owners that are labels less one."""
    seen = np.zeros(most, np.uint8)
    parts = min(_PARTS, owner.size)
    numbering.mark(parts, owner.reshape(-1), seen, work=owner.size, tasks=parts)
    distinct = np.flatnonzero(seen) + 1
    if len(distinct) < most:
        owner = renumber_regions(owner, np.cumsum(seen, dtype=np.int32) - np.int32(1))
    return distinct, owner


def renumber_regions(owner: Array, ranks: Array) -> Array:
    """Return owners by the ranks, int32, of their regions."""
    renumbered = np.empty_like(owner)
    parts = min(_PARTS, owner.size)
    numbering.renumber(
        parts, ranks, owner.reshape(-1), renumbered.reshape(-1), work=owner.size, tasks=parts
    )
    return renumbered


def repeat_owners(owner: Array, channels: int) -> Array:
    """Return the owner of each pixel, once for each channel: (1, pixel, channel)."""
    return owner.reshape(1, -1, 1).astype(np.int64).repeat(channels, axis=-1)


def pool_regions(
    image: Array,
    weights: Array | None,
    owner: Array,
    count: int,
    reduction: str,
    product: np.dtype[np.generic],
) -> Measured:
    """Measure the regions of a canonical image; products with weights are of dtype `product`."""
    if weights is not None:
        check_finite("attention_network", weights)
    least, channels = reduction == "min", image.shape[-1]
    # Extrema have the same bits however they are cut; of sums the cut must not follow the threads.
    threads = threads_for(image.size)
    most = _SUM_BANDS if reduction not in EXTREMA else 1 if threads == 1 else 4 * threads
    rows = _bands(owner.shape, count, most)
    bands = len(rows) - 1
    # Memory that is not written to is never taken: most regions lie in few bands.
    areas, boxes = np.zeros((bands, count), np.int64), np.zeros((bands, count, 9), np.int64)
    given = (
        image.reshape(-1),
        None if weights is None else weights.reshape(-1),
        1 if weights is None else weights.shape[-1],
    )
    place = (image.shape[1:], owner.reshape(-1), rows)
    parts = min(_PARTS, max(count, 1))
    united = bands * count * channels
    where = np.zeros((bands, count, 0), np.int64)
    if reduction in EXTREMA:
        values = np.empty((bands, count, channels), product)
        where = np.empty((bands, count, channels), np.int64)
        pooling.pool_extrema(
            *given, product.type(1), *place, least, areas, boxes, values, where,
            work=image.size, tasks=bands,
        )  # fmt: skip
        pooling.unite_extrema(
            parts, least, areas, boxes, values, where, work=united, tasks=parts
        )  # fmt: skip
    else:
        values = np.zeros((bands, count, channels, 2))
        pooling.pool_sums(
            *given, np.float64(1), *place, areas, boxes, values, work=image.size, tasks=bands
        )
        pooling.unite_sums(parts, areas, boxes, values, work=united, tasks=parts)
    sums, low, high = np.ascontiguousarray(boxes[0].reshape(-1, 3, 3).swapaxes(0, 1))
    return Measured(values[0], where[0], areas[0], sums, low, high)


def _bands(shape: tuple[int, ...], count: int, most: int) -> Array:
    """Cut an image into bands of rows, `most` at most, whose tables stay small beside it."""
    rows, pixels = shape[0] * shape[1], math.prod(shape)
    bands = max(1, min(most, rows, pixels // (_PIXELS_PER_ROW * max(count, 1))))
    return np.arange(bands + 1) * rows // bands


def middle_pixels(owner: Array, measured: Measured, begin: tuple[int, ...] = (0, 0, 0)) -> Array:
    """Return, for each region, the flat index of its pixel that is nearest to its centroid."""
    count = len(measured.areas)
    middle = np.empty(count, np.int64)
    parts = min(_PARTS, max(count, 1))
    areas, sums = measured.areas, measured.sums
    middles.try_centroids(parts, owner, areas, sums, begin, middle, work=8 * count, tasks=parts)
    missing = np.flatnonzero(middle < 0)
    if len(missing):
        boxes = np.concatenate([measured.low[missing], measured.high[missing]], axis=1)
        middle[missing] = nearest_pixels(owner, missing, areas, sums, begin, boxes)[2]
    return middle


def nearest_pixels(
    owner: Array,
    searched: Array,
    areas: Array,
    sums: Array,
    begin: tuple[int, ...],
    boxes: Array,
) -> tuple[Array, Array, Array]:
    """Search for the pixels of some regions that are nearest to their centroids.

    Parameters
    ----------
    owner : (plane, row, column) int32
    searched : (k,) int64
    areas, sums : (n,), (n, 3) int64
    begin : (3,)
        Where `owner` begins in the image that `sums` are of.
    boxes : (k, 6) int64
        Of the regions, in `owner`. Those are searched, one after the other, unless they have more
        pixels than the image.

    Returns
    -------
    whole, rest, middle : (k,) int64
        The distance, see `_formulas.from_centroid`, and the flat index into `owner`.
    """
    count = len(searched)
    wanted = np.full(len(areas), -1, np.int32)
    wanted[searched] = np.arange(count)
    lines, only = 1, searched.astype(np.int32)
    extents = (boxes[:, 3:] - boxes[:, :3] + 1).astype(np.float64)
    if extents.prod(axis=1).sum() > owner.size:
        boxes = _bands_of_box(owner.shape, count)
        lines, only = len(boxes), np.full(len(boxes), -1, np.int32)
    whole = np.full((lines, count), _FAR, np.int64)
    rest, middle = np.zeros((2, lines, count), np.int64)
    middles.search(
        owner, wanted, areas, sums, begin, boxes, only, whole, rest, middle,
        work=owner.size, tasks=len(boxes),
    )  # fmt: skip
    if lines == 1:
        return whole[0], rest[0], middle[0]
    best, each = np.lexsort((middle, -rest, whole), axis=0)[0], np.arange(count)
    return whole[best, each], rest[best, each], middle[best, each]


def _bands_of_box(shape: tuple[int, ...], count: int) -> Array:
    """Cut an image into bands of rows of its planes, or of planes: first and last of each axis."""
    axis, pixels = (0 if shape[0] > 1 else 1), math.prod(shape)
    # Of what one thread does anyway there is one band, and nothing to put together.
    most = 1 if pixels < PARALLEL_FROM else min(_PARTS, shape[axis])
    bands = max(1, min(most, pixels // (2 * count)))
    begins = np.arange(bands + 1) * shape[axis] // bands
    boxes = np.zeros((bands, 6), np.int64)
    boxes[:, 3:] = np.array(shape) - 1
    boxes[:, axis], boxes[:, 3 + axis] = begins[:-1], begins[1:] - 1
    return boxes
