"""Regions beside blocks: what a pooled image still tells, at one number of outputs for all."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy import ndimage as ndi

from . import ours, partitions
from .cache import Kept, each_in_processes
from .counting import counts, error, error_shuffled, features
from .images import Annotated, in_sets, labelled_planes
from .pooled import foreground, owned, painted, readable, reduced
from .scores import Array

SIDES = (8, 16, 32)
SHOWN = 16  # the one that the page leads with
CROP = 384  # pixels: of larger images, the first rows and columns
SIGMA = 2.0  # pixels, of the control that smooths first

HINDSIGHT = "blocks, best side for each image"


@dataclass(frozen=True)
class Crop:
    """A part of an annotated image that has objects in it."""

    image: Array
    labels: Array
    digest: str


Part = Callable[[Array, int], Array]


@dataclass(frozen=True)
class Method:
    """A way to pool: partitions to choose from, what is reduced, and how."""

    choices: Sequence[Part]
    reductions: tuple[str, ...] = ("max", "mean")
    sigma: float = 0.0
    kept: bool = False  # in the folder of slow peers
    counted: bool = True
    for_each: bool = False  # one choice for each image, not one for the set


def _blocks(image: Array, most: int, factor: float = 1.0) -> Array:
    side = partitions.side_of(image.shape, most)
    return partitions.blocks(image.shape, round(factor * side))


_SLIC = [partial(partitions.superpixels, compactness=c) for c in partitions.COMPACTNESSES]
METHODS: dict[str, Method] = {
    "maximum over equal blocks": Method([_blocks], ("max",)),
    "Gaussian, then that": Method([_blocks], ("max",), sigma=SIGMA),
    "blocks, maximum or mean": Method([_blocks]),
    HINDSIGHT: Method(
        [partial(_blocks, factor=f) for f in partitions.LARGER], counted=False, for_each=True
    ),
    "quadtree, by variance": Method([partitions.quadtree], kept=True),
    "SLIC, best of three compactnesses": Method(_SLIC, kept=True),
    "Otsu, distance transform, watershed": Method([partitions.otsu_sites], kept=True),
    "`dynamic_stride_pooling`, `ScaleSpaceSizes`": Method([ours.stride_sites]),
    "labels of `BlobSizes` as sites": Method([ours.object_sites]),
    "`region_pooling`, `ObjectRegions`": Method([ours.object_regions]),
}


@dataclass(frozen=True)
class Scores:
    """Scores of a method on a set; `shuffled` is `count` with halves at random."""

    own: float
    small: float
    fg: float
    read: float
    count: float = float("nan")
    shuffled: float = float("nan")


def crops(images: Iterable[Annotated]) -> list[Crop]:
    """Cut images to `CROP` pixels; those in which there is no object then are left out."""
    found = []
    for each in labelled_planes(images):
        assert each.labels is not None
        image, labels = (np.ascontiguousarray(a[:CROP, :CROP]) for a in (each.image, each.labels))
        if (labels > 0).any():
            found.append(Crop(image, labels, each.digest))
    return found


def measure(
    images: Sequence[Annotated], kept: Kept, jobs: int
) -> dict[tuple[str, int], dict[str, Scores]]:
    """Score every method on every set: (set, side) -> method -> scores.

    Halves at random are for the first set and the side that the page leads with.
    """
    groups = list(in_sets(labelled_planes(images)))
    tasks = [
        (group, side, members, kept, (group, side) == (groups[0], SHOWN))
        for group, every in in_sets(labelled_planes(images)).items()
        for side in SIDES
        if (members := crops(every))
    ]
    # The longest first: then no process ends much later than the other.
    tasks.sort(key=lambda task: -len(task[2]))
    done = {}
    for key, scores in each_in_processes(_measure_set, tasks, min(jobs, len(tasks))):
        print(f"{key[0]}, s = {key[1]}: measured", file=sys.stderr, flush=True)
        done[key] = scores
    return dict(sorted(done.items(), key=lambda item: (groups.index(item[0][0]), item[0][1])))


def _measure_set(
    task: tuple[str, int, Sequence[Crop], Kept, bool],
) -> tuple[tuple[str, int], dict[str, Scores]]:
    group, side, members, kept, shuffled = task
    scores = {name: score(name, members, side, kept, shuffled) for name in METHODS}
    return (group, side), scores


def score(
    name: str, members: Sequence[Crop], side: int, kept: Kept, shuffled: bool = False
) -> Scores:
    """Score a method on a set. Where it has choices, each score takes its best one."""
    method = METHODS[name]
    owners = [owners_of(name, each, side, kept) for each in members]
    shares = np.array(
        [
            [_shares(each, owner, method) for owner in choices]
            for each, choices in zip(members, owners, strict=True)
        ]
    )  # (image, choice, score)
    if method.for_each:
        best = np.nanmean(shares.max(axis=1), axis=0)
        own, small, fg, read = best.tolist()
        return Scores(own, small, fg, read)
    means = np.nanmean(shares, axis=0)
    chosen = int(means[:, 0].argmax())  # counting takes the partition that is best at owning
    errors = _errors(members, [choices[chosen] for choices in owners], method, shuffled)
    own, small, fg, read = means.max(axis=0).tolist()
    return Scores(own, small, fg, read, *errors)


def owners_of(name: str, crop: Crop, side: int, kept: Kept) -> list[Array]:
    """Return the partitions of an image that a method has to choose from, checked."""
    method = METHODS[name]
    most = partitions.budget(crop.image.shape, side)
    path = kept.path(crop.digest, name, (CROP, most, len(method.choices)))
    found = kept.get(path) if method.kept else None
    if found is None:
        found = [partitions.numbered(part(crop.image, most)) for part in method.choices]
        if method.kept:
            kept.put(path, [owner.astype(np.int32) for owner in found])
    for owner in found:
        if owner.max() > most:
            raise ValueError(f"{name} has {owner.max()} sites where {most} are allowed")
    return found


def values_of(crop: Crop, owner: Array, method: Method) -> list[Array]:
    """Return the value of each region, for each reduction."""
    image = crop.image.astype(np.float64)
    if method.sigma:
        image = ndi.gaussian_filter(image, method.sigma)
    return [reduced(image, owner, reduction) for reduction in method.reductions]


def _shares(crop: Crop, owner: Array, method: Method) -> tuple[float, float, float, float]:
    """Own, own of the small, fg and read; of the last two the better reduction."""
    owns, small = owned(crop.labels, owner)
    maps = [painted(values, owner) for values in values_of(crop, owner, method)]
    fg = max(foreground(crop.labels, each) for each in maps)
    read = max(readable(crop.labels, crop.image, each).mean() for each in maps)
    of_small = float(owns[small].mean()) if small.any() else float("nan")
    return float(owns.mean()), of_small, fg, float(read)


def _errors(
    members: Sequence[Crop], owners: Sequence[Array], method: Method, shuffled: bool
) -> tuple[float, float]:
    """Return the errors of counting, with the better reduction."""
    if not method.counted:
        return float("nan"), float("nan")
    truth = [counts(each.labels) for each in members]
    values = [values_of(each, owner, method) for each, owner in zip(members, owners, strict=True)]
    described = [
        [features(owner, each[k]) for owner, each in zip(owners, values, strict=True)]
        for k in range(len(method.reductions))
    ]
    fixed = min(error(each, truth) for each in described)
    if not shuffled:
        return fixed, float("nan")
    return fixed, min(error_shuffled(each, truth) for each in described)
