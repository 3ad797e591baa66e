"""Filters, order statistics and measures of labels: kernels of the detector alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import ndimage as ndi

from adapool.cpu.objects import bands, filters, labels, moments, ranks, rims, spots
from adapool.cpu.objects.surroundings import medians

SHAPES = [(1, 40, 57), (12, 13, 14), (2, 3, 4), (1, 1, 9), (1, 2, 30), (1, 1, 1)]


def image(shape: tuple[int, ...], seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(100, 5, shape).astype(np.float32)


@pytest.mark.parametrize("shape", SHAPES)
def test_filters_are_those_of_scipy_to_the_bit(shape: tuple[int, ...]) -> None:
    values = image(shape)
    for width in (2, 3, 5):
        widths = np.minimum([width] * 3, shape)
        np.testing.assert_array_equal(
            filters.opening(values, widths), ndi.grey_opening(values, widths)
        )
    for sigma in (0.1, 0.5, 1.5, 3.0):
        sigmas = np.where(np.array(shape) > 1, sigma, 0)
        np.testing.assert_array_equal(
            filters.gaussian(values, sigmas), ndi.gaussian_filter(values, sigmas)
        )
    for widths in ([1, 3, 5], [7, 17, 9]):
        odd = np.minimum(widths, 2 * np.array(shape) - 1)
        np.testing.assert_array_equal(filters.boxes(values, odd), ndi.uniform_filter(values, odd))


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_ranks_are_those_of_sorted_values(size: int) -> None:
    values = np.abs(image((size,)) - 100)
    places = [0, size // 3, size - 1]
    np.testing.assert_array_equal(ranks.ranked(values, *places), np.sort(values)[places])
    assert ranks.median(values) == np.median(values)


def test_labels_are_counted_and_bounded() -> None:
    drawn = ndi.label(image((5, 30, 31)) > 104)[0].astype(np.int32)
    count = int(drawn.max())
    np.testing.assert_array_equal(labels.volumes(drawn, count), np.bincount(drawn.ravel())[1:])
    low, high = labels.bounds(drawn, count)
    boxes = [[(a.start, a.stop) for a in box] for box in ndi.find_objects(drawn)]
    np.testing.assert_array_equal(np.stack([low, high], axis=-1), boxes)


def test_moments_are_those_of_what_is_above_a_level() -> None:
    values = image((4, 30, 31))
    coarse = ndi.label(ndi.gaussian_filter(values, 1)[:, ::2, ::2] > 100.5)[0].astype(np.int32)
    count = int(coarse.max())
    levels = np.linspace(95, 105, count)
    maps = [np.arange(n) // step for n, step in zip(values.shape, (1, 2, 2), strict=True)]
    sums = np.zeros((count, 10))
    moments.moments_above(values, coarse, *maps, levels, sums, work=0)
    drawn = coarse[np.ix_(*maps)]
    for number in range(1, count + 1):
        z, y, x = np.nonzero((drawn == number) & (values > levels[number - 1]))
        own = [z**0, z, y, x, z * z, y * y, x * x, z * y, z * x, y * x]
        np.testing.assert_array_equal(sums[number - 1], [part.sum() for part in own])


def test_outlines_are_what_an_erosion_takes() -> None:
    drawn = ndi.label(image((5, 30, 31)) > 101)[0].astype(np.int32)
    cross = ndi.generate_binary_structure(3, 1)
    inside = ndi.binary_erosion(drawn > 0, cross, border_value=1)
    places = rims.outlines(drawn, int((drawn > 0).sum()))
    np.testing.assert_array_equal(places, np.flatnonzero((drawn > 0) & ~inside))


def test_medians_of_each_number() -> None:
    rng = np.random.default_rng(0)
    values, numbers = image((200,)), rng.integers(0, 9, 200)
    numbers[numbers == 4] = 5
    wanted = [np.sort(values[numbers == n]) for n in range(9)]
    found = medians(values, numbers, 9)
    np.testing.assert_array_equal(found, [v[len(v) // 2] if len(v) else 0 for v in wanted])


@pytest.mark.parametrize("shape", [(1, 25, 26), (6, 7, 8)])
def test_maxima_meet_where_level_sets_grow_together(shape: tuple[int, ...]) -> None:
    values = ndi.gaussian_filter(image(shape), 1) - np.float32(99)
    up, highest = np.empty(values.size, np.int32), np.zeros(values.size, np.float32)
    spots.climb(values, up, work=0)
    spots.settle(up, work=0)
    spots.meetings(values, up, 0.0, highest)
    flat = values.ravel()
    maxima = np.flatnonzero(up == np.arange(flat.size))
    assert len(maxima) > 3
    for pixel in maxima:
        # From level to level: the first at which the component of a maximum holds a higher one.
        met = np.float32(0)
        for level in np.sort(flat[(flat > 0) & (flat <= flat[pixel])])[::-1]:
            parts = ndi.label(values >= level, np.ones((3, 3, 3)))[0].ravel()
            if flat[parts == parts[pixel]].max() > flat[pixel]:
                met = level
                break
        assert highest[pixel] == met


@pytest.mark.parametrize("angle", [0.0, 0.4, 1.2, np.pi / 2])
def test_what_goes_on_at_both_ends_is_a_piece_of_a_line(angle: float) -> None:
    """A bar of 60 by 6 pixels: all of it, a piece of 8 in its middle, and one at its end."""
    row, column = np.indices((90, 91)) - 45.0
    along = column * np.cos(angle) + row * np.sin(angle)
    across = row * np.cos(angle) - column * np.sin(angle)
    bar = ((abs(along) < 30) & (abs(across) < 3)).astype(np.float64)
    image = ndi.gaussian_filter(bar, 1)[np.newaxis].astype(np.float32)
    pieces = [bar > 0, (bar > 0) & (abs(along) < 4), (bar > 0) & (abs(along - 26) < 4)]
    middles, inverses = [], []
    for piece in pieces:
        y, x = np.nonzero(piece)
        middles.append((y.mean(), x.mean()))
        inverse = np.linalg.inv(np.cov([y, x], bias=True))
        inverses.append((inverse[0, 0], inverse[0, 1], inverse[1, 1]))
    angles = np.arange(12) * np.pi / 12
    ways = np.stack([np.sin(angles), np.cos(angles)], axis=-1)
    out = np.empty(len(pieces))
    numbers = (np.zeros(3), ways, np.array([1.0, 1.25, 1.5]), np.float64(0.7), np.float64(0.7))
    bands.ends(
        image, np.array(middles), np.array(inverses), *numbers, np.empty((12, 4)), out, work=0
    )
    assert out[1] < 0.1
    assert out[0] > 0.6
    assert out[2] > 0.6
