"""The annotated images: pairs ``*_img`` and ``*_labels`` or ``*_points`` somewhere in a folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage import io

Array = NDArray[Any]

# Images of dark objects, which are inverted.
DARK = frozenset({"dsb_1b44d226"})


@dataclass(frozen=True)
class Annotated:
    """An image, and either a label image or the (row, column) of spots."""

    name: str
    image: Array
    labels: Array | None
    spots: Array | None


def load(folder: Path) -> list[Annotated]:
    """Load every annotated image below a folder, in order of name."""
    found = list(_load(folder))
    if not found:
        raise SystemExit(f"no annotated image (*_img.png, *_img.tif) below {folder}")
    return found


def _load(folder: Path) -> Iterator[Annotated]:
    for path in sorted(folder.rglob("*_img.*")):
        name = path.name.partition("_img")[0]
        image = io.imread(path)
        if name in DARK:
            image = image.max() - image
        points = path.with_name(f"{name}_points.csv")
        if points.exists():
            spots = np.loadtxt(points, delimiter=",", skiprows=1)
            yield Annotated(name, image, None, spots)
        else:
            labels = io.imread(path.with_name(path.name.replace("_img", "_labels")))
            yield Annotated(name, image, labels, None)


def nuclei(images: list[Annotated]) -> list[Annotated]:
    """Return the labelled two-dimensional images."""
    return [each for each in images if each.labels is not None and each.image.ndim == 2]
