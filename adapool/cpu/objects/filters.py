"""Separable filters along the axes of an image: openings, Gaussians and boxes.

To the bit as SciPy's, whose loops for any dtype, line by line through a buffer, take two to ten
times as long. Beyond a border is the reflection of what is on this side of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adapool._jit import device, kernel, workers_for

# Pixels from which threads pay: of fewer, a pass takes less than a millisecond, and where cores are
# busy, threads wait for each other for longer.
_THREADED = 1 << 20

# Columns that a running sum goes down with at once.
_BLOCK = 128


def _work(size: int, taps: int) -> int:
    return 0 if size < _THREADED else size * taps


def opening(image: Any, widths: Any) -> Any:
    """Return the largest over boxes of the least over boxes: what is as wide as a box stays."""
    lower = _extremes(image, [(w // 2, (w - 1) // 2) for w in widths], 1)
    return _extremes(lower, [((w - 1) // 2, w // 2) for w in widths], -1)


def _extremes(image: Any, reaches: Any, sign: int) -> Any:
    # A window cut at a border has the extremes of one that is reflected there.
    for axis, (before, after) in enumerate(reaches):
        if before + after:
            out = np.empty_like(image)
            lines, results = image.reshape(-1, image.shape[2]), out.reshape(-1, image.shape[2])
            step = image.shape[1] if axis == 0 else int(axis == 1)
            _least(
                lines, image.shape[axis], step, before, after, np.float32(sign), results,
                work=_work(image.size, before + after), tasks=len(lines),
            )  # fmt: skip
            image = out
    return image


@kernel
def _least(
    task: int, lines: Any, length: Any, step: Any, before: Any, after: Any, sign: Any, out: Any
) -> None:
    """Take the least (with sign -1 the largest) of lines `step` apart; with 0 along a line."""
    own, mine, columns = out[task], lines[task], lines.shape[1]
    for x in range(columns):
        own[x] = mine[x]
    place = task // step % length if step > 0 else 0
    for shift in range(-before, after + 1):
        first, last = 0, columns
        if step > 0:
            if not 0 <= place + shift < length:
                continue
            other = lines[task + shift * step]
        else:
            first, last = max(-shift, 0), columns - max(shift, 0)
            other = lines[task, max(shift, 0) : columns - max(-shift, 0)]
        part = own[first:last]
        if sign > 0:
            for x in range(len(part)):
                part[x] = other[x] if other[x] < part[x] else part[x]
        else:
            for x in range(len(part)):
                part[x] = other[x] if other[x] > part[x] else part[x]


def gaussian(image: Any, sigmas: Any) -> Any:
    """Return an image smoothed by a Gaussian, cut at 4 standard deviations, in pixels."""
    for axis, sigma in enumerate(sigmas):
        if sigma > 0:
            place = np.arange(int(4 * sigma + 0.5), -1, -1, dtype=np.float64)
            both = np.concatenate([place, place[-2::-1]]) if len(place) > 1 else place
            weights = np.exp(-0.5 / (sigma * sigma) * place**2)
            weights /= np.exp(-0.5 / (sigma * sigma) * both**2).sum()
            image = _weighed(image, axis, weights[::-1].copy())
    return image


def _weighed(image: Any, axis: int, weights: Any) -> Any:
    planes, rows, columns = image.shape
    out = np.empty_like(image)
    work = _work(image.size, len(weights))
    workers = workers_for(work, planes * rows)
    wide = np.empty((workers, columns + 2 * (len(weights) - 1 if axis == 2 else 0)))
    sums = np.empty((workers, columns))
    step = rows if axis == 0 else int(axis == 1)
    lines, results = image.reshape(-1, columns), out.reshape(-1, columns)
    _weigh(lines, image.shape[axis], step, weights, wide, sums, results, work=work, tasks=workers)
    return out


@device
def _reflected(place: Any, length: Any) -> Any:
    while not 0 <= place < length:
        place = -1 - place if place < 0 else 2 * length - 1 - place
    return place


@kernel
def _weigh(
    worker: int, lines: Any, length: Any, step: Any, weights: Any, wides: Any, sums: Any, out: Any
) -> None:
    """Weigh lines `step` apart, with 0 the pixels of a line; `weights` are those of one side."""
    half, columns = len(weights) - 1, lines.shape[1]
    wide, total = wides[worker], sums[worker]
    for index in range(worker, len(lines), len(sums)):
        own = lines[index]
        for x in range(columns):
            total[x] = weights[0] * own[x]
        if step > 0:
            place = index // step % length
            for j in range(half, 0, -1):
                before = lines[index + (_reflected(place - j, length) - place) * step]
                after = lines[index + (_reflected(place + j, length) - place) * step]
                weight = weights[j]
                for x in range(columns):
                    total[x] += weight * (np.float64(before[x]) + np.float64(after[x]))
        else:
            middle = wide[half:]
            for x in range(columns):
                middle[x] = own[x]
            for j in range(half):
                wide[j] = own[_reflected(j - half, length)]
                wide[half + columns + j] = own[_reflected(columns + j, length)]
            for j in range(half, 0, -1):
                left, right, weight = wide[half - j :], wide[half + j :], weights[j]
                for x in range(columns):
                    total[x] += weight * (left[x] + right[x])
        for x in range(columns):
            out[index, x] = total[x]


def boxes(image: Any, widths: Any) -> Any:
    """Return the mean over boxes of odd widths, as running sums."""
    for axis, width in enumerate(widths):
        if width > 1:
            image = _summed(image, axis, int(width) // 2)
    return image


def _summed(image: Any, axis: int, half: int) -> Any:
    planes, rows, columns = image.shape
    out = np.empty_like(image)
    lines, results = image.reshape(-1, columns), out.reshape(-1, columns)
    work = _work(image.size, 4)
    if axis == 2:
        workers = workers_for(work, -(-planes * rows // 4))
        wide = np.empty((workers, columns + 2 * half))
        moves = np.empty((workers, 4, columns))
        _run_along(lines, half, wide, moves, results, work=work, tasks=workers)
    else:
        blocks = -(-columns // _BLOCK)
        count = rows if axis == 0 else planes
        workers = workers_for(work, count * blocks)
        sums = np.empty((workers, _BLOCK))
        steps = (
            (1, rows) if axis == 0 else (rows, 1)
        )  # to the next column of lines, to the next line
        _run_down(
            lines, image.shape[axis], steps, count, blocks, half, sums, results,
            work=work, tasks=workers,
        )  # fmt: skip
    return out


@kernel
def _run_down(
    worker: int,
    lines: Any,
    length: Any,
    steps: Any,
    count: Any,
    blocks: Any,
    half: Any,
    sums: Any,
    out: Any,
) -> None:
    across, along = steps
    size, columns = np.float64(2 * half + 1), lines.shape[1]
    width = sums.shape[1]
    for item in range(worker, count * blocks, len(sums)):
        column, block = divmod(item, blocks)
        begin = block * width
        end = min(begin + width, columns)
        base, total = column * across, sums[worker, : end - begin]
        total[:] = 0
        for place in range(-half, half + 1):
            line = lines[base + _reflected(place, length) * along, begin:end]
            for x in range(len(total)):
                total[x] += line[x]
        for x in range(len(total)):
            total[x] /= size
        for place in range(length):
            if place > 0:
                new = lines[base + _reflected(place + half, length) * along, begin:end]
                old = lines[base + _reflected(place - half - 1, length) * along, begin:end]
                for x in range(len(total)):
                    total[x] += (np.float64(new[x]) - np.float64(old[x])) / size
            own = out[base + place * along, begin:end]
            for x in range(len(total)):
                own[x] = total[x]


@kernel
def _run_along(worker: int, lines: Any, half: Any, wides: Any, moves: Any, out: Any) -> None:
    size, columns = np.float64(2 * half + 1), lines.shape[1]
    wide, last = wides[worker], len(lines) - 1
    # A running sum waits for each step: four of them wait at once.
    a, b, c, d = moves[worker, 0], moves[worker, 1], moves[worker, 2], moves[worker, 3]
    for first in range(4 * worker, len(lines), 4 * len(wides)):
        for k in range(4):
            own, move = lines[min(first + k, last)], moves[worker, k]
            middle = wide[half:]
            for x in range(columns):
                middle[x] = own[x]
            for j in range(half):
                wide[j] = own[_reflected(j - half, columns)]
                wide[half + columns + j] = own[_reflected(columns + j, columns)]
            total = np.float64(0)
            for x in range(2 * half + 1):
                total += wide[x]
            move[0] = total / size
            new = wide[2 * half :]
            for x in range(1, columns):
                move[x] = (new[x] - wide[x - 1]) / size
        e, f = out[first], out[min(first + 1, last)]
        g, h = out[min(first + 2, last)], out[min(first + 3, last)]
        p = q = r = s = np.float64(0)
        for x in range(columns):
            p, q, r, s = p + a[x], q + b[x], r + c[x], s + d[x]
            e[x], f[x], g[x], h[x] = p, q, r, s
