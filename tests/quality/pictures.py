"""What a biologist wants to see: image, windows, peaks found and missed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import adapool
from adapool.estimators import BlobSizes

from .images import Annotated

_MOST = 360


def draw(images: list[Annotated], path: Path) -> None:
    """Draw three panels for each labelled image."""
    # Text of 10 points is still legible where a phone shows the picture at half its size.
    figure = Figure(figsize=(7, 2.8 * len(images)), layout="constrained")
    FigureCanvasAgg(figure)
    for row, each in zip(figure.subplots(len(images), 3, squeeze=False), images, strict=True):
        assert each.labels is not None
        image, labels = each.image[:_MOST, :_MOST], each.labels[:_MOST, :_MOST]
        bright = np.sqrt(image - float(image.min()))
        sizes = BlobSizes().predict(image[np.newaxis, ..., np.newaxis])[0].max(axis=-1)
        points = adapool.peak_local_max(image)
        hit = labels[tuple(points.T)]
        first = np.zeros(len(points), bool)
        first[np.unique(hit, return_index=True)[1]] = True
        good = first & (hit > 0)
        missed = np.setdiff1d(np.unique(labels), [0, *hit])
        middles = np.array([np.argwhere(labels == m).mean(axis=0) for m in missed]).reshape(-1, 2)
        row[0].set_title(each.name)
        row[1].set_title("window size (px)")
        row[2].set_title(f"{good.sum()} found,\n{(~good).sum()} false, {len(missed)} missed")
        for axis in row:
            axis.title.set_fontsize(10)
        for axis in (row[0], row[2]):
            axis.imshow(bright, cmap="gray", vmax=float(np.quantile(bright, 0.998)))
        figure.colorbar(row[1].imshow(sizes, cmap="viridis"), ax=row[1], shrink=0.8)
        row[2].contour(labels > 0, [0.5], colors="c", linewidths=0.5)
        for at, style in ((points[good], "g."), (points[~good], "rx"), (middles, "yo")):
            row[2].plot(at[:, 1], at[:, 0], style, fillstyle="none" if style == "yo" else "full")
        for axis in row:
            axis.set_axis_off()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
