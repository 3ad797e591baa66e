"""Loads and stores that the compiler may reorder: what it takes to vectorise a gather.

A loop that stores anything, and loads from addresses that it computes (``image[at[i]]``), is not
vectorised: for all the compiler knows, one iteration stores what a later one loads, and of a
computed address it cannot check at run time that it does not. Numba has no way to say that arrays
are apart. These primitives say it, through LLVM's scoped alias metadata. They also take indices
as they are, where Numba tests each one for being negative.

Gathering two values a sample took 0.80 ns with plain indexing and 0.32 ns with these.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic


def apart(name: str) -> tuple[Any, Any]:
    """Make ``load(array, index)`` and ``store(array, index, value)`` that never meet.

    The caller promises that no array which one of these stores goes to is read through the load
    of the same pair. Plain indexing, and pairs of other names, may follow in any order.
    Arrays are one-dimensional and contiguous, and indices inside them.
    """

    def scope(module: Any) -> Any:
        domain = module.add_metadata([ir.MetaDataString(module, "adapool")])
        return module.add_metadata(
            [module.add_metadata([ir.MetaDataString(module, f"adapool.{name}"), domain])]
        )

    def address(context: Any, builder: Any, kinds: Any, values: Any) -> tuple[Any, int]:
        array = context.make_array(kinds[0])(context, builder, values[0])
        index = context.cast(builder, values[1], kinds[1], types.intp)
        size = context.get_abi_sizeof(context.get_data_type(kinds[0].dtype))
        return builder.gep(array.data, [index], inbounds=True), size

    @intrinsic
    def load(typing: Any, array: Any, index: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            pointer, size = address(context, builder, signature.args, values)
            loaded = builder.load(pointer, align=size)
            loaded.set_metadata("noalias", scope(builder.module))
            return loaded

        return array.dtype(array, index), generate

    @intrinsic
    def store(typing: Any, array: Any, index: Any, value: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            pointer, size = address(context, builder, signature.args, values)
            stored = builder.store(values[2], pointer, align=size)
            stored.set_metadata("alias.scope", scope(builder.module))
            return context.get_dummy_value()

        return types.void(array, index, array.dtype), generate

    return load, store
