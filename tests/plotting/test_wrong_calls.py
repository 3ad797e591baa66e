"""Wrong calls are answered before anything is drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import adapool
from plotting.scenes import SHAPE, partition, plot, scene

pytest.importorskip("matplotlib", reason="pictures need the extra 'plot'")

import matplotlib.pyplot as plt


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


def peaks(given: Any = ((1, 1),), image: Any = IMAGE, **options: Any) -> Callable[[], Any]:
    return lambda: plot.show_peaks(image, given, **options)


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
    "color": Wrong(windows(color="blurple"), V, ("RGBA", "blurple")),
    "color, sites": Wrong(sites(color=3), V, ("RGBA", "3")),
    "color, offsets": Wrong(offsets(color="blurple"), V, ("RGBA", "blurple")),
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
    "peaks, a volume": Wrong(peaks(image=VOLUME), V, ("2-D", "image[k]")),
    "peaks, of a stack": Wrong(peaks([[0, 1, 1]]), V, ("peaks", "(n, 2)")),
    "peaks, outside": Wrong(peaks([[1, 32]]), V, ("peaks", "(24, 32)")),
    "peaks, subpixel": Wrong(peaks([[1.5, 1]]), T, ("peaks", "float64")),
    "peaks, columns": Wrong(peaks({"size-0": [3]}), V, ("index-0", "size-0", "'index'")),
    "peaks, other labels": Wrong(peaks(labels=SIZES[1:]), V, ("labels", "(24, 32)", "(23, 32)")),
    "peaks, mask": Wrong(peaks(labels=IMAGE), T, ("labels", "integers")),
    "peaks, linewidth": Wrong(peaks(linewidth=0), V, ("linewidth", "positive")),
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
