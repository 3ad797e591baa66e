"""Axes with an image: what every picture begins with."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.image import AxesImage

from adapool._arguments import Array
from adapool._layout import Layout

# Where there is no value there is no colour of the scale either.
NO_VALUE = "0.82"

# Sky blue, which colour-blind readers tell from orange, and from every grey with the dark casing.
OUTLINE = "#56b4e9"


def new_axes(ax: Axes | None) -> Axes:
    """Return the axes to draw into, those of a new pyplot figure where none are given."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt  # loads a backend: not where the caller brings axes

    created: Axes = plt.subplots(layout="constrained")[1]
    return created


def label_axes(ax: Axes, units: str = "px") -> None:
    """Say what the axes count."""
    ax.set_xlabel(f"column ({units})")
    ax.set_ylabel(f"row ({units})")


def show_image(ax: Axes, layout: Layout, image: Array, cmap: Any = "gray") -> AxesImage:
    """Draw an image of which a pixel is one unit, its centre at (column, row)."""
    shown = as_colours(layout, image)
    if shown is None:
        shown = as_values(layout, image)
    drawn = ax.imshow(shown, cmap=without_value(cmap), interpolation="nearest")
    label_axes(ax)
    return drawn


def as_colours(layout: Layout, image: Array) -> Array | None:
    """Return (row, column, RGB) floats from 0 to 1 of an image with three channels."""
    if layout.channel_axis is None or layout.channels != 3:
        return None
    image = np.moveaxis(image, layout.channel_axis, -1)
    if image.dtype == np.uint8 or image.dtype == np.bool_:
        return image / np.float32(255 if image.dtype == np.uint8 else 1)
    values = image.astype(np.float64)
    known = np.isfinite(values)
    low, high = values.min(where=known, initial=np.inf), values.max(where=known, initial=-np.inf)
    if image.dtype.kind != "f" or low < 0 or high > 1:
        values = (values - low) / (high - low if high > low else 1)
    return np.where(known.all(axis=-1, keepdims=True), np.clip(values, 0, 1), float(NO_VALUE))


def as_values(layout: Layout, image: Array) -> Array:
    """Return (row, column) values that Matplotlib can scale, masked where they are not finite."""
    if layout.channel_axis is not None:
        image = image.max(axis=layout.channel_axis)
    dtype = np.float32 if image.dtype.itemsize <= 2 or image.dtype == np.float32 else np.float64
    return np.ma.masked_invalid(image.astype(dtype))


def without_value(cmap: Any) -> Any:
    """Return a colour map with the colour for pixels without a value."""
    return colormaps.get_cmap(cmap).with_extremes(bad=NO_VALUE)
