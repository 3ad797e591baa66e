"""The square root in kernels."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic


@intrinsic
def square_root(typingctx: Any, value: Any) -> Any:
    """Take a square root by the instruction: numba calls a function outside of the kernel."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FloatType() if signature.args[0] == types.float32 else ir.DoubleType()
        suffix = "f32" if signature.args[0] == types.float32 else "f64"
        function = builder.module.declare_intrinsic(
            f"llvm.sqrt.{suffix}", fnty=ir.FunctionType(kind, [kind])
        )
        return builder.call(function, arguments)

    return value(value), generate
