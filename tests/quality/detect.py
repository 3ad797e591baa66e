"""Peaks beside fixed windows and blob_log."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from scipy import ndimage as ndi
from skimage.feature import blob_log
from skimage.filters import threshold_otsu

import adapool
from adapool.estimators import BlobSizes

from .images import Annotated
from .scores import Array, f1_of_labels, f1_of_spots, hits_of_spots

WINDOWS = (5, 7, 9, 13, 17, 25, 35, 49)
SENSITIVITIES = (0.25, 0.5, 1.0, 1.5, 2.0)


def fixed(image: Array, window: int, most: int | None = None) -> Array:
    """Find maxima of one window for all; above Otsu's threshold, or the `most` highest."""
    smooth = ndi.gaussian_filter(image.astype(np.float64), window / 6)
    peaks = smooth == ndi.maximum_filter(smooth, window)
    if most is None:
        return np.argwhere(peaks & (smooth > threshold_otsu(smooth)))
    points = np.argwhere(peaks)
    order = np.argsort(-smooth[tuple(points.T)], kind="stable")
    return np.asarray(points[order[:most]])


def nuclei_rows(images: list[Annotated]) -> list[tuple[str, dict[str, float]]]:
    """F1 for each labelled image: of adapool, and of each fixed window."""
    rows = []
    for each in images:
        assert each.labels is not None
        scores = {"adapool": f1_of_labels(each.labels, adapool.peak_local_max(each.image))}
        for window in WINDOWS:
            points = fixed(each.image, window)
            scores[f"w = {window}"] = f1_of_labels(each.labels, points)
        rows.append((each.name, scores))
    return rows


def left_out(images: list[Annotated]) -> tuple[dict[float, float], float]:
    """Mean F1 for each sensitivity; and with the one that is best on the other images."""
    table = np.empty((len(SENSITIVITIES), len(images)))
    for i, sensitivity in enumerate(SENSITIVITIES):
        network = BlobSizes(sensitivity=sensitivity)
        for j, each in enumerate(images):
            assert each.labels is not None
            points = adapool.peak_local_max(each.image, network)
            table[i, j] = f1_of_labels(each.labels, points)
    others = table.sum(axis=1, keepdims=True) - table
    chosen = table[others.argmax(axis=0), np.arange(len(images))]
    return dict(zip(SENSITIVITIES, table.mean(axis=1), strict=True)), float(chosen.mean())


def spot_rows(images: list[Annotated]) -> list[tuple[str, str, float, float, int]]:
    """For each image of spots: the score, of adapool and of the best fixed window, and which."""
    rows = []
    for each in images:
        if each.spots is None:
            continue
        found = adapool.peak_local_max(each.image)
        if "planted" in each.name:
            # At an equal count of points, and adapool may return fewer than there are spots.
            most = min(len(found), len(each.spots))
            ours = hits_of_spots(each.spots, found[:most]) / len(each.spots)
            theirs = {
                w: hits_of_spots(each.spots, fixed(each.image, w, most)) / len(each.spots)
                for w in WINDOWS
            }
            what = f"recall, {most} points of each, {len(each.spots)} spots"
        else:
            ours = f1_of_spots(each.spots, found)
            theirs = {w: f1_of_spots(each.spots, fixed(each.image, w)) for w in WINDOWS}
            what = f"F1, {len(found)} points, {len(each.spots)} spots"
        best = max(theirs, key=theirs.__getitem__)
        rows.append((each.name, what, ours, theirs[best], best))
    return rows


def volume_rows(images: list[Annotated]) -> list[tuple[str, float, int, int]]:
    """F1 on labelled volumes, with the number of points and of objects."""
    rows = []
    for each in images:
        if each.labels is not None and each.image.ndim == 3:
            points = adapool.peak_local_max(each.image)
            objects = len(np.unique(each.labels[each.labels > 0]))
            rows.append((each.name, f1_of_labels(each.labels, points), len(points), objects))
    return rows


def speed_rows(images: list[Annotated]) -> list[tuple[str, float, float, float]]:
    """Seconds, and F1 of `blob_log` with its own defaults."""
    rows = []
    for each in images:
        assert each.labels is not None
        adapool.peak_local_max(each.image)
        ours = min(_seconds(adapool.peak_local_max, each.image)[0] for _ in range(3))
        unit = (each.image - each.image.min()) / np.ptp(each.image)
        theirs, blobs = _seconds(blob_log, unit)
        f1 = f1_of_labels(each.labels, blobs[:, :2].astype(int))
        rows.append((each.name, ours, theirs, f1))
    return rows


# Settings of `blob_log`, on images scaled to 0..1: for spots, for nuclei of some sizes.
BLOB_SETTINGS = [
    {"min_sigma": low, "max_sigma": high, "num_sigma": 5, "threshold": threshold}
    for low, high in ((1.5, 3), (3, 10), (5, 20))
    for threshold in (0.05, 0.1)
]


def blob_log_rows(images: list[Annotated]) -> list[tuple[str, float, float]]:
    """Mean F1 on nuclei and on spots, of adapool and of `blob_log` with each of some settings."""
    planes = [each for each in images if each.image.ndim == 2]

    def means(found: list[Array]) -> tuple[float, float]:
        nuclei = [
            f1_of_labels(each.labels, points)
            for each, points in zip(planes, found, strict=True)
            if each.labels is not None
        ]
        spots = [
            f1_of_spots(each.spots, points)
            for each, points in zip(planes, found, strict=True)
            if each.spots is not None
        ]
        return float(np.mean(nuclei)), float(np.mean(spots))

    rows = [("adapool, nothing set", *means([adapool.peak_local_max(e.image) for e in planes]))]
    for setting in BLOB_SETTINGS:
        units = [(each.image - each.image.min()) / np.ptp(each.image) for each in planes]
        found = [blob_log(unit, **setting)[:, :2].astype(int) for unit in units]
        low, high = setting["min_sigma"], setting["max_sigma"]
        name = f"blob_log, sigma {low:g} to {high:g}, threshold {setting['threshold']:g}"
        rows.append((name, *means(found)))
    return rows


def _seconds(call: Any, image: Array) -> tuple[float, Array]:
    start = time.perf_counter()
    result = call(image)
    return time.perf_counter() - start, result
