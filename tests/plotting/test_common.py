"""What all functions that draw have in common: axes, dtypes, channels, options, room."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adapool
from plotting.scenes import SHAPE, frozen, partition, plot, scene

pytest.importorskip("matplotlib", reason="pictures need the extra 'plot'")

import matplotlib.pyplot as plt
from matplotlib.text import Text

EVERY: dict[str, Callable[..., Any]] = {
    "peaks": lambda image, **options: plot.show_peaks(image, [[3, 4]], **options),
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
        plot.show_peaks(image, [[0, 0]]).figure,
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
