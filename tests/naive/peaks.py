"""Local maxima in windows of their own, as loops."""

from __future__ import annotations

from typing import Any

import numpy as np

from .common import Array, Position, flat_index
from .dynamic import pixels_in_window, whole_numbers


def wins(response: Array, pixel: Position, size: list[int], regions: Array) -> bool:
    """Whether nothing in the window of a pixel, within its region, is larger or NaN."""
    if regions[pixel] == 0 or np.isnan(response[pixel]):
        return False
    window = list(pixels_in_window(pixel, size, response.shape, "center"))
    others = [response[p] for p in window if regions[p] == regions[pixel]]
    return bool(window) and all(other <= response[pixel] for other in others)


def plateau(start: Position, response: Array, candidates: set[Position], regions: Array) -> Any:
    """The candidates of one value and region that are connected to the first, corners included."""
    found, waiting = {start}, [start]
    while waiting:
        pixel = waiting.pop()
        for step in np.ndindex((3,) * response.ndim):
            near = tuple(p + s - 1 for p, s in zip(pixel, step, strict=True))
            if near not in candidates or near in found:
                continue
            if response[near] == response[start] and regions[near] == regions[start]:
                found.add(near)
                waiting.append(near)
    return found


def middle(members: set[Position]) -> Position:
    """The member nearest to the centroid, the first in raster order of those."""
    total = [sum(axis) for axis in zip(*members, strict=True)]

    def distance(pixel: Position) -> int:
        return sum((len(members) * p - t) ** 2 for p, t in zip(pixel, total, strict=True))

    return min(sorted(members), key=distance)


def peak_local_max(
    response: Array,
    sizes: Array,
    threshold: float,
    labels: Array | None = None,
    exclude_border: Any = False,
) -> Array:
    """Peaks of a map of numbers, for sizes (*spatial, d)."""
    spatial = response.shape
    regions = np.ones(spatial, int) if labels is None else labels
    size = whole_numbers(sizes)
    numbers = response.astype(np.int64) if response.dtype == bool else response
    with np.errstate(over="ignore"):  # beyond what the dtype holds, nothing is above the threshold
        above = numbers > threshold
    candidates = {
        pixel
        for pixel in np.ndindex(spatial)
        if wins(response, pixel, size[pixel].tolist(), regions) and above[pixel]
    }
    peaks = []
    left = set(candidates)
    while left:
        members = plateau(min(left), response, candidates, regions)
        left -= members
        peaks.append(middle(members))
    # Python sorts stably: by value, then in raster order.
    peaks.sort()
    peaks.sort(key=lambda p: response[p].item(), reverse=True)
    accepted: list[Position] = []
    for peak in peaks:
        for other in accepted:
            window = pixels_in_window(other, size[other].tolist(), spatial, "center")
            equal = response[other] == response[peak] and regions[other] == regions[peak]
            if equal and peak in set(window):
                break
        else:
            accepted.append(peak)
    kept = [p for p in accepted if not at_border(p, size[p].tolist(), spatial, exclude_border)]
    return np.array(kept, np.int64).reshape(-1, response.ndim)


def at_border(pixel: Position, size: list[int], spatial: Position, exclude_border: Any) -> bool:
    if exclude_border is True:
        low = [p - s // 2 for p, s in zip(pixel, size, strict=True)]
        high = [start + s for start, s in zip(low, size, strict=True)]
        ends = [flat_index(tuple(low), spatial), flat_index(tuple(h - 1 for h in high), spatial)]
        return min(ends) < 0
    margins = np.broadcast_to(
        int(exclude_border) if exclude_border is False else exclude_border, len(spatial)
    )
    return any(
        p < m or p >= n - m for p, m, n in zip(pixel, margins.tolist(), spatial, strict=True)
    )
