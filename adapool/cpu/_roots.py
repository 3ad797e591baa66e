"""The square root as an instruction of the processor, where numba would call the C library."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic


@intrinsic
def square_root(typing: Any, value: Any) -> Any:
    """Return the square root of a float64, as exact as IEEE 754 demands."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        number = context.cast(builder, values[0], signature.args[0], types.float64)
        function = builder.module.declare_intrinsic("llvm.sqrt", [ir.DoubleType()])
        return builder.call(function, [number])

    return types.float64(value), generate
