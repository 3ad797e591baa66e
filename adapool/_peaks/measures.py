"""Measures of bright objects: what `peak_table` says of a peak beside where it is.

Everything is (plane, row, column), as it is for kernels. Lengths are in units of the voxel size.
Each object is measured in a box around it, so that nothing far away has any influence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from adapool.estimators.blobs.ellipsoids import unit_ball

Array = NDArray[Any]
Box = tuple[slice, ...]

# Standard deviations of a normal distribution in its median absolute deviation, inverted.
_MAD = 1.4826

# The background is measured in a ring, from one to two radii beyond the object's border: a Gaussian
# spot, seen out to half of its height, has fallen to 6 % of it where the ring begins.
_RING = (1.0, 2.0)

# How far beyond a region its object is looked for, in radii of the region, and in pixels more: it
# may reach a radius beyond, and its ring as far again as it reaches.
MARGIN, MORE = 1 + _RING[1], 3

# Pixels that a ring must have for a plane to be fitted, for each of the numbers that are fitted.
_PIXELS_EACH = 6

# Share of the pixels of an object that are darker than its top. Its maximum would be an extreme of
# the noise; this share puts the border of a Gaussian spot at half of its height, within 6 %.
_TOP = 87.5

# Radius of a Gaussian spot at half of its height, in standard deviations.
_HALF_HEIGHT = float(np.sqrt(2 * np.log(2)))

# Deviations from the median beyond which a pixel does not count as background.
_OUTLIER = 3

# Rounds in which an object is outlined and its background measured around the outline.
_ROUNDS = 2

# Steps of the centre of an object, and how small, in voxels, the last one is.
_STEPS = 50
_STILL = 1e-4


@dataclass(frozen=True)
class Measures:
    """What was measured: a row for each object, and where the objects are.

    Attributes
    ----------
    centroids : (n, 3) array
        In units of the voxel size, pixel 0 at 0.
    volumes : (n,) array
        Of the object out to half of its contrast, in units of the voxel size.
    intensities, backgrounds, noises : (n,) array
        Mean of the object, of the plane through its surroundings, and the standard deviation of
        what is left of the surroundings.
    objects : (plane, row, column) array of int32
        Number i + 1 where object i is, out to half of its contrast; 0 elsewhere.
    """

    centroids: Array
    volumes: Array
    intensities: Array
    backgrounds: Array
    noises: Array
    objects: Array


def measure(
    image: Array, regions: Array, count: int, voxel: Array, ndim: int, origin: Array | None = None
) -> Measures:
    """Measure the objects that lie in regions 1 to `count` of an image.

    Where it is a part of one, `origin` is where that begins; centroids are those in the whole.
    """
    begin = np.zeros(3, int) if origin is None else origin
    rows = np.full((count, 7), np.nan)
    objects = np.zeros(regions.shape, np.int32)
    boxes = ndi.find_objects(regions, count)
    for i, box in enumerate(boxes):
        if box is not None:
            _Object(image, regions, i + 1, box, voxel, ndim, begin).write(rows[i], objects)
    return Measures(rows[:, :3], rows[:, 3], rows[:, 4], rows[:, 5], rows[:, 6], objects)


def joined(parts: list[Measures], order: Array) -> Measures:
    """Return the measures of all parts, in an order, without where the objects are."""
    none = {"centroids": np.zeros((0, 3))}
    names = ("centroids", "volumes", "intensities", "backgrounds", "noises")
    rows = {
        name: np.concatenate([none.get(name, np.zeros(0)), *(getattr(p, name) for p in parts)])
        for name in names
    }
    return Measures(
        **{name: values[order] for name, values in rows.items()},
        objects=np.zeros((0, 0, 0), np.int32),
    )


def filled(image: Array) -> tuple[Array, Array]:
    """Return an image with its lowest value where it is not finite, and where it is finite."""
    known = np.isfinite(image)
    if known.all():
        return image, known
    return np.where(known, image, image[known].min() if known.any() else 0), known


class _Object:
    """One object, in a box around its region that leaves room for its surroundings."""

    def __init__(
        self,
        image: Array,
        regions: Array,
        number: int,
        box: Box,
        voxel: Array,
        ndim: int,
        begin: Array,
    ) -> None:
        self.number, self.voxel = number, voxel[-ndim:]
        radius = self._radius(regions[box] == number)
        margin = np.ceil(MARGIN * radius / voxel).astype(int) + MORE
        self.box = tuple(
            slice(max(0, part.start - more), part.stop + more)
            for part, more in zip(box, margin.tolist(), strict=True)
        )[-ndim:]
        at = (0,) * (3 - ndim) + self.box
        self.image, known = filled(image[at].astype(np.float64))
        self.own = (regions[at] == number) & known
        # What is not known may be anything, as what belongs to others.
        self.others = ((regions[at] != 0) & ~self.own) | ~known
        # Coordinates of the whole image, in units of the voxel size, ready to broadcast.
        self.axes = np.meshgrid(
            *(
                (first + part.start + np.arange(n)) * size
                for first, part, n, size in zip(
                    begin[-ndim:].tolist(), self.box, self.image.shape, self.voxel, strict=True
                )
            ),
            indexing="ij",
            sparse=True,
        )
        self.outline = self.own
        for _ in range(_ROUNDS):
            # A region may be a part of its object: each round may reach a radius farther.
            beyond = ndi.distance_transform_edt(~(self.own | self.outline), self.voxel)
            reach = self._radius(self.outline) + self.voxel.min()
            self.near = (beyond <= reach) & ~self.others
            self.background, self.noise = self._surroundings()
            self.contrast = self.image - self.background
            self.outline = self._outlined()

    def write(self, row: Array, objects: Array) -> None:
        """Write the measures into a row, and the object into a label image."""
        row[:3] = 0
        row[3 - self.image.ndim : 3] = self._centre()
        row[3] = np.count_nonzero(self.outline) * self.voxel.prod()
        row[4] = self.image[self.outline].mean()
        row[5] = self.background[self.outline].mean()
        row[6] = self.noise
        here = objects[(0,) * (3 - self.image.ndim) + self.box]
        here[self.outline & (here == 0)] = self.number

    def _radius(self, mask: Array) -> float:
        ndim = len(self.voxel)
        volume = np.count_nonzero(mask) * self.voxel.prod()
        return float((volume / unit_ball(ndim)) ** (1 / ndim))

    def _surroundings(self) -> tuple[Array, float]:
        """Return the plane through the surroundings, and the noise that they have beside it."""
        radius = self._radius(self.outline)
        distance = ndi.distance_transform_edt(~self.outline, self.voxel)
        free = ~(self.outline | self.own | self.others)
        ring = free & (distance > _RING[0] * radius) & (distance <= _RING[1] * radius)
        for pixels in (ring, free, ~self.outline, np.ones_like(free)):
            if np.count_nonzero(pixels) >= _PIXELS_EACH * (1 + self.image.ndim):
                break
        values = self.image[pixels]
        where = [np.broadcast_to(axis, pixels.shape)[pixels] for axis in self.axes]
        # About their middle, so that the fit is well conditioned.
        middle = [float(each.mean()) for each in where]
        matrix = np.stack([each - m for each, m in zip(where, middle, strict=True)], axis=-1)
        plane, noise = _fit_plane(matrix, values)
        slopes = sum(s * (a - m) for s, a, m in zip(plane[1:], self.axes, middle, strict=True))
        return np.broadcast_to(plane[0] + slopes, self.image.shape), noise

    def _outlined(self) -> Array:
        """Return the object, out to half of its contrast, near its region."""
        top = np.percentile(self.contrast[self.outline], _TOP)
        bright = self.near & (self.contrast > top / 2)
        pieces, _ = ndi.label(bright, np.ones((3,) * bright.ndim))
        in_region = np.bincount(pieces[self.own])[1:]
        if not in_region.any():
            return np.asarray(self.own)
        filled = ndi.binary_fill_holes(pieces == 1 + in_region.argmax())
        return np.asarray(filled & ~self.others)

    def _centre(self) -> Array:
        """Return where the contrast balances, under a Gaussian window as wide as the object.

        Pixels of other objects, and places outside the image, are left out, and so are the pixels
        opposite to them, so that a neighbour does not pull the centre to its side.
        """
        radius = self._radius(self.outline)
        start = centre = self._balance(np.where(self.outline, np.maximum(self.contrast, 0), 0))
        sigma = radius / _HALF_HEIGHT
        for _ in range(_STEPS):
            distance = sum((a - c) ** 2 for a, c in zip(self.axes, centre, strict=True))
            window = np.exp(distance / (-2 * sigma**2)) * self.contrast * self._paired(centre)
            if not window.sum() > 0:
                return start
            # Twice, as the window moves along: Newton's step for a Gaussian spot.
            step = 2 * (self._balance(window) - centre)
            centre = centre + step
            if not np.linalg.norm(centre - start) <= radius:  # led away, by noise or a neighbour
                return start
            if np.abs(step / self.voxel).max() < _STILL:
                break
        return centre

    def _balance(self, weights: Array) -> Array:
        """Return the centre of gravity."""
        if not weights.sum() > 0:
            weights = self.outline.astype(np.float64)
        total = weights.sum()
        return np.array([float((weights * axis).sum() / total) for axis in self.axes])

    def _paired(self, centre: Array) -> Array:
        """Mark pixels outside of other objects whose opposite pixels are outside of them too."""
        opposite = ~self.others
        for i, (axis, c) in enumerate(zip(self.axes, centre, strict=True)):
            first = axis.flat[0]
            index = np.rint((2 * c - axis.ravel() - first) / self.voxel[i]).astype(int)
            n = axis.size
            inside = ((index >= 0) & (index < n)).reshape(axis.shape)
            opposite = np.take(opposite, np.clip(index, 0, n - 1), axis=i) & inside
        return np.asarray(opposite & ~self.others)


def _fit_plane(where: Array, values: Array) -> tuple[Array, float]:
    """Return the coefficients of a plane through values, and the noise beside it.

    Values far from the median, such as those of an object that was not found, are left out.
    """
    kept = np.abs(values - np.median(values)) <= _OUTLIER * _deviation(values)
    where, values = where[kept], values[kept]
    matrix = np.column_stack([np.ones(len(values)), where])
    plane = np.linalg.lstsq(matrix, values, rcond=None)[0]
    return plane, _deviation(values - matrix @ plane)


def _deviation(values: Array) -> float:
    """Return the standard deviation of normal values that have this median deviation."""
    return float(_MAD * np.median(np.abs(values - np.median(values))))
