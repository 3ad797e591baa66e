"""What `adapool.plot` draws: read from the artists, and compared with pictures.

Pictures have no text, whose fonts differ. After a wanted change, and after looking at them:

    PYTHONPATH=tests .venv/bin/python -m tests.test_plot

writes those in `tests/baseline` again.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="pictures need the extra 'plot'")

import matplotlib.pyplot as plt
from matplotlib import style
from matplotlib.testing.compare import compare_images
from matplotlib.text import Text
from mpl_toolkits.axes_grid1.anchored_artists import AnchoredSizeBar

import adapool
from adapool.estimators import CentroidOffsets, ThicknessSizes

plot: Any = adapool.plot  # artists have more attributes than their declared types
BASELINE = Path(__file__).parent / "baseline"
SHAPE = (24, 32)


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    with style.context("default"):
        yield
    plt.close("all")


def scene(shape: tuple[int, int] = SHAPE) -> Any:
    """Two bright discs on a slope, read-only."""
    row, column = np.indices(shape)
    image = (row + column) / sum(shape) / 2
    image[(row - 9) ** 2 + (column - 9) ** 2 < 30] += 0.5
    image[(row - 16) ** 2 + (column - 24) ** 2 < 12] += 0.4
    image.flags.writeable = False
    return image


def sizes_of(image: Any) -> Any:
    """Sizes along rows and columns that are even, odd, and below 1."""
    row, column = np.indices(image.shape)
    sizes = np.stack([row % 7, column % 5 + 1], axis=-1).astype(np.float64) + 0.9
    sizes.flags.writeable = False
    return sizes


def partition(image: Any, empty: bool = False) -> adapool.Sites:
    """Sites of different sizes; where `empty`, some have no window."""
    row, column = np.indices(image.shape)
    strides = 3 + (row * 5 + column * 3) % 6
    sizes = np.where((column > 20) & empty, 0, strides)
    params = np.stack([sizes, sizes, strides, strides], axis=-1)
    sites = adapool.dynamic_stride_pooling(image, params, channel_axis=None)
    assert isinstance(sites, adapool.Sites)
    return sites


def frozen(array: Any) -> Any:
    array = np.array(array)
    array.flags.writeable = False
    return array


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


# --- windows ------------------------------------------------------------------------------------


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


# --- sites --------------------------------------------------------------------------------------


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


# --- offsets ------------------------------------------------------------------------------------


def random_offsets(*shape: int) -> Any:
    return frozen(np.random.default_rng(5).normal(size=shape))


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


# --- attention ----------------------------------------------------------------------------------


def test_weights_per_pixel() -> None:
    weights = frozen(scene() ** 2)
    ax = plot.show_attention(scene(), weights, alpha=0.25, cmap="cividis", vmin=-1, vmax=2)
    image, drawn = ax.images
    np.testing.assert_array_equal(image.get_array(), scene())
    np.testing.assert_array_equal(drawn.get_array(), weights)
    assert (drawn.get_alpha(), drawn.get_clim(), drawn.get_cmap().name) == (
        0.25, (-1, 2), "cividis"
    )  # fmt: skip
    assert drawn.colorbar.ax.get_ylabel() == "attention weight"
    assert not ax.collections


@pytest.mark.parametrize("ceil_mode", [False, True])
def test_weights_per_window(ceil_mode: bool) -> None:
    # 24 = 4 * 5 + 4 and 32 = 4 * 7 + 4: the last windows do not fit.
    rows, columns = (5, 5) if ceil_mode else (4, 4)
    weights = random_offsets(rows, columns, 5, 7)
    ax = plot.show_attention(scene(), weights)
    drawn = ax.images[1]
    shown = drawn.get_array()
    assert shown.shape == ((24, 32) if ceil_mode else (20, 28))
    for r in range(shown.shape[0]):
        for c in range(shown.shape[1]):
            assert shown[r, c] == weights[r // 5, c // 7, r % 5, c % 7]
    assert drawn.get_extent() == [-0.5, shown.shape[1] - 0.5, shown.shape[0] - 0.5, -0.5]
    assert (ax.get_xlim(), ax.get_ylim()) == ((-0.5, 31.5), (23.5, -0.5))
    # Lines between windows, of which there are one less than windows along each axis.
    assert len(ax.collections[0].get_segments()) == rows + columns - 2


def test_weights_without_a_value() -> None:
    weights = np.array(scene())
    weights[3, 4], weights[0, 0] = np.nan, np.inf
    drawn = plot.show_attention(scene(), weights).images[1]
    assert drawn.get_array().mask.sum() == 2
    assert drawn.get_clim()[1] == np.nanmax(weights[np.isfinite(weights)])


# --- comparison ---------------------------------------------------------------------------------


def pooled_maps(image: Any) -> dict[str, Any]:
    return {
        "4 x 4": adapool.max_pooling(image, 4, channel_axis=None),
        "every third": adapool.dynamic_pooling(
            image, np.full(image.shape, 5), stride=3, anchor="center", channel_axis=None
        ),
    }


def test_panels() -> None:
    image = scene()
    maps = pooled_maps(image)
    axes = plot.compare(image, maps, anchor=["corner", "center"])
    assert [ax.get_title() for ax in axes] == ["image", *maps]
    for ax, given in zip(axes, [image, *maps.values()], strict=True):
        np.testing.assert_array_equal(ax.images[0].get_array(), given)
        assert (ax.get_xlim(), ax.get_ylim()) == ((-0.5, 31.5), (23.5, -0.5))
    # Columns, then rows from the bottom up; the third has windows around every third pixel.
    assert axes[0].images[0].get_extent() == [-0.5, 31.5, 23.5, -0.5]
    assert axes[1].images[0].get_extent() == [-0.5, 31.5, 23.5, -0.5]
    assert axes[2].images[0].get_extent() == [-1.5, 31.5, 22.5, -1.5]


def test_one_scale_and_one_colour_bar() -> None:
    image = scene()
    maps = {"more": image * 3, "less": image - 2}
    axes = plot.compare(image, maps)
    norms = {id(ax.images[0].norm) for ax in axes}
    assert len(norms) == 1
    assert axes[0].images[0].get_clim() == ((image - 2).min(), (image * 3).max())
    assert len(axes[0].figure.axes) == len(axes) + 1
    assert axes[0].images[0].colorbar.ax in axes[0].figure.axes
    given = plot.compare(image, maps, vmin=0.25, vmax=0.5, cmap="cividis")
    assert {ax.images[0].get_clim() for ax in given} == {(0.25, 0.5)}
    assert {ax.images[0].get_cmap().name for ax in given} == {"cividis"}
    # A constant image stretches the scale for the colour bar: for all panels alike.
    flat = plot.compare(np.ones(SHAPE), [np.ones(SHAPE)])
    assert len({ax.images[0].get_clim() for ax in flat}) == 1


@pytest.mark.parametrize("stride", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("size", [17, 24, 40, 63])
def test_strides_are_told_from_shapes(size: int, stride: int) -> None:
    image = scene((size, 2 * size))
    for ceil_mode in (False, True):
        pooled = adapool.max_pooling(image, stride, ceil_mode=ceil_mode, channel_axis=None)
        if min(pooled.shape) < stride:
            continue  # a remainder may be as large as the difference that another stride makes
        ax = plot.compare(image, pooled)[1]
        left, right, bottom, top = ax.images[0].get_extent()
        assert (left, top) == (-0.5, -0.5)
        assert ((bottom - top), (right - left)) == tuple(stride * n for n in pooled.shape)
        plt.close(ax.figure)


def test_given_strides() -> None:
    image = scene()
    axes = plot.compare(image, [image[:3, :4], image[:2, :2]], strides=[5, (7, 9)])
    assert axes[1].images[0].get_extent() == [-0.5, 19.5, 14.5, -0.5]
    assert axes[2].images[0].get_extent() == [-0.5, 17.5, 13.5, -0.5]
    alike = plot.compare(image, [image[:3, :4]] * 2, strides=6, anchor="center")
    assert {tuple(ax.images[0].get_extent()) for ax in alike[1:]} == {(-3.5, 20.5, 14.5, -3.5)}


def scale_bar(ax: Any) -> tuple[float, str]:
    """The length of the bar, in the units of the axes, and what is written at it."""
    (bar,) = [artist for artist in ax.artists if isinstance(artist, AnchoredSizeBar)]
    (rectangle,) = bar.size_bar.get_children()
    return rectangle.get_width(), bar.txt_label.get_text()


@pytest.mark.parametrize(
    ("columns", "spacing", "units", "expected"),
    [
        (32, None, "px", (10, "10 px")),
        (100, None, "px", (20, "20 px")),
        (3, None, "px", (1, "1 px")),
        (100, 0.65, "µm", (20, "20 µm")),
        (100, (9.0, 0.002), "mm", (0.05, "0.05 mm")),
        (7000, None, "px", (2000, "2000 px")),
    ],
)
def test_scale_bar(columns: int, spacing: Any, units: str, expected: tuple[float, str]) -> None:
    image = np.zeros((3, columns), np.uint8)
    axes = plot.compare(image, [image], spacing=spacing, units=units)
    length, text = scale_bar(axes[0])
    assert length == pytest.approx(expected[0])
    assert text == expected[1]
    assert not axes[1].artists
    assert axes[0].get_xlabel() == f"column ({units})"
    assert axes[1].get_ylabel() == f"row ({units})"


def test_physical_units() -> None:
    image = scene()
    axes = plot.compare(image, [image[::4, ::4]], spacing=(2, 0.5), units="µm")
    for ax in axes:
        assert ax.images[0].get_extent() == [-0.25, 15.75, 47, -1]
        assert (ax.get_xlim(), ax.get_ylim()) == ((-0.25, 15.75), (47, -1))
        assert ax.get_aspect() == 1


def test_empty_windows_of_integers_have_no_value() -> None:
    image = (100 * scene()).astype(np.int32)
    sizes = np.full(SHAPE, 3)
    sizes[:4] = 0
    pooled = adapool.dynamic_pooling(image, sizes, channel_axis=None)
    axes = plot.compare(image, [pooled])
    assert axes[1].images[0].get_array().mask[:4].all()
    assert axes[0].images[0].get_clim() == (image.min(), image.max())
    # Where the image has that value too, it is one.
    low = np.where(image == image.max(), np.iinfo(np.int8).min, 0).astype(np.int8)
    assert not np.ma.getmaskarray(plot.compare(low, [low])[1].images[0].get_array()).any()


def test_one_map_alone_titles_and_channels() -> None:
    image = np.stack([scene(), 1 - scene()], axis=-1)
    pooled = adapool.max_pooling(image, 4)
    axes = plot.compare(image, pooled, titles=["maxima"], channel_axis=-1)
    assert [ax.get_title() for ax in axes] == ["image", "maxima"]
    np.testing.assert_array_equal(axes[0].images[0].get_array(), image.max(axis=-1))
    np.testing.assert_array_equal(axes[1].images[0].get_array(), pooled.max(axis=-1))
    renamed = plot.compare(scene(), {"a": scene()}, titles=["b"])
    assert renamed[1].get_title() == "b"


def test_panels_zoom_together() -> None:
    axes = plot.compare(scene(), [scene()])
    axes[1].set_xlim(3, 9)
    assert axes[0].get_xlim() == (3, 9)


def test_axes_of_the_caller() -> None:
    figure, given = plt.subplots(2, 2)
    axes = plot.compare(scene(), [scene()] * 3, axes=given)
    assert list(axes) == list(given.ravel())
    assert plt.get_fignums() == [figure.number]


# --- what all have in common --------------------------------------------------------------------

EVERY: dict[str, Callable[..., Any]] = {
    "windows": lambda image, **options: plot.show_windows(
        image, np.full(SHAPE, 5), step=8, **options
    ),
    "sites": lambda image, **options: plot.show_sites(partition(scene()), image, **options),
    "offsets": lambda image, **options: plot.show_offsets(
        image, np.ones((*SHAPE, 2)), step=8, **options
    ),
    "attention": lambda image, **options: plot.show_attention(image, scene(), **options),
}
each = pytest.mark.parametrize("show", EVERY.values(), ids=EVERY)


@each
def test_axes_are_used_and_returned(show: Callable[..., Any]) -> None:
    figure, (left, right) = plt.subplots(1, 2)
    assert show(scene(), ax=left) is left
    assert not right.images
    assert plt.get_fignums() == [figure.number]
    new = show(scene())
    assert new.figure in map(plt.figure, plt.get_fignums())
    assert new.figure is not figure
    assert (new.get_xlabel(), new.get_ylabel()) == ("column (px)", "row (px)")
    # Rows go down, and the centre of the first pixel is the origin.
    assert (new.get_xlim(), new.get_ylim()) == ((-0.5, 31.5), (23.5, -0.5))


@each
@pytest.mark.parametrize(
    "dtype", [np.bool_, np.uint8, np.int16, np.uint64, np.float16, np.float32, ">f8"]
)
def test_images_of_any_dtype(show: Callable[..., Any], dtype: Any) -> None:
    image = frozen((200 * scene()).astype(dtype))
    before = image.copy()
    ax = show(image)
    ax.figure.canvas.draw()
    np.testing.assert_array_equal(ax.images[0].get_array(), before.astype(np.float64))
    np.testing.assert_array_equal(image, before)


@each
def test_channels(show: Callable[..., Any]) -> None:
    rgb = frozen(np.stack([scene(), scene() ** 2, 1 - scene()]))
    ax = show(rgb, channel_axis=0)
    np.testing.assert_allclose(ax.images[0].get_array(), np.moveaxis(rgb, 0, -1))
    two = show(rgb[:2], channel_axis=0).images[0]
    np.testing.assert_array_equal(two.get_array(), rgb[:2].max(axis=0))


@pytest.mark.parametrize(
    ("rgb", "expected"),
    [
        (np.full((2, 2, 3), 51, np.uint8), 0.2),
        (np.full((2, 2, 3), 0.4), 0.4),
        (np.arange(12, dtype=np.uint16).reshape(2, 2, 3) * 1000, None),
        (np.arange(12.0).reshape(2, 2, 3) - 5, None),
    ],
)
def test_colours(rgb: Any, expected: float | None) -> None:
    shown = plot.show_windows(rgb, np.ones((2, 2)), channel_axis=-1).images[0].get_array()
    if expected is not None:
        np.testing.assert_allclose(shown, expected)
    else:  # stretched, all channels alike
        np.testing.assert_allclose(shown, np.arange(12).reshape(2, 2, 3) / 11)


@each
def test_pixels_without_a_value(show: Callable[..., Any]) -> None:
    image = np.array(scene())
    image[2, 3], image[4, 5] = np.nan, np.inf
    drawn = show(image).images[0]
    assert drawn.get_array().mask.sum() == 2
    colour = drawn.to_rgba(drawn.get_array())[2, 3, :3]
    assert np.ptp(colour) > 0.1  # not a grey
    rgb = np.stack([image] * 3, axis=-1)
    show(rgb, channel_axis=-1).figure.canvas.draw()
    show(np.full(SHAPE, np.nan)).figure.canvas.draw()


@each
def test_dask_images(show: Callable[..., Any]) -> None:
    da = pytest.importorskip("dask.array", reason="needs the extra 'dask'")
    shown = show(da.from_array(scene(), 7)).images[0].get_array()
    np.testing.assert_array_equal(shown, scene())


def colours_of(ax: Any) -> Any:
    return ax.collections[0].get_edgecolor()[0]


def test_options_of_drawing() -> None:
    image = scene()
    ax = plot.show_windows(image, np.full(SHAPE, 5), color="red", linewidth=3, cmap="cividis")
    assert tuple(colours_of(ax)) == (1, 0, 0, 1)
    assert ax.collections[0].get_linewidth()[0] == 3
    assert ax.images[0].get_cmap().name == "cividis"
    ax = plot.show_sites(partition(image), color="red", cmap="magma")
    assert tuple(colours_of(ax)) == (1, 0, 0, 1)
    assert ax.images[0].get_cmap().name == "magma"
    ax = plot.show_offsets(image, np.ones((*SHAPE, 2)), color="red", cmap="bone")
    assert tuple(ax.collections[0].get_facecolor()[0]) == (1, 0, 0, 1)
    assert ax.images[0].get_cmap().name == "bone"


SHAPES = [(24, 32), (1, 1), (300, 60), (8, 2000)]


@pytest.mark.parametrize("shape", SHAPES)
def test_nothing_is_cut_off(shape: tuple[int, int]) -> None:
    image = np.random.default_rng(7).random(shape)
    size = np.full(shape, 3)
    sites = adapool.dynamic_stride_pooling(image, np.full((*shape, 4), 5), channel_axis=None)
    figures = [
        plot.show_windows(image, size).figure,
        plot.show_sites(sites).figure,
        plot.show_offsets(image, np.ones((*shape, 2))).figure,
        plot.show_attention(image, image).figure,
        plot.compare(image, [image] * 2, titles=["one", "another"])[0].figure,
        plot.compare(image, [image] * 4, spacing=0.325, units="µm")[0].figure,
    ]
    for figure in figures:
        figure.canvas.draw()
        width, height = figure.bbox.size
        for text in figure.findobj(Text):
            if text.get_visible() and text.get_text():
                box = text.get_window_extent()
                # Tick labels of values beyond the limits are not drawn.
                if box.width and text.get_figure() and text.axes is not None:
                    assert box.x0 > -2, text
                    assert box.x1 < width + 2, text
                    assert box.y0 > -2, text
                    assert box.y1 < height + 2, text
        for ax in figure.axes:
            assert min(ax.get_window_extent().size) > 2


# --- pictures -----------------------------------------------------------------------------------


def picture_windows(ax: Any) -> None:
    plot.show_windows(scene(), sizes_of(scene()), step=(6, 8), ax=ax)


def picture_positions(ax: Any) -> None:
    plot.show_windows(scene(), [11, (7)], positions=[[9, 9], [16, 24]], ax=ax)


def picture_sites(ax: Any) -> None:
    plot.show_sites(partition(scene(), empty=True), ax=ax)


def picture_offsets(ax: Any) -> None:
    middle = np.array([12.0, 16.0])
    offsets = (middle - np.moveaxis(np.indices(SHAPE), 0, -1)) / 3
    plot.show_offsets(scene(), offsets, step=6, ax=ax)


def picture_taps(ax: Any) -> None:
    offsets = np.tile(np.linspace(-1.5, 1.5, 9)[:, np.newaxis] * [1, -1], (22, 30, 1, 1))
    plot.show_offsets(scene(), offsets.reshape(22, 30, 18), kernel_size=3, step=7, ax=ax)


def picture_attention(ax: Any) -> None:
    weights = np.linspace(0, 1, 3 * 4 * 64).reshape(3, 4, 8, 8)
    plot.show_attention(scene(), weights, ax=ax)


PICTURES = {
    name.removeprefix("picture_"): function
    for name, function in list(globals().items())
    if name.startswith("picture_")
}


def draw(name: str, path: Path) -> None:
    """Draw a picture without text, ticks and colour bars, small."""
    with style.context("default"):
        # Places that are whole pixels: versions of Matplotlib differ in how they lay out.
        figure = plt.figure(figsize=(3.2, 2.4), dpi=80)
        if name == "compare":
            axes = [figure.add_axes((x, 0.25, 0.25, 0.25)) for x in (0, 0.25, 0.5)]
        else:
            axes = [figure.add_axes((0, 0, 1, 1))]
        places = [(ax, ax.get_position(original=True)) for ax in axes]
        if name == "compare":
            plot.compare(scene(), pooled_maps(scene()), anchor=["corner", "center"], axes=axes)
        else:
            PICTURES[name](*axes)
        bars = [image.colorbar for ax in figure.axes for image in ax.images if image.colorbar]
        for bar in bars:
            bar.remove()
        for ax, place in places:  # where they were before they made room for a colour bar
            ax.set_position(place)
        for text in figure.findobj(Text):
            text.set_visible(False)
        for ax in figure.axes:
            ax.set(xticks=[], yticks=[])
        figure.savefig(path)
        plt.close(figure)


@pytest.mark.parametrize("name", [*PICTURES, "compare"])
def test_picture(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.png"
    draw(name, path)
    # A picture without its dots or its scale bar differs by more than 4, a window that is a pixel
    # off by more than 28.
    assert compare_images(str(BASELINE / path.name), str(path), tol=2.5) is None


# --- wrong calls --------------------------------------------------------------------------------


class Wrong(NamedTuple):
    """A call, the exception it must raise, and what its message must say."""

    call: Callable[[], Any]
    error: type[Exception]
    words: tuple[str, ...]


IMAGE = scene()
VOLUME = np.zeros((3, *SHAPE))
SIZES = np.full(SHAPE, 3)
V, T = ValueError, TypeError


def windows(sizes: Any = SIZES, image: Any = IMAGE, **options: Any) -> Callable[[], Any]:
    return lambda: plot.show_windows(image, sizes, **options)


def sites(given: Any = None, image: Any = IMAGE, **options: Any) -> Callable[[], Any]:
    return lambda: plot.show_sites(partition(IMAGE) if given is None else given, image, **options)


def offsets(given: Any = None, image: Any = IMAGE, **options: Any) -> Callable[[], Any]:
    moves = np.zeros((*SHAPE, 2)) if given is None else given
    return lambda: plot.show_offsets(image, moves, **options)


def attention(weights: Any = IMAGE, image: Any = IMAGE, **options: Any) -> Callable[[], Any]:
    return lambda: plot.show_attention(image, weights, **options)


def comparison(pooled: Any = (IMAGE,), image: Any = IMAGE, **options: Any) -> Callable[[], Any]:
    return lambda: plot.compare(image, pooled, **options)


def sites_of_a_volume() -> Any:
    return plot.show_sites(
        adapool.dynamic_stride_pooling(VOLUME, np.full((*VOLUME.shape, 6), 3), channel_axis=None)
    )


NINE_TAPS = np.zeros((22, 30, 18))
WRONG = {
    "volume": Wrong(windows(image=VOLUME), V, ("image", "2-D", "image[k]", "channel_axis")),
    "volume, sites": Wrong(sites_of_a_volume, V, ("sites", "2-D", "image[k]")),
    "volume, offsets": Wrong(offsets(image=VOLUME), V, ("2-D", "image[k]")),
    "volume, attention": Wrong(attention(image=VOLUME), V, ("2-D", "image[k]")),
    "volume, compare": Wrong(comparison(image=VOLUME), V, ("2-D", "image[k]")),
    "volume with channels": Wrong(
        windows(image=np.zeros((3, 4, 5, 2)), channel_axis=-1), V, ("(3, 4, 5)", "image[k]")
    ),
    "row": Wrong(windows(image=IMAGE[0]), V, ("image", "2 or 3 spatial axes")),
    "complex": Wrong(windows(image=1j * IMAGE), T, ("image", "complex")),
    "empty": Wrong(windows(image=IMAGE[:0]), V, ("image", "empty")),
    "channel axis": Wrong(windows(channel_axis=5), V, ("channel_axis",)),
    "ax": Wrong(windows(ax="left"), T, ("ax", "str")),
    "color": Wrong(windows(color="blurple"), V, ("color", "blurple")),
    "color, sites": Wrong(sites(color=3), V, ("color", "3")),
    "color, offsets": Wrong(offsets(color="blurple"), V, ("color", "blurple")),
    "cmap": Wrong(windows(cmap="blurple"), V, ("blurple",)),
    "linewidth": Wrong(windows(linewidth=0), V, ("linewidth", "positive")),
    "linewidth, sites": Wrong(sites(linewidth=-1), V, ("linewidth", "positive")),
    "sizes, shape": Wrong(windows(SIZES[1:]), V, ("sizes", "(23, 32)", "P = 1 or 2 or 4")),
    "sizes, NaN": Wrong(windows(SIZES + np.nan), V, ("sizes", "finite")),
    "sizes, text": Wrong(windows("large"), T, ("sizes",)),
    "anchor": Wrong(windows(anchor="centre"), V, ("anchor", "corner, center", "'centre'")),
    "step": Wrong(windows(step=0), V, ("step", "positive")),
    "step, three": Wrong(windows(step=(1, 2, 3)), V, ("step", "2 integers")),
    "step with positions": Wrong(windows([3], positions=[[1, 1]], step=2), V, ("step", "None")),
    "positions, shape": Wrong(windows([3], positions=[1, 1]), V, ("positions", "(n, 2)")),
    "positions, floats": Wrong(windows([3], positions=[[1.5, 1]]), T, ("positions", "float64")),
    "positions, outside": Wrong(windows([3], positions=[[1, 32]]), V, ("positions", "(24, 32)")),
    "positions, below 0": Wrong(windows([3], positions=[[-1, 3]]), V, ("positions",)),
    "sizes of others": Wrong(
        windows([3, 4, 5], positions=[[1, 1]]), V, ("sizes", "the 1 positions", "(3,)")
    ),
    "sites, no": Wrong(sites(IMAGE), T, ("sites", "dynamic_stride_pooling", "ndarray")),
    "sites, other image": Wrong(sites(image=IMAGE[1:]), V, ("image", "(24, 32)", "(23, 32)")),
    "sites, marks": Wrong(sites(show_positions=1), T, ("show_positions", "True or False")),
    "sites, channels": Wrong(sites(image=None, channel_axis=0), V, ("channel_axis", "None")),
    "offsets, shape": Wrong(offsets(np.zeros((*SHAPE, 3))), V, ("offsets", "P = 2")),
    "offsets, grid": Wrong(offsets(kernel_size=3), V, ("offsets", "(1, 22, 30, P)")),
    "offsets, infinite": Wrong(offsets(np.full((*SHAPE, 2), np.inf)), V, ("offsets", "finite")),
    "offsets, kernel": Wrong(offsets(kernel_size=(1, 40)), V, ("kernel_size", "fit")),
    "offsets, kernel 0": Wrong(offsets(kernel_size=0), V, ("kernel_size", "positive")),
    "offsets, stride": Wrong(offsets(stride=0), V, ("stride", "positive")),
    "offsets, group": Wrong(offsets(group=1), V, ("group", "offset_groups=1")),
    "offsets, groups": Wrong(offsets(offset_groups=0), V, ("offset_groups", "positive")),
    "offsets, step": Wrong(offsets(step=1.5), T, ("step",)),
    "offsets, magnify": Wrong(offsets(magnify=0), V, ("magnify", "positive")),
    "offsets, magnified taps": Wrong(
        offsets(NINE_TAPS, kernel_size=3, magnify=2), V, ("magnify", "9 taps")
    ),
    "weights, shape": Wrong(attention(IMAGE[1:]), V, ("weights", "(24, 32)", "(23, 32)")),
    "weights, windows": Wrong(attention(np.ones((4, 4, 5, 5))), V, ("weights", "side by side")),
    "weights, channels": Wrong(attention(np.ones((*SHAPE, 3))), V, ("weights", "one channel")),
    "alpha": Wrong(attention(alpha=1.5), V, ("alpha", "between 0 and 1")),
    "vmin": Wrong(attention(vmin=2, vmax=1), V, ("vmin", "vmax")),
    "vmax": Wrong(attention(vmax=np.nan), V, ("vmax", "finite")),
    "no maps": Wrong(comparison([]), V, ("pooled", "none")),
    "map, volume": Wrong(comparison([VOLUME]), V, ("pooled[0]", "2-D")),
    "map, channels": Wrong(
        comparison([np.ones((*SHAPE, 2))], np.ones((*SHAPE, 3)), channel_axis=-1),
        V, ("pooled[0]", "3 channels", "2"),
    ),
    "map by name": Wrong(comparison({"a": VOLUME}), V, ("pooled['a']", "2-D")),
    "map, larger": Wrong(comparison([np.ones((30, 32))]), V, ("(24, 32)", "(30, 32)")),
    "strides, larger": Wrong(comparison(strides=2), V, ("stride", "(2, 2)")),
    "strides, number": Wrong(comparison(strides=[1, 1]), V, ("strides", "1 maps")),
    "strides, zero": Wrong(comparison(strides=[0]), V, ("strides", "positive")),
    "titles": Wrong(comparison(titles=["a", "b"]), V, ("titles", "1 maps", "2")),
    "titles, one": Wrong(comparison(titles="a"), T, ("titles", "sequence")),
    "anchors": Wrong(comparison(anchor=["center"] * 2), V, ("anchor", "1 maps")),
    "anchor of maps": Wrong(comparison(anchor="centre"), V, ("anchor", "'centre'")),
    "units": Wrong(comparison(units="µm"), V, ("spacing", "µm")),
    "units, none": Wrong(comparison(spacing=1.0), V, ("units", "spacing")),
    "units, number": Wrong(comparison(units=3, spacing=1.0), T, ("units",)),
    "spacing": Wrong(comparison(spacing=0, units="µm"), V, ("spacing", "positive")),
    "spacing, three": Wrong(comparison(spacing=(1, 1, 1), units="µm"), V, ("spacing", "2")),
    "axes": Wrong(comparison(axes=["left", "right"]), T, ("ax", "str")),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_wrong_calls(wrong: Wrong) -> None:
    with pytest.raises(wrong.error) as caught:
        wrong.call()
    for word in wrong.words:
        assert word in str(caught.value)
    assert not plt.get_fignums()  # nothing was begun


def test_number_of_axes() -> None:
    _, ax = plt.subplots()
    with pytest.raises(ValueError, match=r"axes must hold 2 Axes, .* got 1"):
        plot.compare(IMAGE, [IMAGE], axes=[ax])


# --- imports ------------------------------------------------------------------------------------


def run(code: str) -> str:
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    return result.stdout.strip()


def test_matplotlib_is_imported_when_something_is_drawn() -> None:
    code = "import sys, adapool; from adapool import plot; print('matplotlib' in sys.modules)"
    assert run(code) == "False"


def test_pyplot_is_left_alone_where_axes_are_given() -> None:
    code = (
        "import sys, numpy; from matplotlib.figure import Figure; from adapool import plot\n"
        "axes = Figure().subplots(1, 2); image = numpy.eye(9)\n"
        "plot.show_attention(image, image, ax=axes[0]); plot.compare(image, [image], axes=axes)\n"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    assert run(code) == "False"


def test_matplotlib_is_missing() -> None:
    code = (
        "import sys; sys.modules['matplotlib'] = None; import adapool\n"
        "assert sorted(adapool.plot.__all__) == sorted(dir(adapool.plot))\n"
        "try: adapool.plot.compare\n"
        "except ImportError as error: print(error)"
    )
    assert run(code) == "adapool.plot needs matplotlib: pip install 'adapool[plot]'"


def test_every_function_is_there() -> None:
    assert sorted(plot.__all__) == [
        "compare", "show_attention", "show_offsets", "show_sites", "show_windows"
    ]  # fmt: skip
    for name in plot.__all__:
        assert getattr(plot, name).__doc__
    with pytest.raises(AttributeError):
        _ = plot.show_everything


if __name__ == "__main__":
    BASELINE.mkdir(exist_ok=True)
    for picture in (*PICTURES, "compare"):
        draw(picture, BASELINE / f"{picture}.png")
