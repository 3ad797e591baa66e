"""Windows of a size of their own, as outlines on the image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

from adapool import _arguments, _plot_arguments
from adapool._arguments import Array
from adapool._formulas import window_start
from adapool._layout import Layout
from adapool._networks import grid_prediction
from adapool.dynamic import Anchor
from adapool.plot._canvas import OUTLINE, new_axes, show_image
from adapool.plot._marks import draw_boxes

_WIDTHS = (1, 2, 4)

# Of a dense map at most so many windows are drawn along the longer side.
_ALONG = 14


def show_windows(
    image: ArrayLike,
    sizes: Any,
    *,
    positions: ArrayLike | None = None,
    anchor: Anchor = "center",
    step: int | Sequence[int] | None = None,
    color: Any = OUTLINE,
    linewidth: float = 1.2,
    cmap: Any = "gray",
    channel_axis: int | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw windows as outlines on the image.

    Parameters
    ----------
    image : array_like
        Image (row, column), with a channel axis where `channel_axis` names one.
    sizes : array_like, callable or object with ``.predict``
        Window sizes as in `adapool.dynamic_pooling`.
    positions : (n, 2) array_like of int, optional
        Row and column of the pixels whose windows are drawn.
    anchor : {"center", "corner"}, optional
        Where in its window a pixel is.
    step : int or sequence of int, optional
        Pixels between the windows that are drawn of a map.
    color, linewidth, cmap
        Of the outlines, and the colour map of the image.
    channel_axis : int or None, optional
        The axis of the channels; None for an image without them.
    ax : matplotlib.axes.Axes, optional
        Axes to draw into; a new figure where there are none.

    Returns
    -------
    ax : matplotlib.axes.Axes
    """
    layout, array = _plot_arguments.plane("image", image, channel_axis)
    centered = _arguments.choice("anchor", anchor, _arguments.ANCHORS) == "center"
    points, extents = _windows(layout, array, sizes, positions, step)
    low = window_start(points, extents, centered)  # type: ignore[arg-type]
    high = np.minimum(low + extents, layout.spatial)
    ax = new_axes(ax)
    show_image(ax, layout, array, cmap)
    draw_boxes(ax, np.maximum(low, 0), high, edgecolor=color, linewidth=linewidth)
    return ax


def _windows(
    layout: Layout, image: Array, sizes: Any, positions: Any, step: Any
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the pixels whose windows are drawn, and the sizes of these."""
    if positions is not None:
        points = _plot_arguments.positions(positions, layout.spatial)
        given = np.asarray(sizes) if not callable(sizes) and not hasattr(sizes, "predict") else None
        if given is not None and given.shape in [
            (len(points),),
            *((len(points), w) for w in _WIDTHS),
        ]:
            extents = _pixels(
                _plot_arguments.finite("sizes", given).reshape(len(points), -1), layout
            )
        else:
            extents = _size_map(layout, image, sizes)[tuple(points.T)]
    else:
        dense = _size_map(layout, image, sizes)
        if step is None:
            apart, first = _sparse(dense)
        else:
            apart, first = _arguments.integers("step", step, 2, least=1), (0, 0)
        rows, columns = (
            range(f, n, s) for f, n, s in zip(first, layout.spatial, apart, strict=True)
        )
        points = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).reshape(-1, 2)
        extents = dense[tuple(points.T)]
    some = (extents >= 1).all(axis=-1)
    return points[some], extents[some]


def _size_map(layout: Layout, image: Array, sizes: Any) -> NDArray[np.int64]:
    given = grid_prediction(
        "sizes", sizes, layout, layout.canonical(image), layout.spatial, _WIDTHS
    )
    return _pixels(_plot_arguments.finite("sizes", given)[0, 0], layout)


def _pixels(given: Array, layout: Layout) -> NDArray[np.int64]:
    """Return sizes in whole pixels along row and column, (..., 2), from those of a network."""
    # Beyond twice the image nothing changes, and an int64 may not hold what a float does.
    sizes = np.clip(given[..., :2], 0, [2 * n + 2 for n in layout.spatial]).astype(np.int64)
    return np.broadcast_to(sizes, (*given.shape[:-1], 2))


def _sparse(sizes: NDArray[np.int64]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return a step at which most windows do not touch, and where it begins."""
    longer = max(sizes.shape[:2])
    usual = np.quantile(sizes, 0.9, axis=(0, 1))
    apart = tuple(max(math.ceil(1.25 * u), math.ceil(longer / _ALONG), 1) for u in usual)
    return apart, tuple((n - 1) % s // 2 for n, s in zip(sizes.shape, apart, strict=False))
