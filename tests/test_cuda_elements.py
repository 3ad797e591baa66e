"""What one thread of a CUDA kernel computes, compiled for the CPU and run at full size.

The simulator manages some hundreds of outputs. The functions that threads call are plain
arithmetic, and run here for a million.
"""

from __future__ import annotations

import types
from typing import Any

import numba
import numpy as np
import pytest
from numba import njit
from numpy.typing import NDArray

import adapool
from adapool.cuda.convolution import deformable
from adapool.cuda.dynamic import pooling
from adapool.cuda.dynamic.tables import plan_tables
from adapool.cuda.fixed import maximum

pytestmark = pytest.mark.simulator

Array = NDArray[Any]

_compiled: dict[Any, Any] = {}


def on_cpu(function: Any) -> Any:
    """Compile a device function, and those that it calls, for the CPU: the same source lines."""
    source = function.py_func
    if source not in _compiled:
        # A sum in float16 is one of another test: numba does not compile it for the CPU.
        stand_in = {"_half_sum": deformable._truncated}

        def stand(name: str, value: Any) -> Any:
            return on_cpu(stand_in.get(name, value)) if hasattr(value, "py_func") else value

        code = source.__code__
        names = {
            name: stand(name, value)
            for name, value in source.__globals__.items()
            if name in code.co_names
        }
        # What kernels are made for: constants, and functions that have constants.
        cells = zip(code.co_freevars, source.__closure__ or (), strict=True)
        closure = tuple(types.CellType(stand(name, cell.cell_contents)) for name, cell in cells)
        names["__builtins__"] = __builtins__
        copy = types.FunctionType(code, names, source.__name__, None, closure)
        _compiled[source] = njit(copy, error_model="numpy")
    return _compiled[source]


