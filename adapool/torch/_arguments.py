"""From arguments to those of operators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from adapool._checks import arguments
from adapool._options import Ints
from adapool.torch._operators import OPERATORS
from adapool.torch._tensors import Axes


def learns(tensors: Sequence[Tensor | None]) -> bool:
    """Whether the way back will be asked for."""
    given = [each for each in tensors if each is not None]
    return torch.is_grad_enabled() and any(each.requires_grad for each in given)


def pooled(
    name: str, tensors: Sequence[Tensor | None], options: Sequence[Any], return_indices: bool
) -> Any:
    """Return values on a grid, and where they were found."""
    arguments.flag("return_indices", return_indices)
    keep = return_indices or learns(tensors)
    values, _, kept = OPERATORS[name](*tensors, *options, keep)
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
