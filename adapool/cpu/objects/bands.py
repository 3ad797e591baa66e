"""Pieces of lines: what falls on both sides and goes on at both ends."""

from __future__ import annotations

from typing import Any

import numpy as np

from adapool._jit import device, kernel
from adapool.cpu._roots import square_root
from adapool.cpu.objects.places import held, in_plane


@device
def _strip(image: Any, y: Any, x: Any, down: Any, along: Any, floor: Any) -> Any:
    """Return the mean above a floor over a line about a place, from minus to plus a shift.

    Beyond the image is what is at its border.
    """
    total = np.float64(0)
    for place in range(-2, 3):
        b = held(y + place * down / 2, image.shape[1])
        a = held(x + place * along / 2, image.shape[2])
        total += in_plane(image, 0, b, a) - floor
    return total / 5


@device
def _is_beyond(image: Any, y: Any, x: Any) -> Any:
    return y < 0 or x < 0 or y > image.shape[1] - 1 or x > image.shape[2] - 1


@device
def _radius(inverse: Any, down: Any, along: Any) -> Any:
    """Return how far an ellipse, with the inverse of these second moments, reaches."""
    square = inverse[0] * down * down + 2 * inverse[1] * down * along + inverse[2] * along * along
    return 2 / square_root(square)


@device
def _fall(
    image: Any, middle: Any, shift: Any, across: Any, steps: Any, floor: Any, height: Any
) -> Any:
    """Return by which share of its height a strip falls, at the most, on one side of a middle."""
    lowest = height
    for step in steps:
        y, x = middle[0] + step * shift[0], middle[1] + step * shift[1]
        value = _strip(image, y, x, across[0], across[1], floor)
        lowest = min(lowest, value)
    return 1 - lowest / height


@kernel
def ends(
    image: Any,
    middles: Any,
    inverses: Any,
    floors: Any,
    directions: Any,
    steps: Any,
    width: Any,
    sides: Any,
    shifts: Any,
    out: Any,
) -> None:
    """Find how little objects of a plane fall at both ends of a direction.

    Of all directions in which it falls by a share of at least `sides` on both sides, the least of
    what it falls by at the end where it falls more; 1 where there is none. `middles` (n, 2) and
    `inverses` (n, 3), of second moments, tell where it is; `steps`, in radii, how far beyond the
    middle it is looked; `width`, in radii, how wide a strip, to either side; `directions` (m, 2)
    are unit vectors, those of the second half at right angles to those of the first. `shifts` is
    room, (m, 4).
    """
    half, last = len(directions) // 2, steps[-1]
    for index in range(len(middles)):
        middle, inverse, floor = middles[index], inverses[index], floors[index]
        for way in range(len(directions)):
            down, along = directions[way, 0], directions[way, 1]
            far = _radius(inverse, down, along)
            wide = width * _radius(inverse, -along, down)
            shift, across = shifts[way, :2], shifts[way, 2:4]
            shift[0], shift[1] = far * down, far * along
            across[0], across[1] = -wide * along, wide * down
            height = _strip(image, middle[0], middle[1], across[0], across[1], floor)
            height = max(height, np.float64(1e-30))
            one = _fall(image, middle, shift, across, steps, floor, height)
            shift[0], shift[1] = -shift[0], -shift[1]
            other = _fall(image, middle, shift, across, steps, floor, height)
            shifts[way, 0], shifts[way, 1] = min(one, other), max(one, other)
            y, x = middle[0] + shift[0] * last, middle[1] + shift[1] * last
            q, p = middle[0] - shift[0] * last, middle[1] - shift[1] * last
            if _is_beyond(image, y, x) and _is_beyond(image, q, p):
                shifts[way, 1] = 1  # wider than the image: no end is seen
        least = np.float64(1)
        for way in range(len(directions)):
            aside = way + half if way < half else way - half
            if shifts[aside, 0] >= sides:
                least = min(least, shifts[way, 1])
        out[index] = least
