"""From the source of a kernel to LLVM code that is simplified, and names no CPU.

numba compiles the body; the function around it, which reads the arguments from their block and
runs the tasks, is written here. What is internal to numba are the types of arguments, how it
represents them, and how its functions are called.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.registry import cpu_target
from numba.core.typing.typeof import Purpose, typeof

from adapool._native.arguments import (
    C_ORDER,
    DATA,
    DIMENSIONS,
    FINE,
    FLAGS,
    RAISED,
    REFUSED,
    SHAPE,
)
from adapool._native.machine import generic_machine, optimise, simplify

_WORD, _STATUS, _BYTES = ir.IntType(64), ir.IntType(32), ir.IntType(8).as_pointer()


def write(
    device: Callable[..., Any], body: Callable[..., Any], arguments: tuple[Any, ...],
    with_task: bool, calls_kept: bool,
) -> bytes:  # fmt: skip
    """Compile the body of a kernel for arguments like these; return LLVM bitcode.

    It defines ``int32 kernel(words, first, count)``, which runs tasks one after the other, and
    ``void share(args, dimensions, steps, status)``, which numba's pool calls for a share of them.
    """
    kinds = tuple(map(_kind, arguments))
    signature = (types.int64, *kinds) if with_task else kinds
    function = device(body)
    function.compile(signature)
    compiled = function.overloads[signature]
    module = ir.Module("kernel")
    module.triple = llvm.get_process_triple()
    module.data_layout = str(generic_machine().target_data)
    kernel = _Entry(module, compiled, signature, with_task).kernel(kinds)
    _write_share(module, kernel)
    whole = llvm.parse_assembly(str(module))
    whole.link_in(compiled.library._get_module_for_linking(), preserve=True)
    # Names of numba's count what the process has compiled; these make the code reproducible.
    numbers = itertools.count()
    for part in whole.functions:
        if not part.is_declaration:
            simplify(part)
            if part.name not in ("kernel", "share"):
                # Internal ones are inlined into one large function: the faster kernel for most.
                part.linkage = "linkonce_odr" if calls_kept else "internal"
                part.name = f"part{next(numbers)}"
    for constant in whole.global_variables:
        if not constant.is_declaration:
            constant.linkage = "internal"
            constant.name = f"constant{next(numbers)}"
    optimise(whole, generic_machine(), speed=1, vectors=False)
    _refuse_strangers(whole)
    return bytes(whole.as_bitcode())


def _refuse_strangers(module: Any) -> None:
    """Raise where a kernel calls what is not in it: it could not run in another process."""
    strangers = [f.name for f in module.functions if f.is_declaration]
    strangers += [v.name for v in module.global_variables if v.is_declaration]
    strangers = [name for name in strangers if not name.startswith("llvm.")]
    if strangers:
        raise RuntimeError(f"a kernel refers to {', '.join(strangers)}; it may allocate nothing")


def _kind(argument: Any) -> Any:
    """Return the type of an argument, as numba sees it."""
    kind = typeof(argument, Purpose.argument)
    if isinstance(kind, types.Array):
        return kind.copy(layout="C", readonly=False)
    if type(argument) is tuple:
        return types.Tuple(tuple(map(_kind, argument)))
    return kind


class _Entry:
    """The function around a body."""

    def __init__(self, module: Any, compiled: Any, signature: Any, with_task: bool) -> None:
        self._module, self._compiled = module, compiled
        self._signature, self._with_task = signature, with_task
        self._context = cpu_target.target_context
        shape = ir.FunctionType(_STATUS, [_WORD.as_pointer(), _WORD, _WORD])
        self._function = ir.Function(module, shape, "kernel")
        self._builder = ir.IRBuilder(self._function.append_basic_block())
        self._places: Iterator[int] = iter(range(1 << 20))
        self._fits: list[Any] = []

    def kernel(self, kinds: tuple[Any, ...]) -> Any:
        """Write it: the arguments, and the loop over tasks."""
        builder, context = self._builder, self._context
        _, first, count = self._function.args
        values = [self._read(kind) for kind in kinds]
        for fits in self._fits:
            with builder.if_then(builder.not_(fits), likely=False):
                builder.ret(_STATUS(REFUSED))
        callee = context.declare_function(self._module, self._compiled.fndesc)
        with cgutils.for_range(builder, count) as loop:
            task = [builder.add(first, loop.index)] if self._with_task else []
            status, _ = context.call_conv.call_function(
                builder, callee, types.none, self._signature, [*task, *values]
            )
            with builder.if_then(status.is_error, likely=False):
                builder.ret(_STATUS(RAISED))
        builder.ret(_STATUS(FINE))
        return self._function

    def _word(self) -> Any:
        """Return the address of the next word of the block."""
        return self._builder.gep(self._function.args[0], [_WORD(next(self._places))])

    def _read(self, kind: Any) -> Any:
        builder, context = self._builder, self._context
        if isinstance(kind, types.Array):
            return self._array(kind)
        if isinstance(kind, types.NoneType):
            return context.get_dummy_value()
        if isinstance(kind, types.BaseTuple):
            return context.make_tuple(builder, kind, [self._read(one) for one in kind.types])
        target = context.get_value_type(kind)
        if isinstance(kind, types.Boolean):
            word = builder.load(builder.bitcast(self._word(), _BYTES))
            return builder.trunc(word, target)
        return builder.load(builder.bitcast(self._word(), target.as_pointer()))

    def _array(self, kind: Any) -> Any:
        """Read an array from its object, and whether it is one that the code is made for."""
        builder, context = self._builder, self._context
        fields = builder.inttoptr(builder.load(self._word()), _WORD.as_pointer())

        def field(at: Any, i: int, type_: Any = _WORD) -> Any:
            place = builder.gep(at, [_WORD(i)])
            return builder.load(builder.bitcast(place, type_.as_pointer()))

        ordered = builder.and_(field(fields, FLAGS, _STATUS), _STATUS(C_ORDER))
        dimensions = field(fields, DIMENSIONS, _STATUS)
        self._fits.append(builder.icmp_signed("!=", ordered, _STATUS(0)))
        self._fits.append(builder.icmp_signed("==", dimensions, _STATUS(kind.ndim)))
        shape = builder.inttoptr(field(fields, SHAPE), _WORD.as_pointer())
        # Of an array with fewer dimensions nothing is read that is not there: it is refused first.
        for fits in self._fits:
            with builder.if_then(builder.not_(fits), likely=False):
                builder.ret(_STATUS(REFUSED))
        self._fits.clear()
        lengths = [field(shape, axis) for axis in range(kind.ndim)]
        width = context.get_abi_sizeof(context.get_data_type(kind.dtype))
        steps, count = [_WORD(width)], _WORD(1)
        for length in lengths[:0:-1]:
            steps.insert(0, builder.mul(steps[0], length))
        for length in lengths:
            count = builder.mul(count, length)
        array = context.make_array(kind)(context, builder)
        array.meminfo = array.meminfo.type(None)
        array.parent = array.parent.type(None)
        array.nitems, array.itemsize = count, _WORD(width)
        array.data = builder.inttoptr(field(fields, DATA), array.data.type)
        array.shape = cgutils.pack_array(builder, lengths)
        array.strides = cgutils.pack_array(builder, steps)
        return array._getvalue()


def _write_share(module: Any, kernel: Any) -> None:
    """Write what numba's pool calls: args are the block and the first task, each by its address."""
    many = _WORD.as_pointer()
    shape = ir.FunctionType(ir.VoidType(), [_BYTES.as_pointer(), many, many, _STATUS.as_pointer()])
    function = ir.Function(module, shape, "share")
    builder = ir.IRBuilder(function.append_basic_block())
    args, dimensions, _, status = function.args
    block = builder.bitcast(builder.load(args), many)
    first = builder.ptrtoint(builder.load(builder.gep(args, [_WORD(1)])), _WORD)
    result = builder.call(kernel, [block, first, builder.load(dimensions)])
    with builder.if_then(builder.icmp_signed("!=", result, _STATUS(FINE)), likely=False):
        builder.store(result, status)
    builder.ret_void()
