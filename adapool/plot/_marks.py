"""The marks that pictures are made of: outlines, boundaries."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PatchCollection
from matplotlib.patches import Rectangle
from mpl_toolkits.axes_grid1.anchored_artists import AnchoredSizeBar

from adapool._arguments import Array


def draw_boxes(ax: Axes, low: Array, high: Array, **style: Any) -> PatchCollection:
    """Draw the outlines of boxes of pixels, from `low` up to `high`, (n, 2) rows and columns."""
    boxes = [
        Rectangle((left - 0.5, top - 0.5), right - left, bottom - top)
        for (top, left), (bottom, right) in zip(low.tolist(), high.tolist(), strict=True)
    ]
    outlines = PatchCollection(boxes, facecolor="none", **style)
    ax.add_collection(outlines, autolim=False)
    return outlines


def draw_boundaries(
    ax: Axes, labels: Array, corner: tuple[int, int] = (0, 0), **style: Any
) -> LineCollection:
    """Draw the lines along which neighbouring pixels have different labels.

    `corner` is the (row, column) of the first of them.
    """
    upright = _runs(labels[:, 1:] != labels[:, :-1])
    level = _runs((labels[1:] != labels[:-1]).T)[..., ::-1]
    segments = np.concatenate([upright, level])[..., ::-1] + corner[::-1]
    lines = LineCollection(list(segments), capstyle="projecting", **style)
    ax.add_collection(lines, autolim=False)
    return lines


def _runs(beside: Array) -> Array:
    """Return a line (row, column) - (row, column) for each run of marked pixels down a column.

    A line for each run, not one for each pixel: a fraction of them.
    """
    steps = np.diff(np.pad(beside, ((1, 1), (0, 0))).astype(np.int8), axis=0).T
    column, first = np.nonzero(steps == 1)
    _, stop = np.nonzero(steps == -1)
    ends = np.stack([first - 0.5, column + 0.5, stop - 0.5, column + 0.5], axis=-1)
    return ends.reshape(-1, 2, 2)


def draw_scale_bar(ax: Axes, units: str) -> AnchoredSizeBar:
    """Draw a bar of a round length, at most a third of the width, in a corner of the axes."""
    left, right = ax.get_xlim()
    most = (right - left) / 3
    decade = 10.0 ** math.floor(math.log10(most))
    length = max(digit * decade for digit in (1, 2, 5) if digit * decade <= most)
    bar = AnchoredSizeBar(
        ax.transData, length, f"{length:g} {units}", "lower right", pad=0.3, borderpad=0.5, sep=3
    )
    ax.add_artist(bar)
    return bar
