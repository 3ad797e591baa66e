"""Every CUDA kernel with the types that it is launched with: what the gate compiles."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
from numba import from_dtype, types

from adapool.cuda import copying, moving
from adapool.cuda.convolution import adjoint, deformable, products
from adapool.cuda.dynamic import ellipses, measuring
from adapool.cuda.dynamic import fractions as fractional
from adapool.cuda.dynamic.tables import plan_tables
from adapool.cuda.regions import middles, numbering
from adapool.cuda.regions import pooling as regional
from adapool.cuda.sites import painting
from adapool.cuda.winners import loops
from cuda_rows import FIVE, FOUR, INT, NOTHING, SIX, THREE, TWO, WINDOW, array, kernel
from cuda_rows import Kernel as Kernel
from cuda_window_rows import attention, fixed_windows, own_windows


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
