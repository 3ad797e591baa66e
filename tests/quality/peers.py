"""Detectors that one would use otherwise, each with a grid of settings.

A peer is called with an image whose values span 0 to 1 and gives (row, column) points for each of
its settings. Which setting is best for a set of images is known with hindsight.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest import mock

import numpy as np
import skimage.feature.blob
from scipy import ndimage as ndi
from skimage.feature import blob_dog, blob_log, peak_local_max
from skimage.filters import threshold_otsu
from skimage.segmentation import watershed

from .scores import Array

Setting = tuple[float, ...]
Peer = Callable[[Array, Sequence[Setting]], list[Array]]

WINDOWS: list[Setting] = [(w,) for w in (5, 7, 9, 13, 17, 25, 35, 49, 71, 99)]
_SIGMAS = ((1, 2), (1.5, 3), (3, 6), (3, 10), (5, 20), (10, 40))
BLOBS: list[Setting] = [
    (*sigmas, least) for sigmas in _SIGMAS for least in (0.01, 0.02, 0.05, 0.1, 0.2)
]
DEPTHS: list[Setting] = list(itertools.product((1, 2, 4, 8, 16), (0.01, 0.02, 0.05, 0.1, 0.2, 0.3)))
DISTANCES: list[Setting] = list(itertools.product((1, 2, 4), (3, 5, 8, 12, 20, 35)))
SPOTS: list[Setting] = [(sigma,) for sigma in (1, 1.5, 2, 3, 5, 8, 16, 32)]
SOURCES: list[Setting] = list(itertools.product((1.5, 3, 5, 10), (16, 64, 256), (0.005, 0.05)))


def fixed_window(image: Array, settings: Sequence[Setting]) -> list[Array]:
    """Maxima of one window for all, above Otsu's threshold; smoothed by a sixth of the window."""
    found = []
    for (window,) in settings:
        smooth = ndi.gaussian_filter(image, window / 6)
        peaks = smooth == ndi.maximum_filter(smooth, int(window))
        found.append(np.argwhere(peaks & (smooth > threshold_otsu(smooth))))
    return found


def log_blobs(image: Array, settings: Sequence[Setting]) -> list[Array]:
    """`skimage.feature.blob_log`: sigma from, sigma to, threshold."""
    with _remembered(ndi, "gaussian_laplace"):
        return [
            _points(blob_log(image, min_sigma=a, max_sigma=b, num_sigma=5, threshold=least)[:, :-1])
            for a, b, least in settings
        ]


def dog_blobs(image: Array, settings: Sequence[Setting]) -> list[Array]:
    """`skimage.feature.blob_dog`: sigma from, sigma to, threshold."""
    with _remembered(skimage.feature.blob, "gaussian"):
        return [
            _points(blob_dog(image, min_sigma=a, max_sigma=b, threshold=least)[:, :-1])
            for a, b, least in settings
        ]


def prominent(image: Array, settings: Sequence[Setting]) -> list[Array]:
    """Maxima that rise by a height above the saddles around them (h-maxima): sigma, height."""
    known = {}
    found = []
    for sigma, height in settings:
        if sigma not in known:
            known[sigma] = prominences(ndi.gaussian_filter(image, sigma))
        points, rises = known[sigma]
        found.append(points[rises >= height])
    return found


