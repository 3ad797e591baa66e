"""Which part of the image a block needs, and how it gets its operands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from adapool._backends import Array, Triple, as_given, plain
from adapool._layout import Layout
from adapool._plans.base import Box, GridPlan, grown, lengths_of, within
from adapool._plans.operands import Operand


def seen_by(plan: GridPlan, volume: Triple, halo: Triple) -> Box:
    """Return the part of the image that a block needs: for itself, and for its networks."""
    boxes = [plan.reads]
    boxes += [
        grown(operand.box, halo, volume)
        for operand in plan.operands
        if operand is not None and operand.predicts and operand.box is not None
    ]
    plane, row, column = (
        (min(start for start, _ in axis), max(stop for _, stop in axis))
        for axis in zip(*boxes, strict=True)
    )
    return plane, row, column


def operand_of_block(
    operand: Operand, layout: Layout, halo: Triple, image: Array, seen: Box, arrays: Iterator[Array]
) -> Any:
    """Return what `compute` takes of an operand: from the next array, or from a network.

    `image` is the part `seen` of the whole one, which `layout` is of.
    """
    if not operand.predicts:
        return _framed(operand, operand.canonical(next(arrays), layout.ndim))
    assert operand.box is not None
    points = grown(operand.box, halo, layout.volume)
    part = layout.crop(image, within(points, seen))
    own = layout.of_block(part.shape)
    known = operand.on(points).predict(own, own.canonical(part))
    if points != operand.box:
        known = as_given(known)[:, *within(operand.box, points)]
        known = known if operand.raw else plain(known)
    return _framed(operand, known)


def _framed(operand: Operand, array: Any) -> Any:
    """Put zeros around the points of an operand, to cover all that is read."""
    if operand.frame is None or operand.frame == operand.box:
        return array
    assert operand.box is not None
    known = as_given(array)
    shape = (len(known), *lengths_of(operand.frame), known.shape[-1])
    framed = np.zeros_like(known, shape=shape, order="C")
    framed[:, *within(operand.box, operand.frame)] = known
    return plain(framed)
