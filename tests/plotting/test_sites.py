"""Boundaries of sites, their values and their positions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adapool
from plotting.scenes import SHAPE, partition, plot, scene


def unit_edges(segments: Any) -> list[tuple[float, ...]]:
    """Cut lines into pieces as long as a pixel, each as the (x, y) of its middle."""
    pieces: list[tuple[float, ...]] = []
    for start, stop in segments:
        length = int(np.abs(stop - start).sum())
        middles = start + (stop - start) * (np.arange(length)[:, np.newaxis] + 0.5) / length
        pieces.extend(map(tuple, middles.tolist()))
    return sorted(pieces)


@pytest.mark.parametrize("empty", [False, True])
def test_boundaries(empty: bool) -> None:
    image = scene()
    sites = partition(image, empty)
    ax = plot.show_sites(sites, image)
    expected = []
    for r in range(24):
        for c in range(32):
            if c + 1 < 32 and sites.owner[r, c] != sites.owner[r, c + 1]:
                expected.append((c + 0.5, float(r)))
            if r + 1 < 24 and sites.owner[r, c] != sites.owner[r + 1, c]:
                expected.append((float(c), r + 0.5))
    segments = ax.collections[0].get_segments()
    assert unit_edges(segments) == sorted(expected)
    assert len(segments) < len(expected) / 2
    assert np.array_equal(ax.images[0].get_array(), image)


def test_sites_on_their_own_map() -> None:
    sites = partition(scene(), empty=True)
    assert (sites.owner < 0).any()
    shown = plot.show_sites(sites).images[0].get_array()
    np.testing.assert_array_equal(np.ma.getmaskarray(shown), sites.owner < 0)
    np.testing.assert_array_equal(shown.compressed(), sites.to_map()[sites.owner >= 0])


def test_sites_of_integers_without_an_owner_have_no_value() -> None:
    sites = partition((100 * scene()).astype(np.int16), empty=True)
    shown = plot.show_sites(sites).images[0]
    assert shown.get_clim()[0] >= 0


def test_sites_with_channels() -> None:
    image = np.stack([scene(), 2 - scene()])
    params = np.full((*SHAPE, 4), 6)
    sites = adapool.dynamic_stride_pooling(image, params, channel_axis=0)
    shown = plot.show_sites(sites).images[0].get_array()
    np.testing.assert_array_equal(shown, sites.to_map().max(axis=0))
    drawn = plot.show_sites(sites, image, channel_axis=0).images[0].get_array()
    np.testing.assert_array_equal(drawn, image.max(axis=0))


def test_positions_of_sites() -> None:
    sites = partition(scene())
    assert not plot.show_sites(sites, scene()).lines
    (dots,) = plot.show_sites(sites, scene(), show_positions=True).lines
    np.testing.assert_array_equal(np.transpose(dots.get_data()), sites.positions[:, ::-1])


def test_boundaries_are_thin_where_sites_are_small() -> None:
    few, many = (
        adapool.dynamic_stride_pooling(scene(), np.full((*SHAPE, 4), s), channel_axis=None)
        for s in (12, 1)
    )
    wide, thin = (plot.show_sites(s).collections[0].get_linewidth()[0] for s in (few, many))
    assert thin < wide == 1.2
    (given,) = plot.show_sites(many, linewidth=3).collections[0].get_linewidth()
    assert given == 3


def test_regions() -> None:
    """Of any shape, with background, which is painted as what has no value."""
    image = scene()
    labels = np.where(np.hypot(*(np.indices(image.shape) - 12)) < 9, 7, 0)
    labels[-3:] = 2
    sites = adapool.region_pooling(image, labels, channel_axis=None)
    drawn = plot.show_sites(sites, show_positions=True)
    np.testing.assert_array_equal(drawn.images[0].get_array(), sites.to_map())
    np.testing.assert_array_equal(np.transpose(drawn.lines[0].get_data()), sites.positions[:, ::-1])
    edges = np.count_nonzero(np.diff(labels, axis=0)) + np.count_nonzero(np.diff(labels, axis=1))
    assert len(unit_edges(drawn.collections[0].get_segments())) >= edges


def test_dask_sites() -> None:
    da = pytest.importorskip("dask.array", reason="needs the extra 'dask'")
    image = scene()
    lazy = adapool.dynamic_stride_pooling(
        da.from_array(image, 8), np.full((*SHAPE, 4), 6), max_kernel_size=6, channel_axis=None
    )
    eager = adapool.dynamic_stride_pooling(image, np.full((*SHAPE, 4), 6), channel_axis=None)
    drawn, wanted = (
        plot.show_sites(sites, da.from_array(image, 8), show_positions=True)
        for sites in (lazy, eager)
    )
    assert unit_edges(drawn.collections[0].get_segments()) == unit_edges(
        wanted.collections[0].get_segments()
    )
    np.testing.assert_array_equal(drawn.lines[0].get_data(), wanted.lines[0].get_data())
