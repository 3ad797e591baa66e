"""Kernels for windows of one size and of a size of their own, with budgets of instructions."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
from numba import from_dtype

from adapool.cuda import grids, sliding
from adapool.cuda.dynamic import loading, measuring, pooling, widening
from adapool.cuda.dynamic.tables import plan_tables
from adapool.cuda.fixed import maximum, wide, windows
from cuda_rows import (
    FOUR,
    INT,
    NOTHING,
    SHARE,
    THREE,
    TWO,
    WINDOW,
    Kernel,
    array,
    kernel,
)  # fmt: skip


def fixed_windows(dtype: str) -> Iterator[Kernel]:
    """Windows of one size. Bytes of an output allow 223 instructions at 2 x 2, 89 at 5 x 5."""
    image, scalar, kind = array(dtype, 1), from_dtype(np.dtype(dtype)), np.dtype(dtype)
    # Loops over images, bands of rows, and four rows of a band.
    four = (0, 0, 1 / 4)
    for name, window, marching, single, padded, index, budget, traffic in (
        ("2x2", (1, 2, 2), False, True, False, np.int32, 72, 20),
        ("5x5", (1, 5, 5), True, True, False, np.int32, 64, 8),
        ("5x5, channels", (1, 5, 5), True, False, False, np.int32, 64, 8),
        ("5x5, padded", (1, 5, 5), True, False, True, np.int32, 0, 0),
        ("5x5, int64", (1, 5, 5), True, True, False, np.int64, 0, 0),
        ("3x3x3", (3, 3, 3), True, True, False, np.int32, 0, 0),
        ("12x12", (1, 12, 12), True, True, False, np.int32, 112, 8),
        ("12x12, padded", (1, 12, 12), True, False, True, np.int32, 0, 0),
        ("8x8, padded, int64", (1, 8, 8), True, False, True, np.int64, 0, 0),
    ):
        function = windows.pool_columns(window, marching, single, padded, kind, False, index)
        yield kernel(
            f"pool_columns {name}", function, image, FOUR, NOTHING, TWO, INT, THREE, THREE, THREE,
            INT, scalar, image, NOTHING, weights=four, budget=budget if dtype == "float32" else 0,
            traffic=traffic,
        )  # fmt: skip
    steps = sliding.steps_to(31)
    yield kernel(
        "slide, wide windows",
        sliding.slide(steps, (False, False, True), 1, kind, None, False, np.int32),
        image, NOTHING, FOUR, THREE, THREE, INT, INT, INT, TWO, INT, scalar, image, NOTHING,
        # Images, rows; four values are loaded, steps, positions of one, and of the last.
        weights=(0, 0, 1 / 4, 0, len(steps) - 1, 1), budget=160 if dtype == "float32" else 0,
        dynamic=grids.SHARED_BYTES, traffic=8,
    )  # fmt: skip
    for index in (np.int32, np.int64):
        yield kernel(
            f"max_windows, indices, {index.__name__}", maximum.max_windows(False, True, index),
            image, FOUR, NOTHING, SHARE, INT, INT, INT, WINDOW, THREE, scalar, scalar, image,
            array("int64", 1),
        )  # fmt: skip


def attention(dtype: str) -> Iterator[Kernel]:
    image, scalar = array(dtype, 1), from_dtype(np.dtype(dtype))
    for name, indices in (("", NOTHING), (", indices", array("int64", 1))):
        yield kernel(
            f"max_windows, weights{name}",
            maximum.max_windows(True, indices is not NOTHING, np.int32), image,
            FOUR, image, SHARE, INT, INT, INT, WINDOW, THREE, scalar, scalar, image, indices,
        )  # fmt: skip
    for single in (True, False):
        function = windows.pool_columns(
            (1, 5, 5), True, single, True, np.dtype(dtype), True, np.int32
        )
        yield kernel(
            f"pool_columns 5x5, weights{'' if single else ', channels'}", function, image, FOUR,
            image, TWO, INT, THREE, THREE, THREE, INT, scalar, image, array("int32", 1),
        )  # fmt: skip
    yield kernel("weigh", wide.weigh, image, image, TWO, scalar, image, array("int32", 1))


def own_windows(dtype: str) -> Iterator[Kernel]:
    """Windows of their own size. A pass may take 89 instructions for each table that it writes."""
    scalar, kind, winner = from_dtype(np.dtype(dtype)), np.dtype(dtype), np.dtype(np.int32)
    values, tables, places = array(dtype, 1), array("int32", 1), array("int64", 1)
    params = array("float64" if dtype == "float64" else "float32", 1)
    counted = dtype == "float32"
    for columns, width in (((-1, 0, 0), 1), ((-1, 0, 1), 2), ((0, 1, 2), 3)):
        yield kernel(
            f"measure_sizes {width}", measuring.measure_sizes(columns, width, np.int32), params,
            INT, THREE, tables,
        )  # fmt: skip
    yield kernel(
        "load_slab", loading.load_slab(np.int32), values, THREE, THREE, INT, INT, INT, values
    )
    steps = ((1, 4), (4, 4), (16, 4))
    for first, indexed in itertools.product((False, True), repeat=2):
        name = f"{', indices' * indexed}{', first' * first}"
        made = tables if indexed else values
        yield kernel(
            f"slide, tables{name}",
            sliding.slide(
                steps, (True,) * 3, 1, kind, winner if indexed else None, first, np.int32
            ),
            values if first else made, NOTHING if first or not indexed else values, FOUR, THREE,
            THREE, INT, INT, INT, TWO, INT, scalar, made, values if first and indexed else NOTHING,
            dynamic=grids.SHARED_BYTES, weights=(0, 0, 1 / 4, 0, 2, 1),
            budget=150 if counted and not first and not indexed else 0, traffic=16,
        )  # fmt: skip
        yield kernel(
            f"widen{name}", widening.widen((1, 2, 2), indexed, first, np.int32),
            values if first else made, NOTHING if first or not indexed else values, THREE, THREE,
            INT, INT, made, made if first else NOTHING, values if first and indexed else NOTHING,
            # Planes and two rows, twice: the compiler makes a copy for a single plane.
            weights=(0, 1 / 2, 0, 0), traffic=8,
            budget=50 if counted and not first and not indexed else 0,
        )  # fmt: skip
    for (name, extents, columns, width), indexed in itertools.product(
        (
            ("squares", (1, 65, 65), (-1, 0, 0), 1),
            ("rectangles", (1, 65, 65), (-1, 0, 1), 2),
            ("boxes", (9, 9, 9), (0, 1, 2), 3),
            ("few pixels", (1, 3, 3), (-1, 0, 1), 2),
        ),
        (False, True),
    ):
        plan = plan_tables(extents, name == "squares")
        looked = values if plan.count == 1 or not indexed else tables
        function = pooling.look_up_pixels(plan, columns, False, True, indexed, np.int32)
        # Images, rows, and of the blocks planes, rows and up to four side by side: of a window of
        # 65 pixels two rows, each of two blocks.
        budget = {"squares": 280, "rectangles": 300}.get(name, 0) if not indexed else 0
        yield kernel(
            f"look_up_pixels {name}{', indices' * indexed}", function, looked,
            values if indexed else NOTHING, THREE, params, INT, INT, THREE, THREE, THREE, TWO, FOUR,
            INT, FOUR, INT, scalar, values, places if indexed else NOTHING,
            weights=(0, 1, 1, 2, 2), budget=budget if counted else 0,
            traffic=4 * (2 + width),
        )  # fmt: skip
    plan, sites = plan_tables((1, 65, 65), False), array("int64", 2)
    for indexed in (False, True):
        function = pooling.look_up_sites(plan, (-1, 0, 1), False, indexed, np.int64)
        yield kernel(
            f"look_up_sites{', indices' * indexed}", function, tables if indexed else values,
            values if indexed else NOTHING, THREE, sites, sites, THREE, THREE, TWO, FOUR, INT,
            scalar, array(dtype, 2), sites if indexed else NOTHING,
        )  # fmt: skip