def prominences(smooth: Array) -> tuple[Array, Array]:
    """Return the maxima of an image, and their heights above the saddle to a higher one.

    As `skimage.morphology.h_maxima` has it, but for all heights at once: where the basins of the
    maxima meet is a saddle, and the lower one of two ends there. The highest has no end.
    """
    around = np.ones((3,) * smooth.ndim)
    maxima, count = ndi.label(smooth == ndi.maximum_filter(smooth, footprint=around), around)
    points = np.zeros((count, smooth.ndim), np.int64)
    at = np.argwhere(maxima)[::-1]  # the first pixel of a plateau stays
    points[maxima[tuple(at.T)] - 1] = at
    basins = watershed(-smooth, maxima, connectivity=around) - 1
    pairs, saddles = [], []
    offsets = list(itertools.product((-1, 0, 1), repeat=smooth.ndim))
    for offset in offsets[len(offsets) // 2 + 1 :]:
        one = tuple(
            slice(max(0, -o), n - max(0, o)) for o, n in zip(offset, smooth.shape, strict=True)
        )
        other = tuple(
            slice(max(0, o), n - max(0, -o)) for o, n in zip(offset, smooth.shape, strict=True)
        )
        meet = basins[one] != basins[other]
        pairs.append(np.stack([basins[one][meet], basins[other][meet]], axis=-1))
        saddles.append(np.minimum(smooth[one][meet], smooth[other][meet]))
    edges, saddle = np.concatenate(pairs), np.concatenate(saddles)
    heights = smooth[tuple(points.T)]
    rises = np.full(count, np.inf)
    root = list(range(count))

    def top(node: int) -> int:
        while root[node] != node:
            root[node] = node = root[root[node]]
        return node

    order = np.argsort(-saddle, kind="stable")
    for (a, b), level in zip(edges[order].tolist(), saddle[order].tolist(), strict=True):
        high, low = top(a), top(b)
        if high != low:
            if heights[high] < heights[low]:
                high, low = low, high
            rises[low], root[low] = heights[low] - level, high
    return points, rises


def distances(image: Array, settings: Sequence[Setting]) -> list[Array]:
    """Otsu's threshold and peaks of the distance transform: sigma, least distance."""
    found = []
    for sigma, apart in settings:
        smooth = ndi.gaussian_filter(image, sigma)
        inside = smooth > threshold_otsu(smooth)
        depth = ndi.gaussian_filter(ndi.distance_transform_edt(inside), 1)
        peaks = peak_local_max(
            depth, min_distance=int(apart), labels=ndi.label(inside)[0], exclude_border=False
        )
        found.append(peaks)
    return found


def log_spots(image: Array, settings: Sequence[Setting]) -> list[Array]:
    """Maxima of a Laplacian of Gaussian above an automatic threshold, as big-FISH has it: sigma.

    The threshold is where the curve of the logarithm of the number of spots bends most: farthest
    from the chord between its ends.
    """
    found = []
    for (sigma,) in settings:
        response = np.maximum(-ndi.gaussian_laplace(image, sigma), 0)
        size = 2 * max(1, round(sigma)) + 1
        peaks = (response == ndi.maximum_filter(response, size)) & (response > 0)
        heights = np.sort(response[peaks])
        levels = np.linspace(0, heights[-1] if len(heights) else 1, 200, endpoint=False)
        curve = np.log(np.maximum(len(heights) - np.searchsorted(heights, levels, "right"), 1))
        chord = np.linspace(curve[0], curve[-1], len(curve))
        found.append(np.argwhere(peaks & (response > levels[np.argmax(chord - curve)])))
    return found


def sources(image: Array, settings: Sequence[Setting]) -> list[Array]:
    """SExtractor by the package `sep`: sigmas of the noise, mesh of the background, deblending."""
    import sep

    found = []
    for sigmas, mesh, deblend in settings:
        background = sep.Background(np.ascontiguousarray(image), bw=int(mesh), bh=int(mesh))
        noise = max(background.globalrms, 1e-6)
        try:
            table = sep.extract(
                image - background, sigmas, err=noise, deblend_nthresh=16, deblend_cont=deblend
            )
        except Exception as error:  # sep has no class of its own for a full buffer
            if "limit" not in str(error) and "pixel buffer" not in str(error):
                raise
            found.append(np.empty((0, 2), int))
            continue
        at = np.stack([table["y"], table["x"]], axis=-1)
        found.append(_points(np.clip(at, 0, np.array(image.shape) - 1)))
    return found


PEERS: dict[str, tuple[Peer, list[Setting]]] = {
    "fixed window": (fixed_window, WINDOWS),
    "blob_log": (log_blobs, BLOBS),
    "blob_dog": (dog_blobs, BLOBS),
    "prominence (h-maxima)": (prominent, DEPTHS),
    "Otsu, distance transform": (distances, DISTANCES),
    "LoG, automatic threshold": (log_spots, SPOTS),
    "sep (SExtractor)": (sources, SOURCES),
}
PLANES_ONLY = {"sep (SExtractor)"}


def unit(image: Array) -> Array:
    """Scale an image to 0..1."""
    values = image.astype(np.float64)
    low, high = float(values.min()), float(values.max())
    return np.asarray((values - low) / max(high - low, 1e-12))


def _points(found: Array) -> Array:
    """Return the nearest pixels."""
    return np.asarray(np.rint(found), np.int64)


@contextmanager
def _remembered(module: Any, name: str) -> Iterator[None]:
    """Let a filter of one image be computed once for each scale: settings share them."""
    original, known = getattr(module, name), {}

    def filtered(image: Array, sigma: Any, *rest: Any, **options: Any) -> Array:
        key = tuple(np.atleast_1d(sigma).tolist())
        if key not in known:
            known[key] = original(image, sigma, *rest, **options)
        return np.array(known[key])

    with mock.patch.object(module, name, filtered):
        yield
