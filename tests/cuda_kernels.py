"""Every CUDA kernel with the types that it is launched with: what the gate compiles."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import from_dtype, types

from adapool.cuda import copying, grids, moving, sliding
from adapool.cuda.convolution import adjoint, deformable, products
from adapool.cuda.dynamic import ellipses, loading, measuring, pooling, widening
from adapool.cuda.dynamic import fractions as fractional
from adapool.cuda.dynamic.tables import plan_tables
from adapool.cuda.fixed import maximum, wide, windows
from adapool.cuda.regions import middles, numbering
from adapool.cuda.regions import pooling as regional
from adapool.cuda.sites import painting
from adapool.cuda.winners import loops

THREE = types.UniTuple(types.int64, 3)
FOUR = types.UniTuple(types.int64, 4)
FIVE = types.UniTuple(types.int64, 5)
SIX = types.UniTuple(types.int64, 6)
TWO = types.UniTuple(types.int64, 2)
WINDOW = types.UniTuple(THREE, 4)
SHARE = types.Tuple([types.boolean, types.int64])
INT = types.int64
NOTHING = INT  # what a kernel gets, and does not look at, where there is no array


@dataclass(frozen=True)
class Kernel:
    """A kernel, its signature, the threads of a block and its dynamic shared memory.

    `budget` is how many instructions an output may take on sm_90a, 0 where they are not counted:
    the sum over all loops, in their order, of the instructions of a loop, without those inside,
    times its `weight`. A loop that makes four outputs counts for a quarter. `traffic` is how many
    bytes of memory it moves for the same output, if each is moved once.
    """

    name: str
    function: Any
    signature: Any
    threads: int = grids.BLOCK
    dynamic: int = 0
    in_float64: bool = False  # by what it is to compute, whatever its arrays hold
    weights: tuple[float, ...] = ()
    budget: int = 0
    traffic: float = 0


def array(dtype: Any, ndim: int, layout: str = "C") -> Any:
    return types.Array(from_dtype(np.dtype(dtype)), ndim, layout)


def kernels() -> Iterator[Kernel]:
    """Yield every kernel in float32, and in the dtypes that differ most from it."""
    yield from copies()
    yield from numbers_of_regions()
    for dtype in ("float32", "float64", "uint8"):
        yield from fixed_windows(dtype)
        yield from regions(dtype)
    for dtype in ("float32", "float64"):
        yield from attention(dtype)
        yield from own_windows(dtype)
        yield from own_ellipses(dtype)
        yield from convolutions(dtype)
        yield from gradients(dtype)
        yield from fractions(dtype)


def kernel(name: str, function: Any, *arguments: Any, **options: Any) -> Kernel:
    return Kernel(name, function, types.void(*arguments), **options)


def copies() -> Iterator[Kernel]:
    for source, out in (("float32", "float32"), ("float16", "float32"), ("float32", "float16")):
        for index in (np.int32, np.int64):
            yield kernel(
                f"copy_elements, {index.__name__}", moving.copy_elements(index),
                array(source, 4, "A"), array(out, 1),
            )  # fmt: skip
        yield kernel("convert", moving.convert, array(source, 1), array(out, 1))
        for short in (False, True):
            yield kernel(
                f"transpose{', short' * short}", moving.transpose(np.dtype(source), short),
                array(source, 1), FOUR, FOUR, FOUR, INT, array(out, 1),
            )  # fmt: skip
    for dtype in ("float32", "float64"):
        yield kernel("find_strays", copying.find_strays, array(dtype, 1), array("int32", 1))
    yield kernel(
        "copy_windows", copying.copy_windows, array("float32", 5), INT, WINDOW, THREE,
        array("float32", 3),
    )  # fmt: skip
    for width in ("uint8", "uint32"):
        yield kernel(
            "paint_values", painting.paint_values, array(width, 2), array("int32", 1),
            from_dtype(np.dtype(width)), array(width, 2),
        )  # fmt: skip
    yield kernel("add_one", painting.add_one, array("int32", 1), array("int32", 1))
    yield kernel("move_indices", deformable.move_indices, array("int64", 1), THREE, THREE, THREE)


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


def numbers_of_regions() -> Iterator[Kernel]:
    owner, wide = array("int32", 1), array("int64", 1)
    for dtype, extremes in (("int32", "int64"), ("uint64", "uint64")):
        yield kernel(
            "number", numbering.number, array(dtype, 1), array(extremes, 1), owner
        )  # fmt: skip
    yield kernel("mark", numbering.mark, owner, array("uint8", 1))
    yield kernel("renumber", numbering.renumber, owner, owner, owner)
    yield kernel("repeat", numbering.repeat, owner, array("int64", 2))
    yield kernel("measure", regional.measure, owner, THREE, wide, wide)
    for stage in range(middles.STAGES):
        yield kernel(
            f"nearest {stage}", middles.nearest(stage), owner, THREE, *(wide,) * 5
        )  # fmt: skip


def regions(dtype: str) -> Iterator[Kernel]:
    kind, bits = np.dtype(dtype).kind, 8 * np.dtype(dtype).itemsize
    patterns = array(f"i{bits // 8}" if kind == "f" else dtype, 1)
    owner, wide, values = array("int32", 1), array("int64", 1), array(dtype, 1)
    weights = array("float64" if dtype == "float64" else "float32", 1)
    yield kernel("multiply", regional.multiply, values, weights, INT, weights)
    for least in (False, True):
        key = (kind, bits, least)
        yield kernel(
            "raise_keys", regional.raise_keys(*key), patterns, INT, owner, wide
        )  # fmt: skip
        yield kernel(
            "find_keys", regional.find_keys(*key), patterns, INT, owner, wide, wide
        )  # fmt: skip
    yield kernel("take", regional.take, values, INT, wide, values)
    yield kernel("add_values", regional.add_values, values, array("float64", 1), INT, owner)


def own_ellipses(dtype: str) -> Iterator[Kernel]:
    scalar, params = from_dtype(np.dtype(dtype)), array(dtype, 2)
    reals = types.UniTuple(types.float64, 3)
    chords = array("float64", 2)
    yield kernel("turn", ellipses.turn, params, types.float64, chords, in_float64=True)
    for made in (params, chords):
        yield kernel(
            "measure_ellipses", measuring.measure_ellipses, params, made, THREE, reals, THREE,
            array("int64", 1), in_float64=True,
        )  # fmt: skip
    tables, plan = array("int32", 1), plan_tables((1, 65, 65), False)
    for indexed, turned in itertools.product((False, True), repeat=2):
        name = f"look_up_ellipses{', indices' * indexed}{', turned' * turned}"
        yield kernel(
            name, ellipses.look_up_ellipses(plan, indexed, turned, np.int32), tables, THREE,
            array(dtype, 1), array("float64" if turned else dtype, 5), INT, THREE, reals, THREE,
            THREE, TWO, FOUR, INT, scalar, array(dtype, 5),
            array("int64", 5) if indexed else NOTHING,
            in_float64=True,
        )  # fmt: skip


def convolutions(dtype: str) -> Iterator[Kernel]:
    data, scalar = array(dtype, 1), from_dtype(np.dtype(dtype))
    limit = types.UniTuple(scalar, 3)
    rules = {0: "linear", 1: "nearest", 2: "truncate", 3: "truncate16"}
    columns, summed = deformable.COLUMNS, deformable.SUMMED
    # Bytes of a channel of a tap: what is written, and its part of image and displacements.
    for rule, ndim, vector, lanes, result, budget, traffic in (
        (0, 2, 4, 16, columns, 75, 4 + 4 / 9 + 12 / 64), (0, 2, 1, 1, columns, 0, 0),
        (0, 3, 2, 1, columns, 0, 0), (0, 2, 4, 16, summed, 75, 8 / 9 + 12 / 64),
        (0, 3, 2, 1, summed, 0, 0), (0, 2, 1, 1, 1, 190, 8 / 9 + 12),
        (0, 2, 3, 1, 3, 90, 8 / 9 + 4), (1, 2, 4, 16, columns, 0, 0),
        (2, 2, 4, 16, summed, 0, 0), (3, 2, 1, 1, summed, 0, 0),
    ):  # fmt: skip
        if rule == 3 and dtype == "float64":
            continue  # its offsets are float16
        sample = deformable.sampling_kernel(
            rule, ndim, vector, lanes, np.dtype(dtype), result, True
        )
        what = {columns: "", summed: " summed"}.get(result, f" {result} filters")
        given = (NOTHING, NOTHING) if result == columns else (data, data)
        yield kernel(
            f"sample {rules[rule]} {ndim}-D {vector}x{lanes}{what}", sample,
            data, FIVE, data, data, SIX, INT, THREE, FOUR, types.UniTuple(THREE, 5), limit, TWO,
            *given, data, array("int32", 1),
            # Images, rows; planes and rows of taps; a tap, of so many channels.
            weights=(0, 0, 0, 0, 1 / vector), budget=budget if dtype == "float32" else 0,
            traffic=traffic,
        )  # fmt: skip
    for side in (4, 1):
        function = products.product_kernel(np.dtype(dtype), 4, side, True)
        yield kernel(
            f"multiply 4x{side}", function, array(dtype, 2), array(dtype, 2, "A"),
            data, array(dtype, 2, "A"),
        )  # fmt: skip


def gradients(dtype: str) -> Iterator[Kernel]:
    data, scalar, places = array(dtype, 1), from_dtype(np.dtype(dtype)), array("int64", 1)
    yield kernel("scatter", loops.scatter, data, places, TWO, THREE, TWO, data)
    yield kernel(
        "multiply_by_winners", loops.multiply_by_winners, data, data, places, TWO, THREE, data
    )
    yield kernel("multiply_elements", loops.multiply_elements, data, data, data)
    yield kernel("find_taps", loops.find_taps, places, INT, WINDOW, THREE, THREE, INT, places)
    yield kernel(
        "pick_weights", loops.pick_weights, places, INT, WINDOW, THREE, THREE, TWO, data, THREE,
        data,
    )  # fmt: skip
    limit = types.UniTuple(scalar, 3)
    where = (SIX, INT, THREE, FOUR, types.UniTuple(THREE, 5), limit, TWO)
    for rule, ndim, vector in ((0, 2, 4), (0, 3, 2), (1, 2, 4), (2, 2, 1)):
        push = adjoint.push_kernel(rule, ndim, vector, np.dtype(dtype), True)
        name = f"{['linear', 'nearest', 'truncate'][rule]} {ndim}-D"
        yield kernel(f"push {name} x{vector}", push, data, FIVE, data, data, *where, data)
        pull = adjoint.pull_kernel(rule, ndim, np.dtype(dtype), True)
        yield kernel(
            f"pull {name}", pull, data, data, FIVE, data, data, *where,
            data if rule == 0 else NOTHING, data,
        )  # fmt: skip
    yield kernel("spread_channels", adjoint.spread_channels, data, data, INT, INT, data)
    for paired, other in ((True, data), (False, NOTHING)):
        name = f"sum_pixels{', paired' * paired}"
        yield kernel(name, adjoint.sum_kernel(paired), data, INT, other, INT, INT, data)
    yield kernel("add_matrix", adjoint.add_matrix, array(dtype, 2), array(dtype, 2, "A"))


def fractions(dtype: str) -> Iterator[Kernel]:
    data, places = array(dtype, 1), array("int64", 1)
    bounds = types.Tuple([INT, THREE])
    yield kernel("corner_sizes", fractional.corner_sizes, data, INT, bounds, INT, array("int32", 1))
    yield kernel(
        "add_corner", fractional.add_corner, data, data, FIVE, bounds, INT, THREE, FIVE, data
    )
    yield kernel(
        "pull_corner", fractional.pull_corner, data, data, places, data, FIVE, bounds, INT, THREE,
        FIVE, data, data,
    )  # fmt: skip
