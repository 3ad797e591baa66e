"""Calls that between them need the kernels of the dtypes that people use.

What is shipped is what these calls compile, and `adapool compile` makes them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

import adapool

# Images, sizes, and weights, offsets and masks.
IMAGES = ("float32", "uint8", "uint16", "float64")
SIZES = ("int16", "int64", "float32", "int32", "float64")
NUMBERS = ("float32", "float64")
LABELS = ("int32", "int64", "uint16", "uint8")

# Further images, for those who want all. Booleans are bytes to kernels, float16 is float32, and
# integers of either sign are the same to windows with sizes of their own.
OTHERS = ("int8", "int16", "int32", "uint32", "int64", "uint64")
OTHER_LABELS = ("uint32", "uint64", "int16", "int8")
OTHER_SIZES = ("uint8", "uint16", "int8", "uint32", "uint64")

# Pixels along an axis that is longer than any window that tables serve.
_LONG = 300

Call = tuple[str, Callable[[], Any]]


def calls(everything: bool = False) -> Iterator[Call]:
    """Yield names of calls, and the calls."""
    images = IMAGES + OTHERS * everything
    sizes = SIZES + OTHER_SIZES * everything
    yield from _peaks(images)
    for image in images:
        yield from _fixed_windows(image)
    for image, number in itertools.product(images, NUMBERS):
        yield from _attention(image, number)
    for image, number in itertools.product(images, NUMBERS):
        yield from _convolutions(image, number)
    widths = {np.dtype(image).itemsize: image for image in images}
    for size, image in itertools.product(sizes, widths.values()):
        yield from _own_windows(image, size)
    for number, image in itertools.product(NUMBERS, widths.values()):
        yield from _ellipses(image, number)
    for image in widths.values():
        yield from _sites(image, "int16")
    for size in sizes:
        yield from _sites("uint8", size)
    for image in images:
        yield from _regions(image)
    for labels in LABELS + OTHER_LABELS * everything:
        pixels = _ones("uint8", 8, 8)
        yield (
            f"region_pooling labels {labels}",
            partial(adapool.region_pooling, pixels, _ones(labels, 8, 8), channel_axis=None),
        )
    for number in NUMBERS:
        yield from _gradients(number)


def _ones(dtype: str, *shape: int) -> Any:
    return np.ones(shape, dtype)


def _long(dtype: str) -> int:
    return min(_LONG, np.iinfo(dtype).max) if dtype[0] in "iu" else _LONG


def _fixed_windows(image: str) -> Iterator[Call]:
    pool = partial(adapool.max_pooling, _ones(image, 8, 8), channel_axis=None)
    for options in ({}, {"stride": 1}, {"return_indices": True}):
        yield f"max_pooling {image}", partial(pool, 4, **options)


def _attention(image: str, number: str) -> Iterator[Call]:
    name = f"attention_pooling {image}, {number}"
    pixels, shared = _ones(image, 8, 8, 2), _ones(number, 8, 8)
    for stride, weights in itertools.product((None, 1), (shared, _ones(number, 8, 8, 2))):
        pool = partial(adapool.attention_pooling, pixels, 4, weights, stride=stride)
        yield name, pool
        if stride is None:
            yield f"{name}, indices", partial(pool, return_indices=True)
    weights = _ones(number, 2, 2, 4, 4)
    pool = partial(adapool.attention_pooling, pixels, 4, lambda rows: rows[:, :16].astype(number))
    yield f"{name}, a network", pool
    yield f"{name}, a network, indices", partial(pool, return_indices=True)


def _own_windows(image: str, size: str) -> Iterator[Call]:
    pixels, sizes = _ones(image, 1, _LONG), np.full((1, _LONG), _long(size), size)
    pool = partial(adapool.dynamic_pooling, pixels, channel_axis=None)
    for indices in (False, True):
        name = f"dynamic_pooling {image}, sizes {size}{', indices' * indices}"
        yield name, partial(pool, sizes, return_indices=indices)


def _ellipses(image: str, number: str) -> Iterator[Call]:
    pool = partial(adapool.dynamic_pooling, footprint="ellipse", channel_axis=None)
    # Small ones have tables, large ones are searched; and those that are turned.
    given: list[tuple[int, list[float]]] = [(8, [3.5]), (_LONG, [_LONG]), (8, [5.5, 2.5, 0.5])]
    for (side, sizes), indices in itertools.product(given, (False, True)):
        pixels, all_alike = _ones(image, side, side), np.array(sizes, number)
        name = f"dynamic_pooling {image}, {len(sizes)} of ellipses {number}"
        yield name, partial(pool, pixels, all_alike, return_indices=indices)


def _sites(image: str, size: str) -> Iterator[Call]:
    params = _ones(size, 8, _LONG, 4)
    params[..., 1] = _long(size)
    pool = partial(adapool.dynamic_stride_pooling, _ones(image, 8, _LONG), channel_axis=None)
    yield f"dynamic_stride_pooling {image}, {size}", partial(pool, params)


def _regions(image: str) -> Iterator[Call]:
    # A ring has its centroid outside; labels far apart are made compact.
    labels = np.pad(np.zeros((4, 4), np.int64), 2, constant_values=1) << 40
    for reduction in ("max", "mean"):
        pool = partial(adapool.region_pooling, _ones(image, 8, 8), labels, channel_axis=None)
        yield f"region_pooling {image}, {reduction}", partial(pool, reduction=reduction)


def _convolutions(image: str, number: str) -> Iterator[Call]:
    for channels, filters in ((1, 1), (1, 2), (8, 8)):
        pixels = _ones(image, 6, 6, channels)
        offsets = np.zeros((6, 6, 18), number)
        weights = _ones("float32", 3, 3, channels, filters)
        convolve = partial(adapool.deformable_conv, pixels, weights, offsets, padding=1)
        yield f"deformable_conv {image}, {number}, {channels} channels", convolve
        if channels == filters:
            for dtype in NUMBERS:
                factors, still = _ones(dtype, channels), np.zeros((6, 6, 2), number)
                convolve = partial(adapool.deformable_conv, pixels, factors, still)
                yield f"deformable_conv {image}, {number}, {dtype} factors", convolve


def _gradients(number: str) -> Iterator[Call]:
    def back(function: Any, *arguments: Any, **options: Any) -> Call:
        def call() -> None:
            value, pullback = adapool.vjp(function, *arguments, **options)
            values = value.values if isinstance(value, adapool.Sites) else value
            pullback(np.ones(values.shape, number))

        return f"gradients of {function.__name__} {number}", call

    pixels, flat = _ones(number, 6, 6, 8), _ones(number, 6, 6, 1)
    yield back(adapool.max_pooling, pixels, 2)
    yield back(adapool.attention_pooling, pixels, 2, flat[..., 0])
    yield back(adapool.attention_pooling, pixels, 2, lambda rows: rows[:, :4])
    yield back(adapool.dynamic_pooling, pixels, flat * 2, fractional=True)
    yield back(adapool.dynamic_stride_pooling, pixels, _ones("int16", 6, 6, 4))
    for channels, filters in ((1, 1), (1, 2), (8, 8)):
        weights, offsets = _ones(number, 3, 3, channels, filters), np.zeros((6, 6, 18), number)
        image, mask = pixels[..., :channels], _ones(number, 6, 6, 9)
        options = {"padding": 1, "mask_network": mask, "bias": weights[0, 0, 0]}
        yield back(adapool.deformable_conv, image, weights, offsets, **options)
        yield back(adapool.deformable_conv_and_pool, image, weights, offsets, 2, **options)


def _peaks(images: tuple[str, ...]) -> Iterator[Call]:
    rows, columns = np.ogrid[-24:24, -24:24]
    spots = 100 * np.exp(-((rows % 24 - 12) ** 2) / 20 - (columns % 24 - 12) ** 2 / 20)
    for image in images:
        pixels = spots.astype(image)
        yield f"peak_local_max {image}", partial(adapool.peak_local_max, pixels)
        find = partial(adapool.peak_local_max, pixels, _ones("int16", 48, 48) * 5)
        yield f"peak_local_max {image}, sizes", find
