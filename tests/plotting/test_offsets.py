"""Arrows are offsets, and taps are where a convolution looks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adapool
from plotting.scenes import SHAPE, plot, random_offsets, scene


@pytest.mark.parametrize("lead", [(), (1,)])
def test_arrows(lead: tuple[int, ...]) -> None:
    offsets = random_offsets(*lead, *SHAPE, 2)
    ax = plot.show_offsets(scene(), offsets, step=(5, 7))
    (arrows,) = ax.collections
    moves = offsets.reshape(*SHAPE, 2)
    at = [(r, c) for r in range(0, 24, 5) for c in range(0, 32, 7)]
    np.testing.assert_array_equal(arrows.XY, [(c, r) for r, c in at])
    np.testing.assert_array_equal(arrows.V, [moves[p][0] for p in at])
    np.testing.assert_array_equal(arrows.U, [moves[p][1] for p in at])


@pytest.mark.parametrize("magnify", [1, 2.5])
def test_arrows_are_as_long_as_they_say(magnify: float) -> None:
    ax = plot.show_offsets(
        scene(), np.broadcast_to([3.0, 4.0], (*SHAPE, 2)), step=12, magnify=magnify
    )
    ax.figure.canvas.draw()
    (arrows,) = ax.collections
    # In pixels of the figure: the path of an arrow begins at its tail, and goes to its head.
    verts = arrows.get_paths()[0].vertices
    points = arrows.get_transform().transform(verts)
    zero = arrows.get_transform().transform((0, 0))
    reach = np.hypot(*(points - zero).T).max()
    pixel = np.diff(ax.transData.transform([(0, 0), (1, 0)])[:, 0])[0]
    assert reach / pixel == pytest.approx(5 * magnify, rel=0.01)
    assert ("times as long" in ax.get_xlabel()) == (magnify != 1)


GEOMETRY: dict[str, Any] = {"stride": (2, 1), "padding": (1, 2), "dilation": (1, 2)}


def test_shared_offsets_start_in_the_middle_of_windows() -> None:
    # Rows: 24 + 2 - 2 = 24, every second: 12. Columns: 32 + 4 - 4 = 32.
    ax = plot.show_offsets(
        scene(), random_offsets(12, 32, 2), kernel_size=(3, 3), step=1, **GEOMETRY
    )
    (arrows,) = ax.collections
    expected = [(c - 2 + 2, 2 * r - 1 + 1) for r in range(12) for c in range(32)]
    np.testing.assert_array_equal(arrows.XY, expected)


@pytest.mark.parametrize("group", [0, 1])
def test_taps(group: int) -> None:
    offsets = random_offsets(12, 32, 2 * 9 * 2)
    ax = plot.show_offsets(
        scene(), offsets, kernel_size=3, offset_groups=2, group=group, step=(3, 8), **GEOMETRY
    )
    expected = [
        (
            c - 2 + 2 * j + offsets[r, c, 2 * (9 * group + 3 * i + j) + 1],
            2 * r - 1 + i + offsets[r, c, 2 * (9 * group + 3 * i + j)],
        )
        for r in range(0, 12, 3)
        for c in range(0, 32, 8)
        for i in range(3)
        for j in range(3)
    ]
    middles, taps = ax.lines
    np.testing.assert_allclose(np.transpose(taps.get_data()), expected, rtol=0, atol=1e-12)
    assert len(middles.get_xdata()) == 16
    assert not ax.collections


def test_taps_are_where_the_convolution_looks() -> None:
    # The mean over the taps of an image of coordinates is the mean of where they look.
    offsets = np.random.default_rng(6).uniform(-1, 1, (8, 12, 18))
    ax = plot.show_offsets(np.zeros((16, 24)), offsets, kernel_size=3, stride=2, padding=1, step=1)
    taps = np.transpose(ax.lines[1].get_data()).reshape(8, 12, 9, 2)
    weights = np.full((3, 3, 1, 1), 1 / 9)
    for axis, coordinate in enumerate(np.indices((16, 24)).astype(np.float64)):
        mean = adapool.deformable_conv(
            coordinate, weights, offsets, stride=2, padding=1, channel_axis=None
        )
        inside = (slice(1, 7), slice(1, 11))
        np.testing.assert_allclose(mean[inside], taps.mean(axis=2)[(*inside, 1 - axis)], atol=1e-9)


def test_taps_of_a_row_are_joined() -> None:
    ax = plot.show_offsets(scene(), random_offsets(24, 28, 10), kernel_size=(1, 5), step=9)
    (lines,) = ax.collections
    taps = np.transpose(ax.lines[1].get_data()).reshape(-1, 5, 2)
    np.testing.assert_array_equal(np.stack(lines.get_segments()), taps)
