"""An image beside what pooling made of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

from adapool import _plot_arguments
from adapool._formulas import window_start
from adapool.dynamic import Anchor
from adapool.plot._canvas import NO_VALUE, as_values, label_axes, without_value
from adapool.plot._marks import draw_scale_bar


def compare(
    image: ArrayLike,
    pooled: Mapping[str, ArrayLike] | Sequence[ArrayLike] | ArrayLike,
    *,
    titles: Sequence[str] | None = None,
    strides: Sequence[int] | int | None = None,
    anchor: Anchor | Sequence[Anchor] = "corner",
    spacing: float | Sequence[float] | None = None,
    units: str = "px",
    cmap: Any = "viridis",
    vmin: float | None = None,
    vmax: float | None = None,
    channel_axis: int | None = None,
    axes: Sequence[Axes] | NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Draw an image beside pooled maps, at one intensity scale.

    Parameters
    ----------
    image : array_like
        Image (row, column), with a channel axis where `channel_axis` names one.
    pooled : mapping or sequence of array_like, or one array
        Pooled maps of it, by title or not.
    titles : sequence of str, optional
        A title for each map.
    strides : int or sequence of int, optional
        Pixels from one window of a map to the next: for all of them, or one for each.
    anchor : {"corner", "center"}, optional
        Where a value of a map is drawn.
    spacing : float or sequence of float, optional
        Size of a pixel, along row and column.
    units : str, optional
        Unit of `spacing`.
    cmap, vmin, vmax
        Colour map, and the intensities at its ends.
    channel_axis : int or None, optional
        The axis of the channels, in the image and in the maps.
    axes : sequence of matplotlib.axes.Axes, optional
        Axes to draw into, for the image and each map.

    Returns
    -------
    axes : (n + 1,) array of matplotlib.axes.Axes
    """
    layout, array = _plot_arguments.plane("image", image, channel_axis)
    names, maps = _plot_arguments.named_maps(pooled, titles, layout, channel_axis)
    pixel = _plot_arguments.pixel_size(spacing, units)
    steps = _plot_arguments.map_strides(strides, [each.spatial for each, _ in maps], layout.spatial)
    anchors = _plot_arguments.anchors(anchor, len(maps))
    panels = [as_values(layout, array), *(as_values(each, given) for each, given in maps)]
    low, high = _range(panels, vmin, vmax)
    rows, columns = layout.spatial
    if axes is None:
        drawn_into = _new_axes(len(panels), columns * pixel[1] / (rows * pixel[0]))
    else:
        drawn_into = _plot_arguments.axes_for(axes, len(panels))
    for ax, shown, step, where, title in zip(
        drawn_into,
        panels,
        [(1, 1), *steps],
        ["corner", *anchors],
        ["image", *names],
        strict=False,
    ):
        top, left = (window_start(0, s, where == "center") - 0.5 for s in step)
        bottom, right = top + step[0] * shown.shape[0], left + step[1] * shown.shape[1]
        extent = np.array([left, right, bottom, top]) * pixel[[1, 1, 0, 0]]
        mappable = ax.imshow(
            shown,
            cmap=without_value(cmap),
            vmin=low,
            vmax=high,
            extent=extent,
            interpolation="nearest",
        )
        ax.set_xlim(-0.5 * pixel[1], (columns - 0.5) * pixel[1])
        ax.set_ylim((rows - 0.5) * pixel[0], -0.5 * pixel[0])
        ax.set_facecolor(NO_VALUE)
        ax.set_title(title)
        label_axes(ax, units)
    draw_scale_bar(drawn_into[0], units)
    drawn_into[0].figure.colorbar(mappable, ax=list(drawn_into), label="intensity")
    return drawn_into


def _range(panels: list[Any], vmin: float | None, vmax: float | None) -> tuple[Any, Any]:
    """Return the ends of the intensity scale: the extremes of all panels where not given."""
    known = [panel for panel in panels if panel.count()]
    low = min((panel.min() for panel in known), default=None) if vmin is None else vmin
    high = max((panel.max() for panel in known), default=None) if vmax is None else vmax
    return low, high


def _new_axes(number: int, aspect: float) -> NDArray[Any]:
    """Return axes in a new figure, as many in a row as make it about as wide as a page is."""
    import matplotlib.pyplot as plt

    across = min(
        range(1, number + 1),
        key=lambda n: abs(math.log(n * aspect / math.ceil(number / n) / 1.8)),
    )
    down = math.ceil(number / across)
    inches = min(12 / (across * aspect), 9 / down, 4)
    size = (max(across * aspect * inches + 1.5, 4), max(down * (inches + 0.5), 2.5))
    figure, grid = plt.subplots(down, across, squeeze=False, figsize=size, layout="constrained")
    for spare in grid.flat[number:]:
        figure.delaxes(spare)
    drawn_into: NDArray[Any] = grid.ravel()[:number]
    for ax in drawn_into[1:]:
        ax.sharex(drawn_into[0])
        ax.sharey(drawn_into[0])
    return drawn_into