def random_image(*shape: int) -> Array:
    image = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    image.flat[:: image.size // 7] = np.nan
    return image


def test_window_maximum() -> None:
    image = random_image(1, 1, 700, 900, 2)
    weights = np.random.default_rng(1).random((700, 900)).astype(np.float32)
    one_window = on_cpu(maximum.window_maximum)
    window = ((1, 4, 5), (1, 2, 3), (1, 2, 1), (0, -2, -1))
    size = image.shape[1:]

    @njit(error_model="numpy")
    def pool(flat: Any, factors: Any, out: Any, winners: Any) -> None:
        for row in range(out.shape[0]):
            for column in range(out.shape[1]):
                for c in range(out.shape[2]):
                    place = (0, 0, row, column, c)
                    best, winner = one_window(
                        flat, size, factors, 0, (False, 1), place, window, np.float32(1), np.int64
                    )
                    out[row, column, c] = best
                    winners[row, column, c] = winner

    options: dict[str, Any] = {"stride": (2, 3), "padding": (2, 1), "dilation": (2, 1)}
    expected, indices = adapool.attention_pooling(
        image[0, 0], (4, 5), weights, return_indices=True, **options
    )
    out, winners = np.empty_like(expected), np.empty_like(indices)
    pool(image.reshape(-1), weights.reshape(-1), out, winners)
    np.testing.assert_array_equal(out, expected)
    np.testing.assert_array_equal(winners, indices)


def make_tables(image: Array, plan: Any) -> Array:
    """Return the tables of an image of one plane: winners, as flat indices, by plain NumPy."""
    tables = np.empty((plan.count, *image.shape), np.int32)
    tables[0] = np.arange(image.size, dtype=np.int32).reshape(image.shape)
    for each in plan.passes():
        for level in range(1, each.levels):
            step = 1 << plan.shift * (level - 1)
            for table in range(each.sources):
                best = tables[table + (level - 1) * each.sources]
                for axis in each.axes:
                    best = _widened(image.reshape(-1), best, axis - 1, step, 1 << plan.shift)
                tables[table + level * each.sources] = best
    return tables


def _widened(flat: Array, source: Array, axis: int, step: int, parts: int) -> Array:
    best = source
    for part in range(1, parts):
        other = np.take(
            source, np.minimum(np.arange(source.shape[axis]) + part * step, source.shape[axis] - 1),
            axis,
        )  # fmt: skip
        old, new = flat[best], flat[other]
        nan = np.isnan(old), np.isnan(new)
        wins = np.where(
            nan[0] | nan[1],
            nan[1] & (~nan[0] | (other < best)),
            (new > old) | ((new == old) & (other < best)),
        )
        best = np.where(wins, other, best)
    return best


def look_up_all(
    image: Array, sizes: Array, extents: tuple[int, int, int], same: bool, with_indices: bool
) -> tuple[Array, Array]:
    """Look every window up, as the kernels do for one slab."""
    plan = plan_tables(extents, same)
    maximum = on_cpu(pooling.box_maximum(plan, with_indices, np.int32))
    along, place_of = map(on_cpu, (pooling.window_along, pooling.in_volume))
    winners = make_tables(image, plan)
    flat = image.reshape(-1)
    tables = winners.reshape(-1) if with_indices else flat[winners.reshape(-1)]

    @njit(error_model="numpy")
    def answer(tables: Any, flat: Any, sizes: Any, out: Any, found: Any) -> None:
        height, width = np.int32(out.shape[0]), np.int32(out.shape[1])
        slab = np.int32(0), height, width, np.int32(1)
        for y in range(height):
            for x in range(width):
                rows = along(np.int32(sizes[y, x, 0]), np.int32(y), height, True, np.int32)
                columns = along(np.int32(sizes[y, x, -1]), np.int32(x), width, True, np.int32)
                best, own = np.float32(np.nan), np.int32(-1)
                if rows[0] < rows[1] and columns[0] < columns[1]:
                    low = np.int32(0), rows[0], columns[0]
                    high = np.int32(1), rows[1], columns[1]
                    shape = np.int32(1), height, width
                    best, own = maximum(tables, flat, shape, low, high, np.int32(1), np.int32(0))
                out[y, x] = best
                found[y, x] = place_of(own, slab, height, np.int32)

    out, found = np.empty_like(image), np.empty(image.shape, np.int64)
    answer(tables, flat, sizes, out, found)
    return out, found


def test_look_ups() -> None:
    """Windows of up to 65, squares and rectangles, to the bit what the CPU finds."""
    image = random_image(600, 700)
    # Few values, so that there are many ties.
    image = np.round(image * 4) / 4
    for same in (True, False):
        shape = (*image.shape, 1 if same else 2)
        sizes = np.random.default_rng(2).integers(0, 66, shape, np.int16)
        expected, indices = adapool.dynamic_pooling(
            image, sizes, anchor="center", channel_axis=None, return_indices=True
        )
        for with_indices in (False, True):
            out, winners = look_up_all(image, sizes, (1, 65, 65), same, with_indices)
            np.testing.assert_array_equal(out, expected)
            if with_indices:
                np.testing.assert_array_equal(winners, indices)


def test_samples() -> None:
    """One tap of a deformable convolution at each of half a million pixels, by every rule."""
    image = np.random.default_rng(3).normal(size=(600, 800)).astype(np.float32)
    offsets = np.random.default_rng(4).normal(0, 30, (600, 800, 2)).astype(np.float32)
    locate, spread, blend, corner = map(
        on_cpu, (deformable.locate, deformable.spread, deformable.blend, deformable.corner)
    )
    height, width = image.shape
    one, most = np.float32(1), np.float32(1 << 30)

    def sampler(rule: int) -> Any:
        @njit(error_model="numpy")
        def sample(flat: Any, offsets: Any, out: Any) -> None:
            for y in range(height):
                for x in range(width):
                    along_y = locate(y, offsets[y, x, 0], most, height, 0, rule, one)
                    along_x = locate(x, offsets[y, x, 1], most, width, 0, rule, one)
                    along_y = spread(along_y, width, np.int32)
                    along_x = spread(along_x, 1, np.int32)
                    if rule == 0:
                        out[y, x] = blend(flat, 0, along_y, along_x, one)
                    else:
                        at = along_y[0] + along_x[0]
                        out[y, x] = corner(flat, at, along_y[2] * along_x[2])

        return sample

    rules: tuple[Any, ...] = ("linear", "nearest", "truncate")
    for rule, interpolation in enumerate(rules):
        expected = adapool.deformable_conv(
            image, np.ones(1), offsets, interpolation=interpolation, channel_axis=None
        )
        out = np.empty_like(image)
        sampler(rule)(image.reshape(-1), offsets, out)
        np.testing.assert_allclose(out, expected, rtol=0, atol=0 if rule else 1e-5)


def test_half_sums_are_those_of_numpy() -> None:
    """Every sum of a column and a float16, truncated: as NumPy adds in float16."""
    from adapool import _formulas

    moves = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    moves = moves[np.isfinite(moves)]
    with np.errstate(all="ignore"):
        for tap in (-3, 0, 1, 15, 2047, 2049, 40_000):
            sums = np.float16(tap) + moves
            expected = np.where(np.isfinite(sums), sums, -1).astype(np.int64)
            actual = [_formulas.half_sum(tap, move) for move in moves[::7]]
            np.testing.assert_array_equal(actual, expected[::7])


def test_on_cpu_compiles_what_devices_call() -> None:
    assert isinstance(on_cpu(maximum.window_maximum), numba.core.registry.CPUDispatcher)
    calls = maximum.window_maximum.py_func.__code__.co_names
    assert "_exceeds" in calls
