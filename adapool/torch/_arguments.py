"""From arguments to those of operators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.forward_ad import unpack_dual

from adapool._checks import arguments
from adapool._checks import tensors as checks
from adapool._options import Ints
from adapool.torch._operators import OPERATORS
from adapool.torch._tensors import Axes


def operate(
    name: str, tensors: Sequence[Tensor | None], options: Sequence[Any], keep: bool = False
) -> Any:
    """Call an operator, which keeps what the way back needs if that, or `keep`, asks for it."""
    given = [each for each in tensors if each is not None]
    # An operator would drop the tangents without a word. Compilers know none.
    if not torch.compiler.is_compiling():
        checks.no_tangents(name, any(unpack_dual(each).tangent is not None for each in given))
    learns = torch.is_grad_enabled() and any(each.requires_grad for each in given)
    return OPERATORS[name](*tensors, *options, keep or learns)


def pooled(
    name: str, tensors: Sequence[Tensor | None], options: Sequence[Any], return_indices: bool
) -> Any:
    """Return values on a grid, and where they were found."""
    arguments.flag("return_indices", return_indices)
    values, _, kept = operate(name, tensors, options, return_indices)
    if not return_indices:
        return values
    channel, batch = options[-2:]
    assert tensors[0] is not None
    return values, Axes.of(tensors[0], channel, batch).restored(kept[0])


def windows(
    axes: Axes, kernel_size: Ints, stride: Ints | None, padding: Ints, dilation: Ints, ceil: bool
) -> tuple[Any, ...]:
    """Return the options of windows of one size, as operators take them."""
    return (
        ints("kernel_size", kernel_size, axes, 1),
        None if stride is None else ints("stride", stride, axes, 1),
        ints("padding", padding, axes),
        ints("dilation", dilation, axes, 1),
        arguments.flag("ceil_mode", ceil),
    )


def ints(name: str, value: Ints, axes: Axes, least: int = 0) -> list[int]:
    """Return a number for each spatial axis."""
    return list(arguments.integers(name, value, axes.ndim, least))


def limit(max_kernel_size: Ints | None, axes: Axes) -> list[int] | None:
    """Return what sizes are clipped to."""
    if max_kernel_size is None:
        return None
    return ints("max_kernel_size", max_kernel_size, axes, 1)
