"""Device functions as parts of kernels: linked into them, never optimised or called by themselves.

numba makes a library of each function that it compiles, optimises it, wraps it for callers in
Python and C, and optimises it once more in every function that calls it. What is internal to numba
here are `CompilerBase`, `DefaultPassBuilder` and `JITCodeLibrary`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder

from adapool._native.options import OPTIONS


class _Codegen:
    """Stands in for numba's where an environment would be set, which code never loaded has not."""

    def __init__(self, codegen: Any) -> None:
        self._codegen = codegen

    def set_env(self, name: str, environment: Any) -> None:
        """Do nothing."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._codegen, name)


class _Part(JITCodeLibrary):  # type: ignore[misc]
    """LLVM code of one function and of those that it calls."""

    @property
    def codegen(self) -> Any:
        return _Codegen(self._codegen)

    def _optimize_functions(self, ll_module: Any) -> None:
        ll_module.data_layout = self._codegen._data_layout

    def finalize(self) -> None:
        """Link what is called, and leave it at that."""
        self._raise_if_finalized()
        for library in dict.fromkeys(self._linking_libraries):
            self._final_module.link_in(library._get_module_for_linking(), preserve=True)
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        """Return 0, which is what numba takes for a function that was not compiled."""
        return 0


class PartCompiler(CompilerBase):  # type: ignore[misc]
    """numba's compiler, with a part for a library."""

    def define_pipelines(self) -> list[Any]:
        """Return the one pipeline."""
        state = self.state
        state.library = _Part(state.targetctx.codegen(), state.func_id.func_qualname)
        return [DefaultPassBuilder.define_nopython_pipeline(state)]


def as_part(function: Callable[..., Any]) -> Any:
    """Return a function as numba's dispatcher, whose code is linked into kernels and never run."""
    dispatcher = numba.njit(
        pipeline_class=PartCompiler,
        no_cfunc_wrapper=True,
        no_cpython_wrapper=True,
        _nrt=False,
        **OPTIONS,
    )(function)

    def keep(compiled: Any) -> None:
        dispatcher.overloads[tuple(compiled.signature.args)] = compiled

    def refuse(*_: Any, **__: Any) -> None:
        raise TypeError(f"{function.__name__} is a part of kernels; from Python, call its py_func")

    # numba would call what was compiled, at address 0, and otherwise compile it.
    dispatcher.add_overload = keep
    dispatcher._compile_for_args = refuse
    return dispatcher
