"""The marks that pictures are made of: outlines, boundaries, taps, arrows, a scale bar."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PatchCollection
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Ellipse, Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.quiver import Quiver
from mpl_toolkits.axes_grid1.anchored_artists import AnchoredSizeBar

from adapool._backends import Array
from adapool._formulas import window_start

# Orange of the palette of Okabe and Ito, which readers with any kind of colour vision tell from
# grey and from viridis; the dark casing tells it from what is light.
MARK = "#ffb000"
_CASING = "black"


def draw_windows(
    ax: Axes, points: Any, sizes: Any, spatial: tuple[int, ...], *, centered: bool, **style: Any
) -> None:
    """Draw the outlines of windows, cut to the image; points and sizes are (n, (row, column))."""
    low = window_start(points, sizes, centered)
    first, stop = np.maximum(low, 0), np.minimum(low + sizes, spatial)
    boxes = [
        Rectangle((left - 0.5, top - 0.5), right - left, bottom - top)
        for (top, left), (bottom, right) in zip(first.tolist(), stop.tolist(), strict=True)
    ]
    _add_outlines(ax, PatchCollection, boxes, **style)


def draw_ellipses(ax: Axes, points: Any, sizes: Any, **style: Any) -> None:
    """Draw the outlines of ellipses, which end where the axes do.

    Points are (n, (row, column)), sizes (n, 2) along these, or (n, 3): major and minor axis length,
    and the angle from the axis of rows toward that of columns.
    """
    if sizes.shape[1] == 3:
        width, height, angle = sizes[:, 0], sizes[:, 1], 90 - np.degrees(sizes[:, 2])
    else:
        width, height, angle = sizes[:, 1], sizes[:, 0], np.zeros(len(sizes))
    outlines = [
        Ellipse((column, row), w, h, angle=a)
        for (row, column), w, h, a in zip(points.tolist(), width, height, angle, strict=True)
    ]
    _add_outlines(ax, PatchCollection, outlines, **style)


def draw_boundaries(
    ax: Axes, labels: Array, corner: tuple[int, int] = (0, 0), **style: Any
) -> None:
    """Draw the lines along which neighbouring pixels have different labels.

    `corner` is the (row, column) of the first pixel.
    """
    upright = _runs(labels[:, 1:] != labels[:, :-1])
    level = _runs((labels[1:] != labels[:-1]).T)[..., ::-1]
    segments = np.concatenate([upright, level]) + corner
    _add_outlines(ax, LineCollection, list(segments[..., ::-1]), **style)


def _add_outlines(
    ax: Axes, kind: Any, shapes: list[Any], *, color: Any, linewidth: float, cased: bool = False
) -> None:
    """Add a collection, and where `cased` one of wider dark lines under it.

    As path effects these would lie over the lines of other shapes that they cross.
    """
    layers = [(color, linewidth, 1.9), (_CASING, 2 * linewidth, 1.8)]
    for edge, width, order in layers if cased else layers[:1]:
        outlines = kind(
            shapes, facecolor="none", linewidth=width, zorder=order, capstyle="projecting"
        )
        outlines.set_edgecolor(edge)
        ax.add_collection(outlines, autolim=False)


def _runs(beside: Array) -> Array:
    """Return a line for each run, down a column, of pixels that a boundary is to the right of.

    From one (row, column) to another: (n, 2, 2). A line for each pixel would be many more.
    """
    steps = np.diff(np.pad(beside, ((1, 1), (0, 0))).astype(np.int8), axis=0).T
    column, first = np.nonzero(steps == 1)
    _, stop = np.nonzero(steps == -1)
    ends = np.stack([first - 0.5, column + 0.5, stop - 0.5, column + 0.5], axis=-1)
    return ends.reshape(-1, 2, 2)


def draw_points(ax: Axes, points: Array, color: Any) -> None:
    """Mark (row, column) points, (n, 2), with dots that have a dark rim."""
    ax.plot(
        points[:, 1], points[:, 0], "o", color=color, markersize=3.5,
        markeredgecolor=_CASING, markeredgewidth=0.7,
    )  # fmt: skip


def draw_taps(ax: Axes, taps: Array, color: Any, *, joined: bool) -> None:
    """Mark where the taps of each of some outputs look, (output, tap, (row, column))."""
    if joined:
        lines = LineCollection(list(taps[..., ::-1]), colors=color, linewidths=0.8)
        ax.add_collection(lines, autolim=False)
    rows, columns = taps[..., 0].ravel(), taps[..., 1].ravel()
    ax.plot(columns, rows, ".", color=color, markersize=2.5)


def draw_arrows(ax: Axes, tails: Array, moves: Array, color: Any, magnify: float) -> Quiver:
    """Draw arrows, `magnify` times as long as the moves, both (n, (row, column))."""
    arrows = ax.quiver(
        tails[:, 1], tails[:, 0], moves[:, 1], moves[:, 0],
        angles="xy", scale_units="xy", scale=1 / magnify, color=color, width=0.004, minlength=0.5,
    )  # fmt: skip
    arrows.set_path_effects([withStroke(linewidth=1.2, foreground=_CASING)])
    return arrows


def draw_scale_bar(ax: Axes, units: str) -> AnchoredSizeBar:
    """Draw a bar of a round length, at most a third of the width, above the right corner.

    There it hides nothing, and can be read whatever the image is.
    """
    left, right = ax.get_xlim()
    bottom, top = ax.get_ylim()
    most = (right - left) / 3
    decade = 10.0 ** math.floor(math.log10(most))
    length = max(digit * decade for digit in (1, 2, 5) if digit * decade <= most)
    bar = AnchoredSizeBar(
        ax.transData, length, f"{length:g} {units}", "lower right",
        pad=0, borderpad=0.3, sep=3, frameon=False, label_top=True,
        color=rcParams["text.color"], fontproperties=FontProperties(size="small"),
        size_vertical=abs(top - bottom) / 80, bbox_to_anchor=(1, 1), bbox_transform=ax.transAxes,
    )  # fmt: skip
    ax.add_artist(bar)
    return bar
