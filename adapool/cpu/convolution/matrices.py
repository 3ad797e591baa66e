"""Matrix products inside kernels, by BLAS routines whose addresses kernels are given.

``np.dot`` inside a kernel would allocate, raise, and refer to numba's own symbols, which only a
process that has numba's compiler running can resolve. The routines are those that it would call.
Inner dimensions are given to them in parts.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import get_cython_function_address, intrinsic

from adapool._jit import device

_TRANSPOSED, _AS_IT_IS = ord("t"), ord("n")

_INT = ir.IntType(32)

# The longest inner dimension that BLAS gets at a time. Beyond some 150, what it copies of the
# matrices leaves the L2 cache of some processors: it fell from 36 GFLOP/s to 11 with OpenBLAS's
# kernels for Haswell, and none is slower for it by more than 3 %. In no cache's measure, so that
# sums are taken in one order everywhere.
INNER = 128


@functools.cache
def routines(dtype: np.dtype[Any]) -> tuple[int, int, int]:
    """Return the addresses of gemm, gemv and dot for float32 or float64."""
    kind = {"f": "s", "d": "d"}[dtype.char]
    gemm, gemv, dot = (
        get_cython_function_address("scipy.linalg.cython_blas", kind + name)
        for name in ("gemm", "gemv", "dot")
    )
    return gemm, gemv, dot


@device
def multiply_matrices(
    blas: Any,
    left: Any,
    first: int,
    right: Any,
    begin: int,
    out: Any,
    at: int,
    rows: int,
    inner: int,
    columns: int,
    step: int,
    added: int,
) -> None:
    """``out = left @ right``, or with `added` ``out += left @ right``.

    Flat arrays, in C order, each from an index on: (rows, inner) by (inner, columns). `step` is
    from one row of the result to the next. Which routine is called is what ``np.dot`` chooses.
    """
    gemm, gemv, dot = blas
    if columns == 1 and rows == 1:
        _dot(dot, inner, left, first, right, begin, out, at, added)
    elif columns == 1:
        _gemv(gemv, _TRANSPOSED, inner, rows, left, first, right, begin, out, at, step, added)
    elif rows == 1:
        _gemv(gemv, _AS_IT_IS, columns, inner, right, begin, left, first, out, at, 1, added)
    else:
        part = _part(inner)
        for k in range(0, inner, part):
            _gemm(
                gemm, _AS_IT_IS, columns, rows, min(part, inner - k),
                right, begin + k * columns, left, first + k, inner, out, at, step,
                1 if k > 0 else added,
            )  # fmt: skip


@device
def _part(inner: int) -> int:
    """Return how long the parts of an inner dimension are, which are about equal."""
    parts = max((inner + INNER - 1) // INNER, 1)
    return max((inner + parts - 1) // parts, 1)


class _Call:
    """A call in the convention of Fortran: everything by its address."""

    def __init__(self, context: Any, builder: Any, signature: Any, values: Any) -> None:
        self._context, self._builder = context, builder
        self._kinds, self._values = signature.args, values
        array = next(kind for kind in self._kinds if isinstance(kind, types.Array))
        self.number = context.get_data_type(array.dtype)

    def place(self, i: int) -> Any:
        """Return the address of the element of an array at the index that follows it."""
        array = self._context.make_array(self._kinds[i])(
            self._context, self._builder, self._values[i]
        )
        return self._builder.gep(array.data, [self._values[i + 1]])

    def keep(self, value: Any) -> Any:
        pointer = cgutils.alloca_once(self._builder, value.type)
        self._builder.store(value, pointer)
        return pointer

    def small(self, i: int) -> Any:
        """Return the address of an integer, in the 32 bits that BLAS takes."""
        return self.keep(self._builder.trunc(self._values[i], _INT))

    def letter(self, i: int) -> Any:
        return self.keep(self._builder.trunc(self._values[i], ir.IntType(8)))

    def scalar(self, value: float) -> Any:
        return self.keep(self.number(value))

    def number_of(self, i: int) -> Any:
        """Return the address of an integer as a number of the kind that is multiplied."""
        return self.keep(self._builder.sitofp(self._values[i], self.number))

    def run(self, result: Any, given: list[Any]) -> Any:
        kind = ir.FunctionType(result, [one.type for one in given])
        address = self._builder.inttoptr(self._values[0], kind.as_pointer())
        return self._builder.call(address, given)


@intrinsic
def _gemm(
    typing: Any, routine: Any, trans: Any, m: Any, n: Any, k: Any,
    a: Any, a_at: Any, b: Any, b_at: Any, b_step: Any, c: Any, c_at: Any, c_step: Any, added: Any,
) -> Any:  # fmt: skip
    """``c = a @ b`` or ``c += a @ b`` as Fortran sees them: (m, k) by (k, n), or by (n, k).T."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        call = _Call(context, builder, signature, values)
        m = call.small(2)
        call.run(
            ir.VoidType(),
            [call.keep(ir.IntType(8)(_AS_IT_IS)), call.letter(1), m, call.small(3), call.small(4),
             call.scalar(1.0), call.place(5), m, call.place(7), call.small(9), call.number_of(13),
             call.place(10), call.small(12)],
        )  # fmt: skip
        return context.get_dummy_value()

    word = types.int64
    return types.void(*5 * [word], a, word, b, word, word, c, word, word, word), generate


@intrinsic
def _gemv(
    typing: Any, routine: Any, trans: Any, m: Any, n: Any,
    a: Any, a_at: Any, x: Any, x_at: Any, y: Any, y_at: Any, y_step: Any, added: Any,
) -> Any:  # fmt: skip
    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        call = _Call(context, builder, signature, values)
        m, one = call.small(2), call.scalar(1.0)
        call.run(
            ir.VoidType(),
            [call.letter(1), m, call.small(3), one, call.place(4), m, call.place(6),
             call.keep(_INT(1)), call.number_of(11), call.place(8), call.small(10)],
        )  # fmt: skip
        return context.get_dummy_value()

    word = types.int64
    return types.void(*4 * [word], a, word, x, word, y, word, word, word), generate


@intrinsic
def _dot(
    typing: Any, routine: Any, n: Any, x: Any, x_at: Any, y: Any, y_at: Any, out: Any, at: Any,
    added: Any,
) -> Any:  # fmt: skip
    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        call = _Call(context, builder, signature, values)
        step, target = call.keep(_INT(1)), call.place(6)
        product = call.run(call.number, [call.small(1), call.place(2), step, call.place(4), step])
        before = builder.select(
            builder.icmp_signed("!=", values[8], values[8].type(0)),
            builder.load(target),
            call.number(0.0),
        )
        builder.store(builder.fadd(before, product), target)
        return context.get_dummy_value()

    word = types.int64
    return types.void(word, word, x, word, y, word, out, word, word), generate


@device
def add_transposed(
    blas: Any,
    left: Any,
    first: int,
    right: Any,
    begin: int,
    out: Any,
    at: int,
    rows: int,
    inner: int,
    columns: int,
) -> None:
    """``out += left.T @ right``: flat arrays, in C order, each from an index on.

    `left` is (inner, rows), `right` (inner, columns).
    """
    part = _part(inner)
    for k in range(0, inner, part):
        _gemm(
            blas[0], _TRANSPOSED, columns, rows, min(part, inner - k),
            right, begin + k * columns, left, first + k * rows, rows, out, at, columns, 1,
        )  # fmt: skip
