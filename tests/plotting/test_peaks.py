"""Dots at peaks, outlines of objects."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adapool
from plotting.scenes import SHAPE, plot, scene

POINTS = np.array([[3, 4], [20, 30]])


def dots(ax: Any) -> list[tuple[float, ...]]:
    x, y = ax.lines[0].get_data()
    return sorted(zip(y, x, strict=True))


def test_points_of_an_array() -> None:
    ax = plot.show_peaks(scene(), POINTS)
    assert dots(ax) == [(3, 4), (20, 30)]
    assert not ax.collections


def test_a_table_is_drawn_where_its_peaks_are() -> None:
    pandas = pytest.importorskip("pandas")
    image = scene()
    sizes = np.full(SHAPE, 9)
    table = adapool.peak_table(image, sizes)
    expected = sorted(map(tuple, adapool.peak_local_max(image, sizes).tolist()))
    assert len(expected) > 1
    assert dots(plot.show_peaks(image, table)) == expected
    assert dots(plot.show_peaks(image, pandas.DataFrame(table))) == expected


def test_outlines_part_objects_that_touch() -> None:
    labels = np.zeros(SHAPE, np.int32)
    labels[2:6, 2:6], labels[2:6, 6:9] = 7, 9
    ax = plot.show_peaks(scene(), POINTS, labels=labels)
    lines = {tuple(map(tuple, line)) for line in ax.collections[0].get_segments()}
    assert ((5.5, 1.5), (5.5, 5.5)) in lines  # between them
    assert ((1.5, 1.5), (1.5, 5.5)) in lines


def test_no_peaks() -> None:
    ax = plot.show_peaks(np.zeros((8, 8)), adapool.peak_local_max(np.zeros((8, 8))))
    assert dots(ax) == []
