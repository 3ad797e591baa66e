"""Windows of a size of their own, as outlines on the image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from numpy.typing import ArrayLike

from adapool._backends import Array
from adapool._checks import arguments, peaks, plot
from adapool._checks.estimators import positive
from adapool._layout import Layout
from adapool._options import Anchor, Footprint
from adapool._plans.operands import Grid
from adapool._windows import ellipse_widths, size_limits
from adapool.plot._canvas import GREY, colour_map, new_axes, show_image, subset
from adapool.plot._marks import MARK, draw_ellipses, draw_points, draw_windows

_WIDTHS = (1, 2, 4)

# Of a dense map at most so many windows are drawn along the longer side.
_ALONG = 12


def show_windows(
    image: ArrayLike,
    sizes: Any,
    *,
    positions: ArrayLike | None = None,
    anchor: Anchor = "center",
    footprint: Footprint | None = None,
    step: int | Sequence[int] | None = None,
    color: Any = MARK,
    linewidth: float = 1.2,
    cmap: Any = GREY,
    channel_axis: int | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw windows as outlines on the image.

    Of a map of sizes some windows are drawn, on a regular grid; with `positions`, those of the
    given pixels, as found by `adapool.peak_local_max` or held by `adapool.Sites`.

    Parameters
    ----------
    image : array_like
        Image (row, column), with a channel axis where `channel_axis` names one. Three channels
        are drawn in colour, of any other number the maximum.
    sizes : array_like, callable or object with ``.predict``
        Window sizes in pixels, as the parameters of `adapool.dynamic_pooling`: ``(*spatial, P)``,
        with or without a leading 1, P being 1 (a size for both axes), 2 (sizes along row and
        column) or 4 (sizes, then strides, which are not drawn), of ellipses also 3 (major and
        minor axis length, orientation); an axis P of length 1 may be missing. A network is given
        ``(1, *spatial, C)``. With `positions`, also ``(n,)`` or
        ``(n, P)``: the sizes at these. Sizes of boxes are truncated toward zero; below 1 a window
        is empty and is not drawn.
    positions : (n, 2) array_like of int, optional
        Row and column of the pixels whose windows are drawn; they are marked with dots. A map of
        sizes is looked up there.
    anchor : {"center", "corner"}, optional
        Where in its window a pixel is: the window of pixel i is
        ``[i - size // 2, i - size // 2 + size)``, as in `adapool.peak_local_max`, or
        ``[i, i + size)``, what `adapool.dynamic_pooling` and `adapool.dynamic_stride_pooling` do
        unless they are told otherwise. Windows are cut to the image.
    footprint : {"box", "ellipse"}, optional
        What the windows are. None means what the attribute `footprint` of the network says, and
        boxes where it has none.
    step : int or sequence of int, optional
        Pixels from one drawn window of a map to the next, along both axes or each: beginning with
        pixel 0, as the windows of ``dynamic_pooling(..., stride=step)``. By default twice the size
        that nine windows of ten do not exceed, and so many that at most 12 are drawn along the
        longer side.
    color : color, optional
        Of the outlines. The default, orange on a dark line, can be told from grey and from
        viridis with any kind of colour vision.
    linewidth : float, optional
        Of the outlines, in points.
    cmap : str or matplotlib.colors.Colormap, optional
        Colour map of an image that is not in colour.
    channel_axis : int or None, optional
        The axis of the channels; None for an image without them.
    ax : matplotlib.axes.Axes, optional
        Axes to draw into. By default those of a new figure of `matplotlib.pyplot`.

    Returns
    -------
    ax : matplotlib.axes.Axes
        The axes, with the image; ``ax.collections[0]`` holds the outlines.

    Raises
    ------
    TypeError
        If an argument has the wrong type, or an array a dtype that is not real.
    ValueError
        If the image is not 2-D, `sizes` has a wrong shape or a value that is not finite, a
        position is outside of the image, or a number is out of its range.
    ImportError
        If Matplotlib is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> import matplotlib.pyplot as plt
    >>> from adapool import plot
    >>> image = np.zeros((60, 80))
    >>> image[20:40, 30:60] = 1
    >>> ax = plot.show_windows(image, np.where(image > 0, 9, 3), step=10)
    >>> len(ax.collections[0].get_paths())
    48
    >>> plt.close()

    The windows of given pixels, their sizes along row and column:

    >>> ax = plot.show_windows(image, [[20, 30]], positions=[[30, 45]])
    >>> ax.collections[0].get_paths()[0].get_extents()
    Bbox([[29.5, 19.5], [59.5, 39.5]])
    >>> plt.close()

    The ellipses of the objects in an image:

    >>> from adapool.estimators import BlobSizes
    >>> network = BlobSizes(shape="ellipse")
    >>> ax = plot.show_windows(image, network, positions=[[30, 45]])
    >>> plt.close()
    """
    layout, array = plot.plane("image", image, channel_axis)
    kind = peaks.footprint(sizes) if footprint is None else footprint
    ellipses = arguments.choice("footprint", kind, arguments.FOOTPRINTS) == "ellipse"
    centered = arguments.anchored(anchor, ellipses)
    colour, width = to_rgba(color), positive("linewidth", linewidth)
    colours = colour_map(cmap)
    points, extents = _windows(layout, array, sizes, positions, step, ellipses)
    ax = new_axes(ax, layout.spatial)
    show_image(ax, layout, array, colours)
    style = {"color": colour, "linewidth": width, "cased": True}
    if ellipses:
        draw_ellipses(ax, points, extents, **style)
    else:
        draw_windows(ax, points, extents, layout.spatial, centered=centered, **style)
    if positions is not None:
        draw_points(ax, points, colour)
    return ax


