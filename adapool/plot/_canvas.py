"""Axes with an image, with which every picture begins."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib import colormaps, rcParams
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.image import AxesImage

from adapool._backends import Array
from adapool._checks import arguments, plot
from adapool._formulas import window_start
from adapool._layout import Layout

# Where there is no value there is no colour of the scale either: grey is not on a coloured one,
# pink is not on a grey one.
NO_VALUE = "0.82"
_NO_VALUE_IN_GREY = "#f2b6d4"

# Images are grey and maps viridis, which readers with any kind of colour vision see as rising.
GREY = "gray"
COLOURS = "viridis"


def new_axes(ax: Axes | None, spatial: tuple[int, ...], beside: float = 0.9) -> Axes:
    """Return the axes to draw into, those of a new pyplot figure where none are given.

    The figure is as wide as pyplot makes it, and as high as the image needs.

    Parameters
    ----------
    beside : float
        Inches of the width that labels, and a colour bar, take.
    """
    plot.axes(ax)
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt  # chooses a backend: only if no axes are given

    width, usual = rcParams["figure.figsize"]
    below, highest = 0.7, 1.25 * usual
    ratio = spatial[0] / spatial[1]
    height = (width - beside) * ratio + below
    if height > highest:  # as high as that, and narrower
        height, width = highest, max((highest - below) / ratio + beside, 2.5)
    size = width, max(height, 1.5)
    created: Axes = plt.subplots(figsize=size, layout="constrained")[1]
    return created


def label_axes(ax: Axes, units: str = "px") -> None:
    """Say what the axes count."""
    ax.set_xlabel(f"column ({units})")
    ax.set_ylabel(f"row ({units})")


def show_image(ax: Axes, layout: Layout, image: Array, cmap: Colormap) -> AxesImage:
    """Draw an image, three channels in colour; the centre of a pixel is at (column, row)."""
    shown = _as_colours(layout, image)
    if shown is None:
        shown = as_values(layout, image)
    drawn = ax.imshow(shown, cmap=cmap, interpolation="nearest")
    label_axes(ax)
    return drawn


def show_map(
    ax: Axes,
    values: Array,
    stride: tuple[int, int] = (1, 1),
    *,
    centered: bool = False,
    pixel: tuple[float, float] = (1.0, 1.0),
    **style: Any,
) -> AxesImage:
    """Draw a pooled map over the pixels that its windows stand for.

    Parameters
    ----------
    stride : (int, int)
        Pixels from one window to the next.
    centered : bool
        Whether a value stands for the pixels around that of its window, and not for those that
        follow it.
    pixel : (float, float)
        Height and width of a pixel, in the units of the axes.
    """
    top, left = (window_start(0, step, centered) - 0.5 for step in stride)
    bottom, right = (
        first + step * n for first, step, n in zip((top, left), stride, values.shape, strict=True)
    )
    height, width = pixel
    extent = (left * width, right * width, bottom * height, top * height)
    ax.set_facecolor(NO_VALUE)
    return ax.imshow(values, extent=extent, interpolation="nearest", **style)


def limit_axes(ax: Axes, spatial: tuple[int, ...], pixel: tuple[float, float] = (1.0, 1.0)) -> None:
    """Restrict axes to the pixels of an image."""
    (rows, columns), (height, width) = spatial, pixel
    ax.set_xlim(-0.5 * width, (columns - 0.5) * width)
    ax.set_ylim((rows - 0.5) * height, -0.5 * height)


def colour_map(cmap: Any) -> Colormap:
    """Return a colour map, with a colour of its own for pixels without a value."""
    chosen = colormaps.get_cmap(cmap)
    return chosen.with_extremes(bad=_NO_VALUE_IN_GREY if chosen.is_gray() else NO_VALUE)


def subset(step: Any, shape: tuple[int, ...], room: Array, along: int) -> tuple[slice, ...]:
    """Return which rows and columns of a grid are drawn.

    Parameters
    ----------
    step : int, sequence of int or None
        From one to the next, beginning with the first. None leaves `room` points for each, draws
        at most `along` on the longer side, and lies in the middle of the grid.
    """
    if step is not None:
        return tuple(slice(0, None, each) for each in arguments.integers("step", step, 2, least=1))
    least = max(shape) / along
    steps = [math.ceil(max(each, least, 1)) for each in room]
    return tuple(
        slice((n - 1) % each // 2, None, each) for n, each in zip(shape, steps, strict=True)
    )


def as_values(layout: Layout, image: Array) -> Array:
    """Return (row, column) floats, masked where they are not finite; of channels the maximum."""
    if layout.channel_axis is not None:
        image = image.max(axis=layout.channel_axis)
    small = image.dtype.itemsize <= 2 or layout.dtype == np.float32
    values: Array = np.ma.masked_invalid(image.astype(np.float32 if small else np.float64))
    return values


def _as_colours(layout: Layout, image: Array) -> Array | None:
    """Return (row, column, RGB) floats from 0 to 1 of an image with three channels.

    Bytes, and floats from 0 to 1, are colours as they are; other values are stretched.
    """
    if layout.channel_axis is None or layout.channels != 3:
        return None
    values = np.moveaxis(image, layout.channel_axis, -1).astype(np.float64)
    known = np.isfinite(values)
    low = values.min(where=known, initial=np.inf)
    high = values.max(where=known, initial=-np.inf)
    if layout.dtype == np.uint8:
        low, high = 0, 255
    elif layout.dtype.kind in "bf" and low >= 0 and high <= 1:
        low, high = 0, 1
    values = (np.where(known, values, low) - low) / (high - low if high > low else 1)
    return np.ma.masked_where(~np.broadcast_to(known.all(-1, keepdims=True), values.shape), values)
