"""Pictures of an image with its peaks, a pixel of one for a pixel of the other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from adapool.io import Image
from adapool.io._whole import whole
from adapool.plot import show_peaks

# Pixels of the longer side: small images are magnified, so that a dot hides no object.
_LEAST, _MOST = 800, 4000

# Percentiles between which brightness is shown: a hot pixel would leave the rest black.
_SHOWN = (0.5, 99.8)

_DPI = 100


def draw(path: Path, frame: Image, table: Mapping[str, Any], objects: Any, overwrite: bool) -> None:
    """Write a picture of an image without time; volumes are seen along their planes."""
    shown, labels = _flat(frame, objects)
    rows, columns = shown.shape
    longer = max(rows, columns)
    scale = max(1, -(-_LEAST // longer)) if longer < _LEAST else min(1.0, _MOST / longer)
    figure = Figure(figsize=(columns * scale / _DPI, rows * scale / _DPI), dpi=_DPI)
    axes = figure.add_axes((0, 0, 1, 1))
    last = len(frame.spatial_axes)
    points = {f"index-{i}": table[f"index-{last - 2 + i}"] for i in range(2)}
    show_peaks(shown, points, labels=labels, ax=axes)
    axes.set_axis_off()
    with whole(path, overwrite) as temporary:
        figure.savefig(temporary, dpi=_DPI, format="png")


def _flat(frame: Image, objects: Any) -> tuple[Any, Any]:
    """Return an image (row, column) between its percentiles, and labels: maxima of the others."""
    array = np.asarray(frame)
    others = tuple(i for i, axis in enumerate(frame.axes) if axis not in "yx")
    array = array.max(axis=others).astype(np.float32)
    low, high = np.percentile(array, _SHOWN)
    if not high > low:
        low, high = array.min(), array.max()
    return np.clip(array, low, high), objects.max(axis=0) if objects.ndim == 3 else objects
