"""The marks that the picture is made of, drawn into axes that show one part of an image."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle

from adapool._backends import Array
from adapool.demo.samples import Crop
from adapool.plot import _canvas, _marks

# One scale for all maps. Where there is no window there is no value either: grey is not on it.
_SCALE: dict[str, Any] = {"vmin": 0.0, "vmax": 1.0}
_MAP_COLOURS = "magma"

# What a network returns is drawn in a colour that neither the image nor the maps contain.
SAID = "#00e5ff"
# Can be told from both ends of the maps' colours.
OUTLINE = "#1e90ff"
_WEIGHTS = LinearSegmentedColormap.from_list("weights", ["black", SAID])


def frame(ax: Axes, title: str, crop: Crop) -> None:
    """Restrict axes to a part of the image, without ticks, and say what to see there."""
    rows, columns = crop
    ax.set_xlim(columns.start - 0.5, columns.stop - 0.5)
    ax.set_ylim(rows.stop - 0.5, rows.start - 0.5)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.set_title(title, fontsize=12, pad=4)


def draw_image(ax: Axes, image: Array) -> None:
    """Show the image itself, in grey."""
    ax.imshow(image, cmap="gray", **_SCALE)


def draw_map(ax: Axes, pooled: Array, step: int = 1, *, centered: bool = False) -> None:
    """Show a pooled map with a window each `step` pixels, at its pixel or around it."""
    _canvas.show_map(ax, pooled, (step, step), centered=centered, cmap=_MAP_COLOURS, **_SCALE)


def draw_boundaries(
    ax: Axes, labels: Array, crop: Crop, colour: str = OUTLINE, width: float = 1.0
) -> None:
    """Draw the lines along which neighbouring pixels of the crop have different labels."""
    corner = crop[0].start, crop[1].start
    _marks.draw_boundaries(ax, labels[crop], corner, color=colour, linewidth=width)


def draw_windows(ax: Axes, centres: Array, sizes: Array) -> None:
    """Draw the windows of centres (row, column), whose sizes along both axes are a map."""
    extents = sizes[tuple(centres.T)][:, np.newaxis]
    _marks.draw_windows(ax, centres, extents, sizes.shape, centered=True, color=SAID, linewidth=1.4)


def draw_weights(ax: Axes, centre: Array, weights: Array) -> None:
    """Show the weights of a square window in the place where they apply, and its centre."""
    (row, column), half = centre, len(weights) / 2
    extent = (column - half, column + half, row + half, row - half)
    ax.imshow(weights, cmap=_WEIGHTS, extent=extent, **_SCALE)
    ax.add_patch(
        Rectangle((column - half, row - half), 2 * half, 2 * half, facecolor="none", edgecolor=SAID)
    )
    ax.plot(column, row, ".", color="red", markersize=4)


def draw_taps(ax: Axes, taps: Array) -> None:
    """Draw where each of some samples looks: (sample, tap, (row, column))."""
    _marks.draw_taps(ax, taps, SAID, joined=True)
