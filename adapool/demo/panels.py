"""The marks that the picture is made of, drawn into axes that show one part of an image."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PatchCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle

from adapool._arguments import Array
from adapool.demo.samples import Crop

# One scale for all maps. Where there is no window there is no value either: grey is not on it.
_SCALE: dict[str, Any] = {"vmin": 0.0, "vmax": 1.0}
_MAP_COLOURS = "magma"
_NO_VALUE = "0.82"

# What a network says is drawn in one colour, which neither the image nor the maps contain.
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


def draw_map(ax: Axes, pooled: Array, step: int = 1, *, centred: bool = False) -> None:
    """Show a pooled map over the pixels that its windows stand for.

    Parameters
    ----------
    step : int
        Pixels between windows.
    centred : bool
        Whether a value stands for the pixels around that of its window, and not for those that
        follow it.
    """
    first = -0.5 - (step // 2 if centred else 0)
    rows, columns = (first + step * n for n in pooled.shape)
    ax.set_facecolor(_NO_VALUE)
    extent = (first, columns, rows, first)
    ax.imshow(pooled, cmap=_MAP_COLOURS, interpolation="nearest", extent=extent, **_SCALE)


def draw_boundaries(
    ax: Axes, labels: Array, crop: Crop, colour: str = OUTLINE, width: float = 1.0
) -> None:
    """Draw the lines along which neighbouring pixels of the crop have different labels."""
    labels = labels[crop]
    corner = np.array([crop[1].start, crop[0].start])
    beside = np.argwhere(labels[:, 1:] != labels[:, :-1])
    below = np.argwhere(labels[1:] != labels[:-1])
    # One line for each pair of pixels, from corner to corner; row and column become y and x.
    upright = beside[:, np.newaxis, ::-1] + np.array([[0.5, -0.5], [0.5, 0.5]])
    level = below[:, np.newaxis, ::-1] + np.array([[-0.5, 0.5], [0.5, 0.5]])
    lines = LineCollection(
        list(corner + np.concatenate([upright, level])),
        colors=colour,
        linewidths=width,
        capstyle="projecting",
    )
    ax.add_collection(lines, autolim=False)


def draw_windows(ax: Axes, centres: Array, sizes: Iterable[int]) -> None:
    """Draw square windows with an odd number of pixels around (row, column) centres."""
    boxes = [
        Rectangle((column - size / 2, row - size / 2), size, size)
        for (row, column), size in zip(centres, sizes, strict=True)
    ]
    frames = PatchCollection(boxes, facecolor="none", edgecolor=SAID, linewidth=1.4)
    ax.add_collection(frames, autolim=False)


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
    ax.add_collection(LineCollection(list(taps[..., ::-1]), colors=SAID, linewidths=0.8))
    ax.plot(taps[..., 1].ravel(), taps[..., 0].ravel(), ".", color=SAID, markersize=2.5)
