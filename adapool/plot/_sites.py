"""The partition of an image among sites."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from numpy.typing import ArrayLike

from adapool._checks import arguments, plot
from adapool._checks.estimators import positive
from adapool.plot._canvas import (
    COLOURS,
    GREY,
    as_values,
    colour_map,
    label_axes,
    new_axes,
    show_image,
    show_map,
)
from adapool.plot._marks import MARK, draw_boundaries, draw_points
from adapool.sites import Sites

# Of a boundary, in points.
_WIDEST = 1.2


def show_sites(
    sites: Sites,
    image: ArrayLike | None = None,
    *,
    show_positions: bool = False,
    color: Any = MARK,
    linewidth: float | None = None,
    cmap: Any = None,
    channel_axis: int | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the partition of an image among sites, as boundaries.

    What is drawn is what each site claims, by its strides; `show_windows` with
    ``positions=sites.positions`` and ``anchor="corner"`` draws ``sites.sizes``, what each looks at.

    Parameters
    ----------
    sites : Sites
        Of a 2-D image, from `adapool.dynamic_stride_pooling`.
    image : array_like, optional
        Image (row, column) to draw the boundaries over, with a channel axis where `channel_axis`
        names one. Three channels are drawn in colour, of any other number the maximum. By
        default ``sites.to_map()``, of channels the maximum; pixels that no site owns are grey.
    show_positions : bool, optional
        Whether to mark the pixel of each site, the first of its box.
    color : color, optional
        Of the boundaries. The default, orange on a dark line, can be told from grey and from
        viridis with any kind of colour vision.
    linewidth : float, optional
        Of the boundaries, in points. By default 1.2, and less where sites are small in the
        figure.
    cmap : str or matplotlib.colors.Colormap, optional
        Colour map of what is not in colour: by default "gray" for an image, "viridis" for the map
        of the sites.
    channel_axis : int or None, optional
        The axis of the channels of `image`; None for an image without them. Not to be given
        without `image`: sites know their own.
    ax : matplotlib.axes.Axes, optional
        Axes to draw into. By default those of a new figure of `matplotlib.pyplot`.

    Returns
    -------
    ax : matplotlib.axes.Axes
        The axes, with the image; ``ax.collections[0]`` holds the boundaries.

    Raises
    ------
    TypeError
        If an argument has the wrong type, or an array a dtype that is not real.
    ValueError
        If the sites are those of a volume, the image has other pixels than they have, or a number
        is out of its range.
    ImportError
        If Matplotlib is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> import matplotlib.pyplot as plt
    >>> import adapool
    >>> image = np.arange(48.0).reshape(6, 8)
    >>> sites = adapool.dynamic_stride_pooling(image, np.full((6, 8, 4), 4), channel_axis=None)
    >>> ax = adapool.plot.show_sites(sites, image)
    >>> len(ax.collections[0].get_segments())  # below the first two sites, and between columns
    2
    >>> plt.close()
    """
    sites = plot.partition(sites)
    marked = arguments.flag("show_positions", show_positions)
    colour = to_rgba(color)
    width = None if linewidth is None else positive("linewidth", linewidth)
    if image is None:
        plot.no_channel_axis(channel_axis)
        layout, array = plot.plane("sites", sites.to_map(), sites.channel_axis)
    else:
        layout, array = plot.plane("image", image, channel_axis)
        plot.same_pixels(sites, layout.spatial)
    usual = COLOURS if image is None else GREY
    colours = colour_map(usual if cmap is None else cmap)
    ax = new_axes(ax, layout.spatial)
    if image is None:
        show_map(ax, np.ma.masked_where(sites.owner < 0, as_values(layout, array)), cmap=colours)
        label_axes(ax)
    else:
        show_image(ax, layout, array, colours)
    width = _width(ax, sites) if width is None else width
    draw_boundaries(ax, sites.labels, color=colour, linewidth=width, cased=True)
    if marked:
        draw_points(ax, sites.positions, colour)
    return ax


def _width(ax: Axes, sites: Sites) -> float:
    """Return a width in points by which boundaries do not cover sites."""
    rows, columns = sites.owner.shape
    room = ax.get_window_extent()
    points = 72 / ax.figure.dpi * min(room.width / columns, room.height / rows)  # in a pixel
    side = points * math.sqrt(rows * columns / len(sites.positions))
    return float(min(_WIDEST, max(side / 10, 0.2)))
