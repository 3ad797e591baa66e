"""One picture that explains own, fg, read and count, on an image that scikit-image brings along."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy import ndimage as ndi
from skimage import data
from skimage.filters import sobel
from skimage.segmentation import clear_border, find_boundaries, watershed

from .counting import TILE, centroids
from .partitions import COMPACTNESSES, blocks, budget, superpixels
from .pooled import foreground, owned, painted, readable, reduced
from .scores import Array

SIDE = 24  # pixels: coins are larger than nuclei
_PART = slice(None, 200), slice(None, 200)
_YES, _NO = "#56b4e9", "#e69f00"


def coins() -> tuple[Array, Array]:
    """Return coins and their labels, by the watershed of scikit-image's own tutorial."""
    image = data.coins()
    markers = np.zeros(image.shape, int)
    markers[image < 30], markers[image > 150] = 1, 2
    filled = ndi.binary_fill_holes(watershed(sobel(image), markers) == 2)
    labels = ndi.label(ndi.binary_opening(filled, iterations=3))[0]
    return image, np.asarray(clear_border(labels))


def partitions() -> dict[str, Array]:
    """Return partitions of the coins, by blocks, superpixels and regions of objects."""
    from .ours import object_regions

    image, labels = coins()
    most = budget(image.shape, SIDE)
    slic = [superpixels(image, most, compactness) for compactness in COMPACTNESSES]
    return {
        "equal blocks": blocks(image.shape, SIDE),
        "SLIC superpixels": max(slic, key=lambda owner: float(owned(labels, owner)[0].mean())),
        "regions (ObjectRegions)": object_regions(image, most),
    }


def draw(path: Path) -> None:
    """Draw the tasks, and three partitions with as many outputs, over a part of the image."""
    image, labels = coins()
    # Text of 10 points is still legible where a phone shows the picture at half its size.
    figure = Figure(figsize=(7, 8), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, 2).ravel()
    axes[0].imshow(image[_PART], cmap="gray")
    _outline(axes[0], labels, np.ones(labels.max(), bool))
    _explain(axes[0], labels)
    for axis, (name, owner) in zip(axes[1:], partitions().items(), strict=True):
        values = [painted(reduced(image, owner, how), owner) for how in ("max", "mean")]
        owns = owned(labels, owner)[0]
        reads = readable(labels, image, values[0])
        fg = max(foreground(labels, each) for each in values)
        shown = np.where(find_boundaries(owner, mode="inner"), np.nan, values[0])
        axis.imshow(shown[_PART], cmap="gray", vmin=image.min(), vmax=image.max())
        axis.set_facecolor("#404040")
        _outline(axis, labels, owns)
        title = f"{name}: of {len(owns)} coins\n{owns.sum()} own, {reads.sum()} read; fg {fg:.2f}"
        axis.set_title(title, fontsize=10)
    for axis in axes:
        axis.set(xticks=[], yticks=[])
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)


def _outline(axis: Any, labels: Array, good: Array) -> None:
    """Draw outlines of objects, in a colour that tells whether they own an output."""
    for wanted, colour in ((True, _YES), (False, _NO)):
        chosen = np.isin(labels, 1 + np.flatnonzero(good == wanted))
        if chosen[_PART].any():
            axis.contour(chosen[_PART], [0.5], colors=colour, linewidths=1.6)


def _explain(axis: Any, labels: Array) -> None:
    rows, columns = (part.stop for part in _PART)
    at = centroids(labels)
    at = at[(at[:, 0] < rows) & (at[:, 1] < columns)]
    axis.plot(at[:, 1], at[:, 0], "+", color=_YES, ms=9, mew=2)
    top, left = TILE, TILE
    square = ([left, left + TILE, left + TILE, left, left], [top, top, top + TILE, top + TILE, top])
    axis.plot(*square, color="white", lw=1.6, ls="--")
    axis.set_title("own, fg: outlines; read: at +;\ncount: in the dashed tile", fontsize=10)
