"""Checks of the weights of a convolution, of its bias and of its groups."""

from __future__ import annotations

from typing import Any

from adapool._backends import Array
from adapool._checks.arguments import count, image_array, real_array


def conv_weights(value: Any, ndim: int, channels: int, groups: int) -> Array:
    """Check `conv_weights` and return it; its two shapes are told apart by their axes."""
    weights = image_array("conv_weights", value)
    if weights.ndim == 1:
        if weights.shape != (channels,):
            raise ValueError(
                f"conv_weights must have one factor for each of the {channels} channels, "
                f"got shape {weights.shape}"
            )
        if groups != 1:
            raise ValueError(f"groups must be 1 with conv_weights of shape (C,), got {groups}")
        return weights
    if channels % groups:
        raise ValueError(f"groups must divide the {channels} channels, got {groups}")
    if weights.ndim != ndim + 2 or weights.shape[-2] != channels // groups:
        of_torch = ""
        if weights.ndim == ndim + 2 and weights.shape[1] == channels // groups:
            of_torch = (
                ": weights of torch, (F, C // groups, *kernel), are turned by "
                "numpy.moveaxis(conv_weights, (1, 0), (-2, -1))"
            )
        raise ValueError(
            f"conv_weights must have shape (C,) = ({channels},) or (*kernel, C // groups, F) = "
            f"({'k, ' * ndim}{channels // groups}, F), got {weights.shape}{of_torch}"
        )
    if weights.shape[-1] % groups:
        raise ValueError(
            f"groups must divide the {weights.shape[-1]} filters of conv_weights, got {groups}"
        )
    return weights


def single_filter(filters: int) -> None:
    """Check that an image without channels stays one."""
    if filters != 1:
        raise ValueError(
            f"conv_weights must have F = 1 filter with channel_axis=None, got F = {filters}: "
            "give the image a channel axis to get more than one"
        )


def bias(value: Any, filters: int) -> Array | None:
    """Check the bias, one number for each filter."""
    if value is None:
        return None
    array = real_array("bias", value)
    if array.shape != (filters,):
        raise ValueError(f"bias must have shape ({filters},), got {array.shape}")
    return array


def offset_groups(value: Any, channels: int) -> int:
    """Check the number of offset groups."""
    number = count("offset_groups", value)
    if channels % number:
        raise ValueError(f"offset_groups must divide the {channels} channels, got {number}")
    return number
