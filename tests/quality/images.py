"""Annotated images: ``*_img`` beside ``*_labels`` or ``*_points``, in sets.

How a set, and the polarity of an image, are told, for any folder:

- A line of a text file, ``pattern  set  [bright|dark]``, whose pattern fits ``FOLDER/.../NAME``;
  the first that fits counts. The file is ``sets.txt`` in the folder, or given with ``--sets``.
- Otherwise the set is the sub-folder that an image lies in, or, right in the folder, what its name
  begins with, up to the first ``_``; dark images are a set of their own. In any case spots, and
  volumes, are.
- Otherwise an image is dark where the median within its labels is below that outside; with points,
  it is bright. Dark images are inverted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path

import numpy as np
from skimage import io

from .scores import Array

# The sets of the images that ``docs/quality.md`` reports on.
DOCUMENTED = Path(__file__).with_name("sets.txt")


@dataclass(frozen=True)
class Annotated:
    """An image of bright objects, and either a label image or the (row, column) of spots."""

    name: str
    group: str
    image: Array
    labels: Array | None
    spots: Array | None
    dark: bool = False

    @cached_property
    def digest(self) -> str:
        """Tell images apart by what they hold."""
        image = np.ascontiguousarray(self.image)
        head = f"{image.shape} {image.dtype.str}".encode()
        return hashlib.sha256(head + image.tobytes()).hexdigest()[:16]


@dataclass(frozen=True)
class Line:
    """A line of the text file of sets."""

    pattern: str
    group: str
    dark: bool | None


def read_sets(path: Path) -> list[Line]:
    """Read a text file of sets."""
    lines = []
    for number, text in enumerate(path.read_text().splitlines(), start=1):
        words = text.partition("#")[0].split()
        if not words:
            continue
        if len(words) not in (2, 3) or words[2:] not in ([], ["dark"], ["bright"]):
            raise SystemExit(f"{path}:{number}: wanted 'pattern set [bright|dark]', got {text!r}")
        lines.append(Line(words[0], words[1], words[2] == "dark" if words[2:] else None))
    return lines


def load(folders: Iterable[Path], sets: Path | None = None) -> list[Annotated]:
    """Load every annotated image below some folders, in order of name."""
    given = list(folders)
    found = [each for folder in given for each in _load(folder, sets)]
    if not found:
        where = ", ".join(map(str, given))
        raise SystemExit(f"no annotated image (*_img.png, *_img.tif) below {where}")
    return found


def _load(folder: Path, sets: Path | None) -> Iterator[Annotated]:
    own = folder / "sets.txt"
    path = sets or (own if own.exists() else None)
    lines = read_sets(path) if path else []
    for image_path in sorted(folder.rglob("*_img.*")):
        yield _annotated(image_path, folder, lines)


def _annotated(path: Path, folder: Path, lines: list[Line]) -> Annotated:
    name = path.name.partition("_img")[0]
    inner = path.relative_to(folder).parts[:-1]
    where = "/".join((folder.resolve().name, *inner, name))
    line = next((each for each in lines if fnmatch(where, each.pattern)), None)
    group = line.group if line else inner[0] if inner else name.partition("_")[0]
    image = io.imread(path)
    points = path.with_name(f"{name}_points.csv")
    labels = spots = None
    if points.exists():
        spots = np.loadtxt(points, delimiter=",", skiprows=1, ndmin=2)
    else:
        beside = sorted(path.parent.glob(f"{name}_labels.*"))
        if not beside:
            raise SystemExit(f"{path} has neither {name}_labels.* nor {name}_points.csv beside it")
        labels = io.imread(beside[0])
        if labels.shape != image.shape:
            raise SystemExit(f"{beside[0]} has shape {labels.shape}, its image {image.shape}")
    dark = line.dark if line and line.dark is not None else _is_dark(image, labels)
    if dark:
        image = image.max() - image
    kind = ", spots" if spots is not None else ", 3-D" if image.ndim == 3 else ""
    if not line and not kind and dark:
        kind = ", dark"
    return Annotated(name, group + kind, image, labels, spots, dark)


def _is_dark(image: Array, labels: Array | None) -> bool:
    if labels is None or not (labels > 0).any() or (labels > 0).all():
        return False
    return bool(np.median(image[labels > 0]) < np.median(image[labels == 0]))


def in_sets(images: Sequence[Annotated]) -> dict[str, list[Annotated]]:
    """Part images into their sets, in order of first appearance."""
    sets: dict[str, list[Annotated]] = {}
    for each in images:
        sets.setdefault(each.group, []).append(each)
    return sets


def labelled_planes(images: Iterable[Annotated]) -> list[Annotated]:
    """Return the labelled two-dimensional images."""
    return [each for each in images if each.labels is not None and each.image.ndim == 2]
