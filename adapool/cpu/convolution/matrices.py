"""Matrix products inside kernels, by BLAS routines whose addresses kernels are given.

``np.dot`` inside a kernel would allocate, raise, and refer to numba's own symbols, which only a
process that has numba's compiler running can resolve. The routines are those that it would call,
so that not one bit differs.
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
) -> None:
    """``out = left @ right``: flat arrays, in C order, each from an index on.

    (rows, inner) by (inner, columns). Which routine is called is what ``np.dot`` chooses.
    """
    gemm, gemv, dot = blas
    if columns == 1 and rows == 1:
        _dot(dot, inner, left, first, right, begin, out, at)
    elif columns == 1:
        _gemv(gemv, _TRANSPOSED, inner, rows, left, first, right, begin, out, at)
    elif rows == 1:
        _gemv(gemv, _AS_IT_IS, columns, inner, right, begin, left, first, out, at)
    else:
        _gemm(gemm, columns, rows, inner, right, begin, left, first, out, at)


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

    def run(self, result: Any, given: list[Any]) -> Any:
        kind = ir.FunctionType(result, [one.type for one in given])
        address = self._builder.inttoptr(self._values[0], kind.as_pointer())
        return self._builder.call(address, given)


@intrinsic
def _gemm(
    typing: Any, routine: Any, m: Any, n: Any, k: Any,
    a: Any, a_at: Any, b: Any, b_at: Any, c: Any, c_at: Any,
) -> Any:  # fmt: skip
    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        call = _Call(context, builder, signature, values)
        plain = call.keep(ir.IntType(8)(_AS_IT_IS))
        m, n, k = call.small(1), call.small(2), call.small(3)
        one, zero = call.scalar(1.0), call.scalar(0.0)
        call.run(
            ir.VoidType(),
            [
                plain,
                plain,
                m,
                n,
                k,
                one,
                call.place(4),
                m,
                call.place(6),
                k,
                zero,
                call.place(8),
                m,
            ],
        )
        return context.get_dummy_value()

    word = types.int64
    return types.void(word, word, word, word, a, word, b, word, c, word), generate


@intrinsic
def _gemv(
    typing: Any, routine: Any, trans: Any, m: Any, n: Any,
    a: Any, a_at: Any, x: Any, x_at: Any, y: Any, y_at: Any,
) -> Any:  # fmt: skip
    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        call = _Call(context, builder, signature, values)
        m, n = call.small(2), call.small(3)
        one, zero, step = call.scalar(1.0), call.scalar(0.0), call.keep(_INT(1))
        call.run(
            ir.VoidType(),
            [call.letter(1), m, n, one, call.place(4), m, call.place(6), step, zero,
             call.place(8), step],
        )  # fmt: skip
        return context.get_dummy_value()

    word = types.int64
    return types.void(word, word, word, word, a, word, x, word, y, word), generate


@intrinsic
def _dot(
    typing: Any, routine: Any, n: Any, x: Any, x_at: Any, y: Any, y_at: Any, out: Any, at: Any
) -> Any:
    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        call = _Call(context, builder, signature, values)
        step = call.keep(_INT(1))
        given = [call.small(1), call.place(2), step, call.place(4), step]
        builder.store(call.run(call.number, given), call.place(6))
        return context.get_dummy_value()

    word = types.int64
    return types.void(word, word, x, word, y, word, out, word), generate


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
    _gemm_added(blas[0], columns, rows, inner, right, begin, left, first, out, at)


@intrinsic
def _gemm_added(
    typing: Any, routine: Any, m: Any, n: Any, k: Any,
    a: Any, a_at: Any, b: Any, b_at: Any, c: Any, c_at: Any,
) -> Any:  # fmt: skip
    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        call = _Call(context, builder, signature, values)
        letters = (call.keep(ir.IntType(8)(letter)) for letter in (_AS_IT_IS, _TRANSPOSED))
        m, n, k = call.small(1), call.small(2), call.small(3)
        one = call.scalar(1.0)
        call.run(
            ir.VoidType(),
            [*letters, m, n, k, one, call.place(4), m, call.place(6), n, one, call.place(8), m],
        )
        return context.get_dummy_value()

    word = types.int64
    return types.void(word, word, word, word, a, word, b, word, c, word), generate
