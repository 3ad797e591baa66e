"""Which parts of a large image stand for all of it, where noise is measured."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from adapool._backends import Array
from adapool.estimators.blobs.pyramid import Frame

Box = tuple[slice, slice, slice]

# Pixels of an image that is looked at whole, and so of the sample of a larger one: enough for the
# quantiles of noise in the coarsest octave, in some 100 MB.
PIXELS = 1 << 22

# How many parts there are, and how many are looked at to find as many that are not constant.
_PARTS = 16
_TRIED = 128

# Side of a part, by the number of axes.
_SIDE = {2: 512, 3: 64}


def boxes(shape: tuple[int, ...], frame: Frame, read: Callable[[Box], Array]) -> list[Box]:
    """Return the parts of an image that stand for it: all of a small one.

    They fill it evenly, in an order without a period (M. Roberts, "The Unreasonable Effectiveness
    of Quasirandom Sequences", 2018), and depend on its shape alone; but constant ones, such as what
    pads a mosaic, are passed over. `read` returns the pixels of a box.
    """
    if np.prod(shape) <= PIXELS:
        return [(slice(None), slice(None), slice(None))]
    length = np.array(shape)
    side = np.minimum(np.where(np.arange(3) < 3 - frame.ndim, 1, _SIDE[frame.ndim]), length)
    # The positive root of x^(d + 1) = x + 1.
    root = {2: 1.32471795724474602596, 3: 1.22074408460575947536}[frame.ndim]
    steps = np.array([root ** -(1 + axis) for axis in range(3)])[::-1]
    found: list[Box] = []
    passed: list[Box] = []
    for number in range(_TRIED):
        place = ((0.5 + number * steps) % 1 * (length - side)).astype(int)
        place = place // frame.multiple * frame.multiple
        z, y, x = (slice(p, p + s) for p, s in zip(place.tolist(), side.tolist(), strict=True))
        pixels = read((z, y, x))
        (found if pixels.min() < pixels.max() else passed).append((z, y, x))
        if len(found) == _PARTS:
            break
    return found or passed[:_PARTS]
