"""The partition of an image among sites."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from adapool import _arguments, _plot_arguments
from adapool.plot._canvas import OUTLINE, new_axes, show_image
from adapool.plot._marks import draw_boundaries
from adapool.sites import Sites


def show_sites(
    sites: Sites,
    image: ArrayLike | None = None,
    *,
    show_positions: bool = False,
    color: Any = OUTLINE,
    linewidth: float = 1.2,
    cmap: Any = None,
    channel_axis: int | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the partition of an image among sites as boundaries.

    Parameters
    ----------
    sites : Sites
        Of `adapool.dynamic_stride_pooling`.
    image : array_like, optional
        The image they are drawn over; the pooled map ``sites.to_map()`` where it is not given.
    show_positions : bool, optional
        Whether to mark the pixel of each site.
    color, linewidth, cmap
        Of the boundaries, and the colour map of the image.
    channel_axis : int or None, optional
        The axis of the channels of `image`; None for an image without them.
    ax : matplotlib.axes.Axes, optional
        Axes to draw into; a new figure where there are none.

    Returns
    -------
    ax : matplotlib.axes.Axes
    """
    _plot_arguments.partition(sites)
    marked = _arguments.flag("show_positions", show_positions)
    if image is None:
        layout, array = _plot_arguments.plane("sites", sites.to_map(), sites.channel_axis)
    else:
        layout, array = _plot_arguments.plane("image", image, channel_axis)
        _plot_arguments.same_grid(sites, layout.spatial)
    ax = new_axes(ax)
    drawn = show_image(ax, layout, array, cmap or ("gray" if image is not None else "viridis"))
    if image is None and drawn.get_array().ndim == 2:
        drawn.set_data(np.ma.masked_where(sites.owner < 0, drawn.get_array()))
    draw_boundaries(ax, sites.labels, colors=color, linewidths=linewidth)
    if marked:
        ax.plot(sites.positions[:, 1], sites.positions[:, 0], ".", color=color)
    return ax
