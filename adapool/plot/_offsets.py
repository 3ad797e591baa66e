"""Where the taps of a deformable convolution look."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from adapool import _arguments, _plot_arguments
from adapool._arguments import Array
from adapool._networks import grid_prediction
from adapool._windows import Windows, conv_windows
from adapool.plot._canvas import OUTLINE, new_axes, show_image

# At most so many points are drawn along the longer side.
_ALONG = 20


def show_offsets(
    image: ArrayLike,
    offsets: Any,
    *,
    kernel_size: int | Sequence[int] = 1,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    offset_groups: int = 1,
    group: int = 0,
    step: int | Sequence[int] | None = None,
    color: Any = OUTLINE,
    cmap: Any = "gray",
    channel_axis: int | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw displacements as arrows from where taps would look to where they do.

    Parameters
    ----------
    image : array_like
        Image (row, column), with a channel axis where `channel_axis` names one.
    offsets : array_like, callable or object with ``.predict``
        As in `adapool.deformable_conv`: ``(*out_spatial, 2)``, shared by all taps, or
        ``(*out_spatial, offset_groups * K * 2)``, with or without a leading 1.
    kernel_size, stride, padding, dilation : int or sequence of int, optional
        Of the convolution that the offsets are for.
    offset_groups : int, optional
        Number of groups in `offsets`.
    group : int, optional
        The group that is drawn.
    step : int or sequence of int, optional
        Output points from one that is drawn to the next.
    color, cmap
        Of the arrows, and the colour map of the image.
    channel_axis : int or None, optional
        The axis of the channels; None for an image without them.
    ax : matplotlib.axes.Axes, optional
        Axes to draw into; a new figure where there are none.

    Returns
    -------
    ax : matplotlib.axes.Axes
    """
    layout, array = _plot_arguments.plane("image", image, channel_axis)
    kernel = _arguments.integers("kernel_size", kernel_size, 2, least=1)
    windows = conv_windows(layout.spatial, kernel, stride, padding, dilation)
    groups = _arguments.count("offset_groups", offset_groups)
    shown = _plot_arguments.group(group, groups)
    widths = (groups * windows.taps * 2, 2)
    given = grid_prediction(
        "offsets", offsets, layout, layout.canonical(array), windows.outputs[1:], widths
    )
    moves = _plot_arguments.finite("offsets", given)[0, 0].astype(np.float64)
    rows, columns, width = moves.shape
    moves = moves.reshape(rows, columns, -1, 2)
    if width == widths[0]:
        moves = moves.reshape(rows, columns, groups, windows.taps, 2)[:, :, shown]
    step_rows, step_columns = _step(step, moves, windows)
    bases = _bases(windows, moves.shape[2])[::step_rows, ::step_columns]
    moves = moves[::step_rows, ::step_columns]
    ax = new_axes(ax)
    show_image(ax, layout, array, cmap)
    ax.set_autoscale_on(False)
    ax.quiver(
        bases[..., 1].ravel(),
        bases[..., 0].ravel(),
        moves[..., 1].ravel(),
        moves[..., 0].ravel(),
        angles="xy",
        scale_units="xy",
        scale=1,
        color=color,
    )
    return ax


def _bases(windows: Windows, taps: int) -> Array:
    """Return where taps look without offsets: (row, column, tap, 2)."""
    axes = []
    for axis in (1, 2):
        starts = np.arange(windows.outputs[axis]) * windows.stride[axis] + windows.origin[axis]
        places = np.arange(windows.kernel[axis]) * windows.dilation[axis]
        axes.append(starts[:, np.newaxis] + (places if taps > 1 else places.mean(keepdims=True)))
    (rows, columns) = axes
    shape = (len(rows), len(columns), rows.shape[1], columns.shape[1])
    grid = [
        np.broadcast_to(rows[:, None, :, None], shape),
        np.broadcast_to(columns[None, :, None, :], shape),
    ]
    return np.stack(grid, axis=-1).reshape(*shape[:2], taps, 2)


def _step(step: Any, moves: Array, windows: Windows) -> tuple[int, ...]:
    if step is not None:
        return _arguments.integers("step", step, 2, least=1)
    reach = np.quantile(np.abs(moves), 0.9) if moves.shape[2] > 1 else 0
    longer = max(moves.shape[:2])
    return tuple(
        max(
            1,
            math.ceil(longer / _ALONG),
            math.ceil((windows.span[axis] + 2 * reach) / windows.stride[axis]),
        )
        for axis in (1, 2)
    )