def _windows(
    layout: Layout, image: Array, sizes: Any, positions: Any, step: Any, ellipses: bool
) -> tuple[Array, Array]:
    """Return the pixels whose windows are drawn, (n, 2), and the sizes of these."""
    widths = ellipse_widths(2) if ellipses else _WIDTHS
    if positions is not None:
        points = plot.positions(positions, step, layout.spatial)
        rows = plot.size_rows(sizes, len(points), widths, layout.spatial)
        if rows is not None:
            extents = _drawn(rows, layout, ellipses)
        else:
            extents = _size_map(layout, image, sizes, widths, ellipses)[tuple(points.T)]
    else:
        dense = _size_map(layout, image, sizes, widths, ellipses)
        # Twice the size that nine windows of ten do not exceed: gaps are as wide as they are.
        room = 2 * np.quantile(dense[..., :2], 0.9, axis=(0, 1))
        # Those that are turned are as long in any direction.
        room = room if dense.shape[-1] == 2 else np.full(2, room.max())
        chosen = subset(step, layout.spatial, room, _ALONG)
        points = np.moveaxis(np.indices(layout.spatial), 0, -1)[chosen].reshape(-1, 2)
        extents = dense[chosen].reshape(-1, dense.shape[-1])
    lengths = extents[:, :2]
    some = ((lengths > 0) if ellipses else (lengths >= 1)).all(axis=-1)
    return points[some], extents[some]


def _size_map(
    layout: Layout, image: Array, sizes: Any, widths: tuple[int, ...], ellipses: bool
) -> Array:
    """Return the size of the window of each pixel."""
    operand = Grid.of("sizes", sizes, layout, layout.spatial, widths)
    given = operand.in_memory(layout, layout.canonical(image))
    return _drawn(plot.finite("sizes", given)[0, 0], layout, ellipses)


def _drawn(given: Array, layout: Layout, ellipses: bool) -> Array:
    """Return what is drawn of the P of a network: sizes along row and column, or of ellipses."""
    if not ellipses:
        return _in_pixels(given, layout)
    real = given.astype(np.float64)
    if real.shape[-1] == 3:
        return real
    return np.broadcast_to(real[..., :2], (*real.shape[:-1], 2))


def _in_pixels(given: Array, layout: Layout) -> Array:
    """Return sizes in whole pixels along row and column, (..., 2), from the P of a network."""
    # Beyond twice the image nothing changes, and an int64 may not hold what a float does.
    limits = size_limits(layout.spatial, None)[1:]
    return np.clip(given[..., :2], 0, limits).astype(np.int64)
