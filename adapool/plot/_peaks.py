"""Peaks, and the outlines of the objects that they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from numpy.typing import ArrayLike

from adapool._checks import plot
from adapool._checks.estimators import positive
from adapool.plot._canvas import GREY, colour_map, new_axes, show_image
from adapool.plot._marks import MARK, draw_boundaries, draw_points


def show_peaks(
    image: ArrayLike,
    peaks: ArrayLike | Mapping[str, ArrayLike],
    *,
    labels: ArrayLike | None = None,
    color: Any = MARK,
    linewidth: float = 1.2,
    cmap: Any = GREY,
    channel_axis: int | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw peaks as dots on the image, and the outlines of objects.

    Parameters
    ----------
    image : array_like
        Image (row, column), with a channel axis where `channel_axis` names one. Three channels
        are drawn in colour, of any other number the maximum.
    peaks : (n, 2) array_like of int, or mapping
        Row and column of each peak, as `adapool.peak_local_max` returns them, or a table with the
        columns ``index-0`` and ``index-1``, as `adapool.peak_table` does or
        ``pandas.DataFrame`` makes of it.
    labels : (row, column) array_like of int, optional
        Label image whose objects are outlined, such as
        ``adapool.estimators.BlobSizes().regions(image)``; 0 is background.
    color : color, optional
        Of dots and outlines. The default, orange on a dark line, can be told from grey and from
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
        The axes, with the image; ``ax.lines[0]`` holds the dots, and with `labels`
        ``ax.collections[0]`` the outlines.

    Raises
    ------
    TypeError
        If an argument has the wrong type, or an array a dtype that is not real.
    ValueError
        If the image is not 2-D, a peak is outside of it, a table lacks the columns, `labels` have
        another shape than the image, or a number is out of its range.
    ImportError
        If Matplotlib is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> import matplotlib.pyplot as plt
    >>> import adapool
    >>> image = np.zeros((40, 60))
    >>> image[10:20, 15:30] = 1
    >>> table = adapool.peak_table(image, np.full((40, 60), 21))
    >>> ax = adapool.plot.show_peaks(image, table, labels=image.astype(int))
    >>> [values.tolist() for values in ax.lines[0].get_data()]
    [[22], [14]]
    >>> len(ax.collections[0].get_segments())
    4
    >>> plt.close()
    """
    layout, array = plot.plane("image", image, channel_axis)
    points = plot.peaks(peaks, layout.spatial)
    objects = None if labels is None else plot.objects(labels, layout.spatial)
    colour, width = to_rgba(color), positive("linewidth", linewidth)
    colours = colour_map(cmap)
    ax = new_axes(ax, layout.spatial)
    show_image(ax, layout, array, colours)
    if objects is not None:
        draw_boundaries(ax, objects, color=colour, linewidth=width, cased=True)
    draw_points(ax, points, colour)
    return ax
