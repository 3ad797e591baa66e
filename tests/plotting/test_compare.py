"""Pooled maps beside the image: their places, one scale, units."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adapool
from plotting.scenes import SHAPE, plot, pooled_maps, scene

pytest.importorskip("matplotlib", reason="pictures need the extra 'plot'")

import matplotlib.pyplot as plt
from mpl_toolkits.axes_grid1.anchored_artists import AnchoredSizeBar


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
