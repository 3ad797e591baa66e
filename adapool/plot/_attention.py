"""Attention weights over the image."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from adapool._backends import Array
from adapool._checks import plot
from adapool.plot._canvas import COLOURS, GREY, colour_map, limit_axes, new_axes, show_image
from adapool.plot._marks import draw_boundaries

# Lines between more windows along the longer side would hide the weights.
_MOST_LINES = 40


def show_attention(
    image: ArrayLike,
    weights: ArrayLike,
    *,
    alpha: float = 0.6,
    cmap: Any = COLOURS,
    vmin: float | None = None,
    vmax: float | None = None,
    channel_axis: int | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw attention weights over the image, with a colour bar.

    Parameters
    ----------
    image : array_like
        Image (row, column), with a channel axis where `channel_axis` names one. Three channels
        are drawn in colour, of any other number the maximum in grey.
    weights : array_like
        As the array that `adapool.attention_pooling` takes: a weight for each pixel, ``spatial``;
        or those of windows side by side, ``out_spatial + kernel``, as there are by default, without
        padding or dilation and with a stride of the kernel size. What a network returned for
        such windows, ``(n, K)``, has that shape after ``reshape(*out_spatial, *kernel)``. NaN is
        drawn as no weight.
    alpha : float, optional
        Opacity of the weights, from 0, where only the image is seen, to 1.
    cmap : str or matplotlib.colors.Colormap, optional
        Colour map of the weights. The default can be read with any kind of colour vision.
    vmin, vmax : float, optional
        Weights at the ends of the colour map. By default the lowest and the highest.
    channel_axis : int or None, optional
        The axis of the channels of the image; None for an image without them.
    ax : matplotlib.axes.Axes, optional
        Axes to draw into, which give some of their width to the colour bar. By default those of
        a new figure of `matplotlib.pyplot`.

    Returns
    -------
    ax : matplotlib.axes.Axes
        The axes, with the image and the weights in ``ax.images``. ``ax.images[-1].colorbar`` is
        the colour bar.

    Raises
    ------
    TypeError
        If an argument has the wrong type, or an array a dtype that is not real.
    ValueError
        If the image is not 2-D, `weights` has neither shape, or a number is out of its range.
    ImportError
        If Matplotlib is not installed.

    Examples
    --------
    Weights for each pixel, then weights in windows of 4 x 5 pixels:

    >>> import numpy as np
    >>> import matplotlib.pyplot as plt
    >>> from adapool import plot
    >>> image = np.random.default_rng(0).random((8, 10))
    >>> ax = plot.show_attention(image, image**2)
    >>> ax.images[-1].get_array().shape
    (8, 10)
    >>> plt.close()
    >>> ax = plot.show_attention(image, np.full((2, 2, 4, 5), 0.05), vmin=0)
    >>> ax.images[-1].get_array().shape
    (8, 10)
    >>> plt.close()
    """
    layout, array = plot.plane("image", image, channel_axis)
    given = plot.weights(weights, layout.spatial)
    opacity = plot.fraction("alpha", alpha)
    low, high = plot.scale(vmin, vmax)
    colours, grey = colour_map(cmap), colour_map(GREY)
    ax = new_axes(ax, layout.spatial, beside=1.8)
    show_image(ax, layout, array, grey)
    shown = np.ma.masked_invalid(_mosaic(given, layout.spatial).astype(np.float64))
    drawn = ax.imshow(
        shown, cmap=colours, alpha=opacity, vmin=low, vmax=high, interpolation="nearest"
    )
    limit_axes(ax, layout.spatial)
    if given.ndim == 4 and max(given.shape[:2]) <= _MOST_LINES:
        _draw_lines(ax, given.shape, shown.shape)
    ax.figure.colorbar(drawn, ax=ax, label="attention weight")
    return ax


def _mosaic(weights: Array, spatial: tuple[int, ...]) -> Array:
    """Return weights in the place of the pixels that they are for."""
    if weights.ndim == 2:
        return weights
    rows, columns, height, width = weights.shape
    laid = weights.swapaxes(1, 2).reshape(rows * height, columns * width)
    return laid[: spatial[0], : spatial[1]]


def _draw_lines(ax: Axes, windows: tuple[int, ...], shape: tuple[int, ...]) -> None:
    """Draw lines between windows (row, column, kernel row, kernel column)."""
    row, column = np.indices(shape)
    number = row // windows[2] * windows[1] + column // windows[3]
    draw_boundaries(ax, number, color="white", linewidth=0.6)
