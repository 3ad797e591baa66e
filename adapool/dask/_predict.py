"""Networks on blocks: what is known at the pixels of one, from an array or from a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from adapool._arguments import Array
from adapool._layout import Layout, Triple, as_given, plain
from adapool._networks import grid_prediction, is_network

# A part of an image: its interval along plane, row, column.
Box = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Prediction:
    """What gives sizes, offsets or a mask.

    Attributes
    ----------
    name : str
        Of the argument, for messages.
    network : object
        A network; otherwise blocks of an array come with those of the image.
    halo : triple of int
        Pixels around a block that the network is given with it.
    layout : Layout
        Of the whole image.
    widths : sequence of int
        The numbers of values that a point may have.
    """

    name: str
    network: Any
    halo: Triple
    layout: Layout
    widths: Sequence[int]

    def on(self, image: Array, layout: Layout, reach: Box, points: Box, *given: Array) -> Array:
        """Return what is known at the points of a block: (batch or 1, *points, width).

        An array of the caller's kind, which NumPy's functions take.
        `image` is the part `reach` of the whole one. The points are a box of pixels for a network;
        for an array they are what was given.
        """
        lengths = tuple(stop - start for start, stop in points)[-layout.ndim :]
        if not is_network(self.network):
            canonical = np.empty_like(image, shape=(0,))  # not looked at
            array: Array = as_given(
                grid_prediction(self.name, given[0], layout, canonical, lengths, self.widths)
            )
            return array
        volume = zip(points, self.halo, self.layout.volume, strict=True)
        seen = tuple((max(a - h, 0), min(b + h, n)) for (a, b), h, n in volume)
        part = plain(as_given(layout.canonical(image))[:, *within(seen, reach)])
        spatial = part.shape[1:4][-layout.ndim :]
        own = replace(layout, spatial=spatial)
        known: Array = as_given(
            grid_prediction(self.name, self.network, own, part, spatial, self.widths)
        )
        return known[:, *within(points, seen)]


def within(box: Box, whole: Box) -> tuple[slice, ...]:
    """Return the slices of an array over `whole` that hold `box`."""
    return tuple(slice(a - c, b - c) for (a, b), (c, _) in zip(box, whole, strict=True))
