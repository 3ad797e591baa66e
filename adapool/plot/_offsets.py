"""Where the taps of a deformable convolution look."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from numpy.typing import ArrayLike

from adapool._backends import Array
from adapool._checks import arguments, plot
from adapool._plans.operands import Grid
from adapool._windows import Windows, conv_windows
from adapool.plot._canvas import GREY, colour_map, new_axes, show_image, subset
from adapool.plot._marks import MARK, draw_arrows, draw_points, draw_taps

# At most so many outputs are drawn along the longer side.
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
    magnify: float = 1.0,
    color: Any = MARK,
    cmap: Any = GREY,
    channel_axis: int | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw where a deformable convolution looks.

    Offsets that all taps share, and those of a single tap, are drawn as arrows from the middle of
    the window of an output to where the offset moves it. Of a kernel with
    offsets for each tap, the places where the taps look are drawn as dots, and the middle of the
    undeformed window as a larger one; the taps of a kernel of one row or one column are joined by a
    line.

    Parameters
    ----------
    image : array_like
        Image (row, column), with a channel axis where `channel_axis` names one. Three channels
        are drawn in colour, of any other number the maximum.
    offsets : array_like, callable or object with ``.predict``
        Displacements in pixels, row before column, as `adapool.deformable_conv` takes them:
        ``(*out_spatial, 2)``, shared by all taps and groups, or
        ``(*out_spatial, offset_groups * K * 2)``, with or without a leading 1. A network is given
        ``(1, *spatial, C)``.
    kernel_size, stride, padding, dilation : int or sequence of int, optional
        Of the convolution that the offsets are for, as in `adapool.deformable_conv`. By default
        there is an output at each pixel, and it has one tap.
    offset_groups : int, optional
        Number of groups of channels with offsets of their own.
    group : int, optional
        The group that is drawn, counted from 0.
    step : int or sequence of int, optional
        Outputs from one that is drawn to the next, along both axes or each, beginning with the
        first. By default so many that most of what is drawn of one does not reach the next, and
        that at most 20 are drawn along the longer side.
    magnify : float, optional
        How many times as long as the displacements arrows are: small ones cannot be seen on a
        large image. Other than 1 it is written under the image. The places of taps are never
        magnified: an error where they are drawn.
    color : color, optional
        Of arrows and dots. The default, orange, can be told from grey and from viridis with any
        kind of colour vision.
    cmap : str or matplotlib.colors.Colormap, optional
        Colour map of an image that is not in colour.
    channel_axis : int or None, optional
        The axis of the channels; None for an image without them.
    ax : matplotlib.axes.Axes, optional
        Axes to draw into. By default those of a new figure of `matplotlib.pyplot`.

    Returns
    -------
    ax : matplotlib.axes.Axes
        The axes, with the image and the marks, which may be cut at its border: taps may look
        beyond.

    Raises
    ------
    TypeError
        If an argument has the wrong type, or an array a dtype that is not real.
    ValueError
        If the image is not 2-D, no window fits, `offsets` has a wrong shape or a value that is not
        finite, or a number is out of its range.
    ImportError
        If Matplotlib is not installed.

    Examples
    --------
    Every pixel looks three columns to its right:

    >>> import numpy as np
    >>> import matplotlib.pyplot as plt
    >>> from adapool import plot
    >>> image = np.random.default_rng(0).random((16, 24))
    >>> ax = plot.show_offsets(image, np.broadcast_to([0, 3], (16, 24, 2)), step=8)
    >>> arrows = ax.collections[0]
    >>> arrows.U
    array([3., 3., 3., 3., 3., 3.])
    >>> arrows.XY.tolist()
    [[0.0, 0.0], [8.0, 0.0], [16.0, 0.0], [0.0, 8.0], [8.0, 8.0], [16.0, 8.0]]
    >>> plt.close()

    The nine taps of a kernel of 3 x 3, undeformed, at one output:

    >>> ax = plot.show_offsets(image, np.zeros((14, 22, 18)), kernel_size=3, step=22)
    >>> taps = ax.lines[-1]
    >>> taps.get_xdata().tolist()
    [0.0, 1.0, 2.0, 0.0, 1.0, 2.0, 0.0, 1.0, 2.0]
    >>> plt.close()
    """
    layout, array = plot.plane("image", image, channel_axis)
    kernel = arguments.integers("kernel_size", kernel_size, 2, least=1)
    windows = conv_windows(layout.spatial, kernel, stride, padding, dilation, "kernel_size")
    groups = arguments.count("offset_groups", offset_groups)
    shown = plot.group(group, groups)
    colour, colours = to_rgba(color), colour_map(cmap)
    widths = (groups * windows.taps * 2, 2)
    operand = Grid.of("offsets", offsets, layout, windows.outputs[1:], widths)
    given = operand.in_memory(layout, layout.canonical(array))
    moves = _of_group(plot.finite("offsets", given)[0, 0], groups, windows.taps, shown)
    chosen = subset(step, windows.outputs[1:], _room(moves, windows), _ALONG)
    middles, taps = _undeformed(windows, chosen)
    moves = moves[chosen].reshape(len(middles), -1, 2)
    times = plot.magnification(magnify, moves.shape[1])
    ax = new_axes(ax, layout.spatial)
    show_image(ax, layout, array, colours)
    ax.set_autoscale_on(False)
    if moves.shape[1] == 1:
        draw_arrows(ax, middles, moves[:, 0], colour, times)
        if times != 1:
            ax.set_xlabel(f"{ax.get_xlabel()}; arrows {times:g} times as long")
    else:
        draw_points(ax, middles, colour)
        draw_taps(ax, taps + moves, colour, joined=min(kernel) == 1)
    return ax


def _of_group(offsets: Array, groups: int, taps: int, group: int) -> Array:
    """Return the displacements of one group, (row, column, K or 1, 2); 1 where taps share them."""
    rows, columns, width = offsets.shape
    if width == 2:
        return offsets.reshape(rows, columns, 1, 2).astype(np.float64)
    return offsets.reshape(rows, columns, groups, taps, 2)[:, :, group].astype(np.float64)


def _room(moves: Array, windows: Windows) -> Array:
    """Return how many outputs there should be from one to the next along row and column."""
    reach = np.quantile(np.abs(moves), 0.9, axis=(0, 1, 2))
    span = np.array(windows.span[1:]) if moves.shape[2] > 1 else 0
    room: Array = 2 * (span + reach) / windows.stride[1:]
    return room


def _undeformed(windows: Windows, chosen: tuple[slice, ...]) -> tuple[Array, Array]:
    """Return the middles of some windows, (n, 2), and where their taps look, (n, K, 2)."""
    starts = [
        (np.arange(windows.outputs[axis]) * windows.stride[axis] + windows.origin[axis])[part]
        for axis, part in zip((1, 2), chosen, strict=True)
    ]
    within = [np.arange(windows.kernel[axis]) * windows.dilation[axis] for axis in (1, 2)]
    corners = np.stack(np.meshgrid(*starts, indexing="ij"), axis=-1).reshape(-1, 2)
    places = np.stack(np.meshgrid(*within, indexing="ij"), axis=-1).reshape(-1, 2)
    return corners + places.mean(axis=0), corners[:, np.newaxis] + places
