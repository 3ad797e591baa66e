"""Loads and stores that the compiler may reorder: what it takes to vectorise a gather.

A loop that stores anything, and loads from addresses that it computes (``image[at[i]]``), is not
vectorised: for all the compiler knows, one iteration stores what a later one loads, and of a
computed address it cannot check at run time that it does not. Numba has no way to say that arrays
are apart. These primitives say it, through LLVM's scoped alias metadata. They also take indices
as they are, where Numba tests each one for being negative, and begin anywhere in an array without
a slice, which would count a reference: an atomic operation, on a line that all threads share.

Gathering two values a sample took 0.80 ns with plain indexing and 0.32 ns with these.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic


def apart(name: str) -> tuple[Any, Any]:
    """Make a load and a store that never meet.

    ``load(array, start, index)`` is ``array[start + index]``, and ``store(array, start, index,
    value)`` assigns to it. The caller promises that nothing which one of these stores writes is
    ever read through the load of the same pair. Plain indexing, and pairs of other names, may
    read it at will. Arrays are one-dimensional and contiguous, and nothing is checked.
    """

    def scope(module: Any) -> Any:
        domain = module.add_metadata([ir.MetaDataString(module, "adapool")])
        entry = module.add_metadata([ir.MetaDataString(module, f"adapool.{name}"), domain])
        return module.add_metadata([entry])

    def address(context: Any, builder: Any, kinds: Any, values: Any) -> tuple[Any, int]:
        pointer = context.make_array(kinds[0])(context, builder, values[0]).data
        # In two steps: the first one leaves a loop, and the second may keep its 32 bits.
        for kind, value in zip(kinds[1:3], values[1:3], strict=True):
            distance = context.cast(builder, value, kind, types.intp)
            pointer = builder.gep(pointer, [distance], inbounds=True)
        return pointer, context.get_abi_sizeof(context.get_data_type(kinds[0].dtype))

    @intrinsic
    def load(typing: Any, array: Any, start: Any, index: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            pointer, size = address(context, builder, signature.args, values)
            loaded = builder.load(pointer, align=size)
            loaded.set_metadata("noalias", scope(builder.module))
            return loaded

        return array.dtype(array, start, index), generate

    @intrinsic
    def store(typing: Any, array: Any, start: Any, index: Any, value: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            pointer, size = address(context, builder, signature.args, values)
            stored = builder.store(values[3], pointer, align=size)
            stored.set_metadata("alias.scope", scope(builder.module))
            return context.get_dummy_value()

        return types.void(array, start, index, array.dtype), generate

    return load, store
