"""Attention weights over the image."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from adapool import _plot_arguments
from adapool._arguments import Array
from adapool.plot._canvas import new_axes, show_image, without_value


def show_attention(
    image: ArrayLike,
    weights: ArrayLike,
    *,
    alpha: float = 0.5,
    cmap: Any = "viridis",
    vmin: float | None = None,
    vmax: float | None = None,
    channel_axis: int | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw attention weights over the image, with a colour bar.

    Parameters
    ----------
    image : array_like
        Image (row, column), with a channel axis where `channel_axis` names one.
    weights : array_like
        A weight for each pixel, ``spatial``; or those of windows side by side,
        ``out_spatial + kernel``.
    alpha : float, optional
        Opacity of the weights, from 0 to 1.
    cmap, vmin, vmax
        Colour map of the weights, and the weights at its ends.
    channel_axis : int or None, optional
        The axis of the channels of the image; None for an image without them.
    ax : matplotlib.axes.Axes, optional
        Axes to draw into; a new figure where there are none.

    Returns
    -------
    ax : matplotlib.axes.Axes
    """
    layout, array = _plot_arguments.plane("image", image, channel_axis)
    given = _plot_arguments.weights(weights, layout.spatial)
    rows, columns = layout.spatial
    mosaic = given if given.ndim == 2 else _side_by_side(given)[:rows, :columns]
    ax = new_axes(ax)
    show_image(ax, layout, array)
    drawn = ax.imshow(
        np.ma.masked_invalid(mosaic.astype(np.float64)),
        cmap=without_value(cmap),
        alpha=alpha,
        vmin=vmin,
        vmax=vmax,
        interpolation="nearest",
    )
    ax.set_xlim(-0.5, columns - 0.5)
    ax.set_ylim(rows - 0.5, -0.5)
    ax.figure.colorbar(drawn, ax=ax, label="attention weight")
    return ax


def _side_by_side(weights: Array) -> Array:
    """Lay windows (row, column, kernel row, kernel column) beside each other."""
    rows, columns, height, width = weights.shape
    return weights.swapaxes(1, 2).reshape(rows * height, columns * width)
