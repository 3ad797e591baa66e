"""Every CUDA kernel with the types that it is launched with: what the gate compiles."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import from_dtype, types

from adapool.cuda import copying, grids
from adapool.cuda.convolution import adjoint, deformable, products
from adapool.cuda.dynamic import ellipses, measuring, pooling
from adapool.cuda.dynamic import fractions as fractional
from adapool.cuda.fixed import maximum
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
PLAN = types.Tuple([THREE, THREE, types.UniTuple(types.boolean, 3), types.int64])
SHARE = types.Tuple([types.boolean, types.int64])
INT, BOOL = types.int64, types.boolean
NOTHING = INT  # what a kernel gets, and does not look at, where there is no array


@dataclass(frozen=True)
class Kernel:
    """A kernel, its signature, the threads of a block and its dynamic shared memory."""

    name: str
    function: Any
    signature: Any
    threads: int = grids.BLOCK
    dynamic: int = 0
    in_float64: bool = False  # by what it is to compute, whatever its arrays hold


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
        yield kernel("copy_elements", copying.copy_elements, array(source, 4, "A"), array(out, 1))
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
    yield kernel("clear", copying.clear, array("int32", 1))
    yield kernel("add_one", painting.add_one, array("int32", 1), array("int32", 1))
    yield kernel("move_indices", deformable.move_indices, array("int64", 1), THREE, THREE, THREE)


def fixed_windows(dtype: str) -> Iterator[Kernel]:
    image, scalar = array(dtype, 1), from_dtype(np.dtype(dtype))
    yield kernel(
        "max_rows", maximum.max_rows, image, FOUR, INT, WINDOW, THREE, scalar, scalar, image
    )
    yield kernel(
        "max_windows, indices", maximum.max_windows(False, True), image, FOUR, NOTHING, SHARE,
        INT, INT, INT, WINDOW, THREE, scalar, scalar, image, array("int64", 1),
    )  # fmt: skip
    yield kernel(
        "max_tiles", maximum.max_tiles(np.dtype(dtype), False), image, FOUR, NOTHING, INT, INT,
        INT, WINDOW, scalar, TWO, image, THREE, NOTHING, dynamic=30_000,
    )  # fmt: skip


def attention(dtype: str) -> Iterator[Kernel]:
    image, scalar = array(dtype, 1), from_dtype(np.dtype(dtype))
    for name, indices in (("", NOTHING), (", indices", array("int64", 1))):
        yield kernel(
            f"max_windows, weights{name}", maximum.max_windows(True, indices is not NOTHING), image,
            FOUR, image, SHARE, INT, INT, INT, WINDOW, THREE, scalar, scalar, image, indices,
        )  # fmt: skip
    yield kernel(
        "max_tiles, weights", maximum.max_tiles(np.dtype(dtype), True), image, FOUR, image, INT,
        INT, INT, WINDOW, scalar, TWO, image, THREE, array("int32", 1), dynamic=30_000,
    )  # fmt: skip


def own_windows(dtype: str) -> Iterator[Kernel]:
    scalar = from_dtype(np.dtype(dtype))
    params = array("float64" if dtype == "float64" else "float32", 2)
    yield kernel(
        "measure_sizes", measuring.measure_sizes, params, THREE, THREE, array("int64", 1)
    )  # fmt: skip
    slab = array(dtype, 3)
    for name, values, table in (
        ("", NOTHING, slab), (", indices", array(dtype, 1), array("int32", 3)),
    ):  # fmt: skip
        indexed = values is not NOTHING
        tables = types.Array(table.dtype, 1, "C")
        yield kernel(
            f"load_slab{name}", pooling.load_slab(indexed), array(dtype, 5), INT, TWO, slab,
            table if indexed else NOTHING,
        )  # fmt: skip
        yield kernel(f"widen{name}", pooling.widen(indexed), table, values, THREE, THREE, table)
        yield kernel(
            f"look_up_pixels{name}", pooling.look_up_pixels(indexed), tables, FOUR, values,
            types.Array(params.dtype, 5, "C"), INT, THREE, THREE, BOOL, THREE, THREE, TWO, FOUR,
            INT, PLAN, scalar, array(dtype, 5),
            array("int64", 5) if indexed else NOTHING,
        )  # fmt: skip
        sites = array("int64", 2)
        yield kernel(
            f"look_up_sites{name}", pooling.look_up_sites(indexed), tables, FOUR, values, sites,
            sites, THREE, THREE, BOOL, THREE, TWO, FOUR, INT, PLAN, scalar, array(dtype, 2),
            sites if indexed else NOTHING,
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
    tables = array("int32", 1)
    for indexed, turned in itertools.product((False, True), repeat=2):
        name = f"look_up_ellipses{', indices' * indexed}{', turned' * turned}"
        yield kernel(
            name, ellipses.look_up_ellipses(indexed, turned), tables, FOUR, array(dtype, 1),
            array("float64" if turned else dtype, 5), INT, THREE, reals, THREE, THREE, TWO, FOUR,
            INT, PLAN, scalar, array(dtype, 5), array("int64", 5) if indexed else NOTHING,
            in_float64=True,
        )  # fmt: skip


def convolutions(dtype: str) -> Iterator[Kernel]:
    data, scalar = array(dtype, 1), from_dtype(np.dtype(dtype))
    limit = types.UniTuple(scalar, 3)
    rules = {0: "linear", 1: "nearest", 2: "truncate", 3: "truncate16"}
    for rule, ndim, vector, summed in (
        (0, 2, 4, False), (0, 2, 1, False), (0, 3, 2, False), (0, 2, 4, True), (0, 3, 2, True),
        (1, 2, 4, False), (2, 2, 4, True), (3, 2, 1, True),
    ):  # fmt: skip
        if rule == 3 and dtype == "float64":
            continue  # its offsets are float16
        sample = deformable.sampling_kernel(rule, ndim, vector, np.dtype(dtype), summed, True)
        yield kernel(
            f"sample {rules[rule]} {ndim}-D x{vector}{' summed' if summed else ''}", sample,
            data, FIVE, data, data, SIX, INT, THREE, FOUR, types.UniTuple(THREE, 5), limit, TWO,
            *((data, data) if summed else (NOTHING, NOTHING)), data, array("int32", 1),
        )  # fmt: skip
    for wide in (4, 1):
        function = products.product_kernel(np.dtype(dtype), 4, wide, True)
        yield kernel(
            f"multiply 4x{wide}", function, array(dtype, 2), array(dtype, 2, "A"),
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
