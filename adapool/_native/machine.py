"""From LLVM code to machine code of this CPU, and into the process.

Through llvmlite's public binding, with the options that numba sets for the code that it compiles.
"""

from __future__ import annotations

import functools
from typing import Any

import llvmlite.binding as llvm
import numba

# Engines own the code that they load, and live as long as the process.
_engines: list[Any] = []


@functools.cache
def cpu() -> tuple[str, str]:
    """Return the name and the features of this CPU, or what numba was told instead."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    try:
        features = llvm.get_host_cpu_features().flatten()
    except RuntimeError:  # not known for this kind of processor
        features = ""
    name = numba.config.CPU_NAME or llvm.get_host_cpu_name()
    if numba.config.CPU_FEATURES is not None:
        features = numba.config.CPU_FEATURES
    return name, features


def _machine(name: str, features: str) -> Any:
    cpu()  # has the target initialised
    triple = llvm.get_process_triple()
    return llvm.Target.from_triple(triple).create_target_machine(
        cpu=name,
        features=features,
        opt=3,
        reloc="static" if triple.startswith("x86") else "default",
        codemodel="jitdefault",
        jit=True,
    )


def generic_machine() -> Any:
    """Return a machine of this kind, of no particular model."""
    return _machine("", "")


def optimise(module: Any, machine: Any, *, speed: int, vectors: bool) -> None:
    """Run LLVM's passes over a module."""
    options = llvm.create_pipeline_tuning_options(speed_level=speed)
    options.loop_vectorization = options.loop_unrolling = vectors
    options.loop_interleaving = options.slp_vectorization = False
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)


def simplify(function: Any) -> None:
    """Simplify a function before anything is inlined, as numba does: code is 5 % faster."""
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    builder = llvm.create_pass_builder(generic_machine(), options)
    builder.getFunctionPassManager().run(function, builder)


def assemble(bitcode: bytes) -> bytes:
    """Optimise for this CPU; return object code."""
    machine = _machine(*cpu())
    module = llvm.parse_bitcode(bitcode)
    module.triple, module.data_layout = llvm.get_process_triple(), str(machine.target_data)
    optimise(module, machine, speed=3, vectors=True)
    return bytes(machine.emit_object(module))


def load(code: bytes) -> tuple[int, int]:
    """Load object code into the process; return the addresses of `kernel` and `share`."""
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine(*cpu()))
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    addresses = engine.get_function_address("kernel"), engine.get_function_address("share")
    if not all(addresses):
        raise ValueError("this object code is no kernel")
    _engines.append(engine)
    return addresses
