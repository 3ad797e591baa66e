"""Where the maximum of a box is outside of its ellipse: replaced by that of the ellipse."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from adapool._backends import Array
from adapool._jit import device
from adapool.cpu.dynamic.queries import (
    BEGIN,
    CLASS,
    CLASSES,
    COLUMNS,
    END,
    EXTENT,
    HIGH,
    LOW,
    STRIDE,
    find_row,
)
from adapool.cpu.ellipses.formulas import covers, sheared, size_of
from adapool.cpu.ellipses.rows import search_disc, search_rows, widen_rows
from adapool.cpu.ellipses.tiles import cell_of, packed, place_in

# Products of squares, compared in place of sums of quotients, are off by less than this share.
_NEAR = 1e-12

# What is known of a place: in the ellipse, not in it, or too near to its border to tell.
_INSIDE, _OUTSIDE, _NEARBY = range(3)

# Discs of which the rows are kept, up to this radius; and how near their squared radius may be to
# that of a pixel, which then may be in or out by a rounding.
_RADIUS = 24
_TIED = 1e-9


@functools.cache
def disc_rows() -> Array:
    """Return how far rows 0, 1, .. of discs go from their middles.

    For each squared radius, if no pixel is on the border; then for each whole radius, with those
    pixels that are.
    """
    along = np.arange(_RADIUS)
    squares = np.arange(_RADIUS**2)[:, np.newaxis] - along**2
    untied = np.sqrt(np.maximum(squares, 0))
    shares = (2 * along / (2.0 * np.maximum(along, 1))[:, np.newaxis]) ** 2
    tied = (shares[:, :, np.newaxis] + shares[:, np.newaxis] <= 1).sum(axis=-1) - 1
    return np.concatenate([untied, np.maximum(tied, 0)]).astype(np.int8)


@device
def locate(
    params: Any,
    geometry: Any,
    most: Any,
    turned: bool,
    centre: Any,
    row: int,
    step: int,
    classes: Any,
    keys: Any,
    places: Any,
    begin: int,
    group: int,
    ordered: bool,
    found: Any,
) -> None:
    """Tell of a row of queries whether the places of their boxes' maxima are in the ellipses.

    `centre` is where the first of them is in the tile, `row` that of its parameters, `begin` that
    of its result; `found` gets what is known.
    """
    plane, high, left = centre
    of_width = 1 if turned else geometry[COLUMNS, 2]
    for j in range(classes.size * group):
        i = j if group == 1 else j // group
        place = place_in(keys[3, begin + j]) if places is None else np.int64(places[3, begin + j])
        z, y, x = cell_of(place, ordered)
        at = row + i * step
        depth = size_of(params, at, geometry[COLUMNS, 0], most[0])
        height = size_of(params, at, geometry[COLUMNS, 1], most[1])
        width = size_of(params, at, of_width, most[2])
        shear = float(params[at, 2]) if turned else 0.0
        down = np.int32(y - high)
        a, b = 2.0 * np.int32(z - plane), 2.0 * down
        c = 2.0 * sheared(np.int32(x - (left + i * step)), down, shear)
        first, second, third = depth * depth, height * height, width * width
        distance = a * a * second * third + first * (b * b * third + c * c * second)
        border = first * second * third
        known = _NEARBY
        known = _INSIDE if distance < border * (1 - _NEAR) else known
        known = _OUTSIDE if distance > border * (1 + _NEAR) else known
        found[j] = known if classes[i] < CLASSES else _INSIDE


@device
def settle(
    params: Any,
    geometry: Any,
    most: Any,
    turned: bool,
    batch: int,
    state: Any,
    queries: Any,
    keys: Any,
    places: Any,
    spans: Any,
    span_places: Any,
    ends: Any,
    discs: Any,
    found: Any,
    served: int,
    group: int,
    ordered: bool,
) -> None:
    """Replace the maxima over boxes whose places are outside of their ellipses.

    `keys` and `places` hold what was found in the boxes in their last row; `found` is scratch for
    a row of queries, of which there are `served` in all.
    """
    line, lines = state[HIGH, 2] - state[LOW, 2], state[HIGH, 1] - state[LOW, 1]
    shape = state[HIGH, 0] - state[LOW, 0], lines, line
    round_ones = discs.size > 0 and group == 1
    longest = 1
    for q in range(served):
        if queries[CLASS, q] < CLASSES:
            longest = max(longest, (queries[EXTENT, q] & 255) + 1)
    widened = False
    total = 0
    stride_z, stride_y = geometry[STRIDE, 0], geometry[STRIDE, 1]
    of_width = 1 if turned else geometry[COLUMNS, 2]
    for z in range(state[BEGIN, 0] + -state[BEGIN, 0] % stride_z, state[END, 0], stride_z):
        for y in range(state[BEGIN, 1] + -state[BEGIN, 1] % stride_y, state[END, 1], stride_y):
            n, _, row, step = find_row(params, None, geometry, state, batch, z, y)
            if n <= 0:
                continue
            left = state[BEGIN, 2] + -state[BEGIN, 2] % step - state[LOW, 2]
            plane, high = z - state[LOW, 0], y - state[LOW, 1]
            begin = total * group
            classes = queries[CLASS, total : total + n]
            locate(
                params, geometry, most, turned, (plane, high, left), row, step, classes,
                keys, places, begin, group, ordered, found,
            )  # fmt: skip
            for j in range(n * group):
                if found[j] == _INSIDE:
                    continue
                i = j if group == 1 else j // group
                at, column = row + i * step, left + i * step
                height = size_of(params, at, geometry[COLUMNS, 1], most[1])
                if round_ones and found[j] == _OUTSIDE:
                    # Most discs are whole, and their rows known.
                    square = 0.25 * height * height
                    radius = np.int64(0.5 * height)
                    m = np.int64(square + _TIED)
                    part = square - m
                    known = part > _TIED and part < 1 - _TIED
                    if height == 2 * radius:
                        m = _RADIUS**2 + radius
                        known = True
                    if (
                        radius < _RADIUS and known
                        and high >= radius and high + radius < lines
                        and column >= radius and column + radius < line
                    ):  # fmt: skip
                        if not widened:
                            widened = True
                            widen_rows(spans, None, lines * line, 1, longest)
                        best = search_disc(spans, discs[m], radius, high * line + column, line)
                        keys[3, begin + j] = packed(best, 0)
                        continue
                depth = size_of(params, at, geometry[COLUMNS, 0], most[0])
                width = size_of(params, at, of_width, most[2])
                shear = float(params[at, 2]) if turned else 0.0
                if found[j] == _NEARBY:
                    word = keys[3, begin + j]
                    place = place_in(word) if places is None else np.int64(places[3, begin + j])
                    a, b, c = cell_of(place, ordered)
                    a, b, c = a - plane, b - high, c - column
                    if covers(a, b, c, depth, height, width, shear):
                        continue
                if not widened:
                    widened = True
                    cells = shape[0] * lines * line
                    widen_rows(spans, span_places, cells, group, longest)
                best, winner = search_rows(
                    spans, span_places, ends, group, j % group, (plane, high, column), shape,
                    depth, height, width, shear,
                )  # fmt: skip
                if places is not None:
                    keys[3, begin + j] = best
                    if span_places is not None:
                        places[3, begin + j] = winner
                elif ordered:
                    keys[3, begin + j] = best
                else:
                    keys[3, begin + j] = packed(best, 0)
            total += n
