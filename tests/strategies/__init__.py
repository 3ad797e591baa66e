"""Hypothesis strategies: images, windows and networks, in every form that a caller may hand in.

Values come from a short drawn list, spread over the array by a seed: that is fast, shrinks well,
and makes many ties.
"""

from .arrays import (
    any_offsets,
    arrays,
    exact_offsets,
    exact_weights,
    masks,
    operands,
    pixels,
    sizes,
    sizes_and_strides,
    weights,
)
from .convolutions import Convolution, convolutions, divisors, max_offsets
from .elements import (
    DTYPES,
    FLOATS,
    Elements,
    any_value,
    exact_offset,
    finite_value,
    operand_dtypes,
    size_value,
    small_whole,
    small_whole_or_not_finite,
    stride_value,
    unit_value,
)
from .images import Image, images, per_axis, windows
from .networks import (
    Predictor,
    anchors,
    attention_networks,
    max_kernel_sizes,
    param_networks,
    stride_networks,
)
from .regions import region_calls

__all__ = [
    "DTYPES",
    "FLOATS",
    "Convolution",
    "Elements",
    "Image",
    "Predictor",
    "anchors",
    "any_offsets",
    "any_value",
    "arrays",
    "attention_networks",
    "convolutions",
    "divisors",
    "exact_offset",
    "exact_offsets",
    "exact_weights",
    "finite_value",
    "images",
    "masks",
    "max_kernel_sizes",
    "max_offsets",
    "operand_dtypes",
    "operands",
    "param_networks",
    "per_axis",
    "pixels",
    "region_calls",
    "size_value",
    "sizes",
    "sizes_and_strides",
    "small_whole",
    "small_whole_or_not_finite",
    "stride_networks",
    "stride_value",
    "unit_value",
    "weights",
    "windows",
]
