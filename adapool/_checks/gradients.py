"""Checks of what gradients are asked for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from adapool._backends import Array
from adapool._checks.arguments import Axes, real_array, shorten

FUNCTIONS = (
    "max_pooling",
    "attention_pooling",
    "dynamic_pooling",
    "dynamic_stride_pooling",
    "region_pooling",
    "deformable_conv",
    "deformable_conv_and_pool",
)


def differentiable(function: Any) -> Any:
    """Return what prepares a call of a function, if it is one that has gradients."""
    prepared = getattr(function, "prepared", None)
    if prepared is None:
        name = getattr(function, "__name__", None) or shorten(function)
        raise TypeError(f"function must be one of adapool's {', '.join(FUNCTIONS)}, got {name}")
    return prepared


def cotangent(value: Any, shape: Axes) -> Array:
    """Return a cotangent as a real array of the shape of the value."""
    array = real_array("cotangent", value)
    if array.shape != shape:
        raise ValueError(
            f"cotangent must have the shape of the value, {shape}, got {array.shape}: "
            "numpy.broadcast_to repeats one number"
        )
    return array


def wanted(value: Any, names: Sequence[str]) -> Collection[str]:
    """Return the names of arguments whose gradients are wanted."""
    if isinstance(value, str) or not isinstance(value, Collection):
        raise TypeError(
            f"wanted must be a sequence of the names of arguments, got {shorten(value)}: "
            f"pass wanted=[{names[0]!r}]"
        )
    unknown = [name for name in value if name not in names]
    if unknown:
        raise ValueError(
            f"wanted must name arguments that have gradients here, {', '.join(names)}, got "
            f"{shorten(unknown[0])}"
        )
    return value


def local_on_dask(on_grid: bool, networks: Sequence[str]) -> None:
    """Check that what is asked of a Dask array is asked block by block, of arrays alone."""
    if not on_grid:
        raise TypeError(
            "feature_map must be in memory for gradients of sites and regions, which are of the "
            "whole image, got a Dask array: pass feature_map.compute()"
        )
    if networks:
        name = networks[0]
        raise TypeError(
            f"{name} must be an array for gradients on Dask, got a network, which blocks would ask "
            f"each for itself: predict first, as with dask.array.map_blocks, and pass what it gives"
        )
