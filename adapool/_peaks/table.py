"""From peaks to a table: which columns there are, and how each is computed from measures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapool._checks import estimators
from adapool._peaks.candidates import find, label_images
from adapool._peaks.fields import Field, ask
from adapool._peaks.measures import Measures, measure
from adapool._peaks.prominence import prominences
from adapool._peaks.search import Search
from adapool.estimators.blobs.ellipsoids import unit_ball

Array = NDArray[Any]
Table = dict[str, Array]


@dataclass(frozen=True)
class Peaks:
    """The peaks of one image (plane, row, column), and all that a column may be computed from.

    Attributes
    ----------
    image : (plane, row, column) array
        What was searched, in which objects are bright.
    sign : {1, -1}
        -1 where the objects are dark, and the image is the negative.
    points : (n, 3) array of int
        Where the peaks are.
    sizes : (n, 3) array of int
        Their windows, in pixels.
    regions : (plane, row, column) array of int32
        Number i + 1 where the pixels near peak i are that may belong to its object.
    voxel : (3,) array
        The voxel size.
    ndim : int
        Number of spatial axes.
    """

    image: Array
    sign: int
    points: Array
    sizes: Array
    regions: Array
    voxel: Array
    ndim: int

    def along_axes(self, values: Array) -> Array:
        """Return the columns of values (n, 3) that belong to axes of the image."""
        return values[:, 3 - self.ndim :]

    def diameters(self, volumes: Array) -> Array:
        """Return the diameters of discs or balls of these volumes."""
        return np.asarray(2 * (volumes / unit_ball(self.ndim)) ** (1 / self.ndim))


def _snr(peaks: Peaks, of: Measures) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((of.intensities - of.backgrounds) / of.noises)


_Column = Callable[[Peaks, Measures], Array]

# Every property, in the order of the table. What gives (n, d) becomes d columns, one for each axis.
_COLUMNS: dict[str, _Column] = {
    "label": lambda peaks, of: np.arange(1, len(peaks.points) + 1),
    "index": lambda peaks, of: peaks.along_axes(peaks.points),
    "centroid": lambda peaks, of: peaks.along_axes(of.centroids),
    "size": lambda peaks, of: peaks.along_axes(peaks.sizes),
    "equivalent_diameter": lambda peaks, of: peaks.diameters(of.volumes),
    "intensity": lambda peaks, of: peaks.sign * of.intensities,
    "background": lambda peaks, of: peaks.sign * of.backgrounds,
    "contrast": lambda peaks, of: peaks.sign * (of.intensities - of.backgrounds),
    "snr": _snr,
    "prominence": lambda peaks, of: prominences(peaks.image, of),
}


def tabulate(search: Search, properties: Sequence[str]) -> Table:
    """Return the columns for the peaks of all images, one image after the other."""
    return _joined([_columns(*each, properties) for each in _measured(search)])


def tabulate_and_label(search: Search, properties: Sequence[str]) -> tuple[Table, Array]:
    """Return the columns, and label images of the objects that were measured.

    They reach out to half of their contrast, and have the numbers of the column ``label``.
    """
    found = list(_measured(search))
    labels = label_images([_objects(measured) for _, measured in found], search.layout)
    return _joined([_columns(*each, properties) for each in found]), labels


# Peaks and what was measured there: once, or where objects may be bright or dark, as each of these.
_Measured = list[tuple[Peaks, Measures]]


def _measured(search: Search) -> Iterator[tuple[int, _Measured]]:
    """Yield the number of each image, its peaks, and what was measured there."""
    signs = {"dark": [-1], "both": [1, -1]}.get(getattr(search.network, "polarity", ""), [1])
    for number, (image, field) in enumerate(zip(search.images, ask(search), strict=True)):
        each = [_peaks_of(image.max(axis=-1), sign, field, search) for sign in signs]
        yield number, [(peaks, _measure(peaks)) for peaks in each]


def _measure(peaks: Peaks) -> Measures:
    return measure(peaks.image, peaks.regions, len(peaks.points), peaks.voxel, peaks.ndim)


def _bright(measured: _Measured) -> NDArray[np.bool_]:
    """Return which objects are bright, where they may be that or dark: by their contrast."""
    bright, dark = (of.intensities - of.backgrounds for _, of in measured)
    return np.asarray(bright >= dark)


def _objects(measured: _Measured) -> Array:
    """Return the objects out to half of their contrast, by their numbers."""
    if len(measured) == 1:
        return measured[0][1].objects
    bright = np.append(False, _bright(measured))
    first, second = (of.objects for _, of in measured)
    dark = np.where(bright[second], 0, second)
    return np.where(bright[first], first, dark)


def _columns(number: int, measured: _Measured, properties: Sequence[str]) -> Table:
    tables = []
    for peaks, of in measured:
        table: Table = {}
        for name in properties:
            values = _COLUMNS[name](peaks, of) if name != "frame" else None
            if values is None:
                table[name] = np.full(len(peaks.points), number)
            elif values.ndim == 1:
                table[name] = values
            else:
                table.update({f"{name}-{axis}": values[:, axis] for axis in range(peaks.ndim)})
        tables.append(table)
    if len(tables) == 1:
        return tables[0]
    bright, (first, second) = _bright(measured), tables
    return {name: np.where(bright, first[name], second[name]) for name in first}


def _joined(tables: Sequence[Table]) -> Table:
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}


def _peaks_of(image: Array, sign: int, field: Field, search: Search) -> Peaks:
    points = find(field, search)
    sizes = field.sizes_at(points)
    if field.objects is None:
        regions = regions_of_windows(points, sizes, field.response.shape)
    else:
        regions = regions_of_objects(field.objects, points, sizes)
    ndim = search.layout.ndim
    spacing = getattr(search.network, "spacing", None) if search.spacing is None else search.spacing
    voxel = np.ones(3)
    voxel[3 - ndim :] = estimators.voxel(spacing, ndim)
    shown = image if sign > 0 else -image.astype(np.float64)
    return Peaks(shown, sign, points, sizes, regions, voxel, ndim)


def regions_of_windows(points: Array, sizes: Array, shape: tuple[int, ...]) -> Array:
    """Return, for networks without objects of their own, the pixels in the windows of peaks.

    A pixel in several windows goes to the nearest peak; of equally near ones to the first.
    """
    regions = np.zeros(shape, np.int32)
    nearest = np.full(shape, np.inf)
    for number, (point, size) in enumerate(zip(points, sizes, strict=True), start=1):
        low = np.maximum(point - size // 2, 0)
        box = tuple(map(slice, low, np.minimum(point - size // 2 + size, shape)))
        axes = np.ogrid[box]
        distance = sum((axis - at) ** 2 for axis, at in zip(axes, point, strict=True))
        nearer = distance < nearest[box]
        regions[box][nearer] = number
        nearest[box][nearer] = distance[nearer]
    return regions


def regions_of_objects(objects: Array, points: Array, sizes: Array) -> Array:
    """Return the objects that a network found, with the numbers of the peaks in them.

    Peaks outside all objects get their window. Of several peaks in one object the first gets it.
    """
    numbers = np.zeros(int(objects.max()) + 1, np.int32)
    owner = objects[tuple(points.T)]
    first = np.unique(owner, return_index=True)[1]
    numbers[owner[first]] = first + 1
    numbers[0] = 0
    regions = numbers[objects]
    lost = np.setdiff1d(np.arange(len(points)), first[owner[first] > 0])
    if len(lost):
        windows = regions_of_windows(points[lost], sizes[lost], regions.shape)
        spare = (regions == 0) & (windows > 0)
        regions[spare] = lost[windows[spare] - 1] + 1
        regions[tuple(points[lost].T)] = lost + 1
    return regions
