"""The square root as an instruction of the processor, where numba would call the C library."""

from __future__ import annotations

import math
from typing import Any

from llvmlite import ir
from numba import types

from adapool._jit import instruction


@instruction(lambda value: type(value)(math.sqrt(value)))
def square_root(typing: Any, value: Any) -> Any:
    """Return the square root of a float, of its type, as exact as IEEE 754 demands."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FloatType() if signature.args[0] == types.float32 else ir.DoubleType()
        suffix = "f32" if signature.args[0] == types.float32 else "f64"
        function = builder.module.declare_intrinsic(
            f"llvm.sqrt.{suffix}", fnty=ir.FunctionType(kind, [kind])
        )
        return builder.call(function, arguments)

    return value(value), generate
