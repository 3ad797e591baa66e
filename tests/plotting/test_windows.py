"""Outlines of windows are those of the pixels that pooling looks at."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adapool
from adapool.estimators import CentroidOffsets, ThicknessSizes
from plotting.scenes import SHAPE, frozen, partition, plot, scene, sizes_of


def boxes(ax: Any) -> list[tuple[float, float, float, float]]:
    """Outlines as top, left, bottom and right edges."""
    outlines = ax.collections[0]
    found = []
    for path in outlines.get_paths():
        (left, top), (right, bottom) = path.vertices.min(axis=0), path.vertices.max(axis=0)
        found.append((top, left, bottom, right))
    return found


def window(at: Any, size: Any, shape: tuple[int, ...], anchor: str) -> list[float]:
    """The edges of a window by its definition: half a pixel beyond its first and last pixel."""
    covered = []
    for i, s, n in zip(at, size, shape, strict=True):
        first = i - s // 2 if anchor == "center" else i
        inside = [p for p in range(first, first + s) if 0 <= p < n]
        covered.append((inside[0] - 0.5, inside[-1] + 0.5))
    (top, bottom), (left, right) = covered
    return [top, left, bottom, right]


@pytest.mark.parametrize("anchor", ["center", "corner"])
def test_windows_of_a_map(anchor: Any) -> None:
    image, sizes = scene(), sizes_of(scene())
    ax = plot.show_windows(image, sizes, anchor=anchor, step=(3, 4))
    expected = [
        window((r, c), (r % 7, c % 5 + 1), SHAPE, anchor)
        for r in range(0, 24, 3)
        for c in range(0, 32, 4)
        if r % 7 > 0
    ]
    np.testing.assert_array_equal(boxes(ax), expected)


def test_anchors_are_those_of_pooling() -> None:
    # The maximum of the pixels in an outline is what is pooled at the pixel that it is for.
    image = np.random.default_rng(3).random(SHAPE)
    sizes = np.random.default_rng(4).integers(1, 9, (*SHAPE, 2))
    for anchor in ("center", "corner"):
        pooled = adapool.dynamic_pooling(
            image, sizes, stride=5, anchor=anchor, channel_axis=None
        )  # fmt: skip
        ax = plot.show_windows(image, sizes, anchor=anchor, step=5)
        edges = (np.array(boxes(ax)) + 0.5).astype(int)
        maxima = [image[top:bottom, left:right].max() for top, left, bottom, right in edges]
        np.testing.assert_array_equal(maxima, pooled.ravel())


@pytest.mark.parametrize("width", [None, 1, 2, 4])
def test_windows_at_positions(width: int | None) -> None:
    at = frozen([[0, 0], [10, 12], [23, 31], [5, 7]])
    rows = np.array([[4, 7, 1, 1], [5, 3, 1, 1], [9, 2, 1, 1], [0, 3, 1, 1]])
    sizes = rows[:, 0] if width is None else rows[:, :width]
    ax = plot.show_windows(scene(), sizes, positions=at)
    both = rows[:, :2] if width in (2, 4) else rows[:, [0, 0]]
    expected = [window(p, s, SHAPE, "center") for p, s in zip(at[:3], both[:3], strict=True)]
    np.testing.assert_array_equal(boxes(ax), expected)
    # The window of the last is empty: neither it nor its pixel is drawn.
    dots = ax.lines[0]
    np.testing.assert_array_equal(np.transpose(dots.get_data()), at[:3, ::-1])


def test_a_map_is_looked_up_at_positions() -> None:
    image, sizes = scene(), np.arange(24 * 32).reshape(24, 32) % 6 + 1
    at = [[2, 3], [20, 30]]
    by_map = boxes(plot.show_windows(image, sizes, positions=at))
    by_row = boxes(plot.show_windows(image, [sizes[2, 3], sizes[20, 30]], positions=at))
    assert by_map == by_row


def test_windows_of_peaks_and_sites() -> None:
    image = scene()
    peaks = adapool.peak_local_max(image, np.full(SHAPE, 7))
    ax = plot.show_windows(image, np.full(SHAPE, 7), positions=peaks)
    assert len(boxes(ax)) == len(peaks) > 0
    sites = partition(image)
    ax = plot.show_windows(image, sites.sizes, positions=sites.positions, anchor="corner")
    assert boxes(ax) == [
        tuple(window(p, s, SHAPE, "corner"))
        for p, s in zip(sites.positions.tolist(), sites.sizes.tolist(), strict=True)
    ]
    none = np.empty((0, 2), int)
    assert boxes(plot.show_windows(image, none, positions=none)) == []


@pytest.mark.parametrize("size", [1, 9, 40])
def test_windows_do_not_cover_the_image_by_default(size: int) -> None:
    image = scene((120, 200))
    found = np.array(boxes(plot.show_windows(image, np.full(image.shape, size))))
    assert 1 <= len(found) <= 12 * 12
    covered = np.zeros(image.shape, int)
    for top, left, bottom, right in (found + 0.5).astype(int):
        covered[top:bottom, left:right] += 1
    assert covered.max() == 1
    assert covered.mean() < 0.5


def test_networks_give_sizes_and_offsets() -> None:
    image = scene()
    given = image[np.newaxis, ..., np.newaxis]
    sizes, offsets = ThicknessSizes().predict(given), CentroidOffsets(sigma=3).predict(given)
    assert boxes(plot.show_windows(image, ThicknessSizes())) == boxes(
        plot.show_windows(image, sizes)
    )
    by_network, by_array = (
        plot.show_offsets(image, each).collections[0]
        for each in (CentroidOffsets(sigma=3), offsets)
    )
    np.testing.assert_array_equal(by_network.U, by_array.U)
    assert np.ptp(by_network.U) > 0
