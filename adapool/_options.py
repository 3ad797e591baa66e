"""The keywords of public functions, as type checkers see them.

What a function returns depends on what it is given, and so it has a signature for each case
(`typing.overload`). Keywords that change nothing there are written once, here;
`tests/test_types.py` compares them with the signatures that people read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray

from adapool._checks.arguments import AnyArray

ArrayAndIndices = tuple[NDArray[Any], NDArray[np.int64]]
Ints = int | Sequence[int]
Reduction = Literal["max", "min", "mean", "sum"]
Anchor = Literal["corner", "center"]
Footprint = Literal["box", "ellipse"]
Interpolation = Literal["linear", "nearest", "truncate"]


class AxisOptions(TypedDict, total=False):
    """Which axes are not spatial."""

    channel_axis: int | None
    batch_axis: int | None


class WindowOptions(AxisOptions, total=False):
    """Where windows of one size are."""

    stride: Ints | None
    padding: Ints
    dilation: Ints
    ceil_mode: bool


class AttentionOptions(WindowOptions, total=False):
    """Of pooling with weights."""

    network_halo: Ints


class SiteOptions(TypedDict, total=False):
    """Of windows with a size of their own."""

    max_kernel_size: Ints | None
    anchor: Anchor
    channel_axis: int | None
    network_halo: Ints


class DynamicOptions(AxisOptions, total=False):
    """Of such windows on a grid."""

    stride: Ints
    max_kernel_size: Ints | None
    anchor: Anchor | None
    footprint: Footprint
    fractional: bool
    network_halo: Ints


class RegionOptions(TypedDict, total=False):
    """Of regions."""

    reduction: Reduction
    attention_network: Any
    channel_axis: int | None
    network_halo: Ints


class ConvOptions(AxisOptions, total=False):
    """Of a deformable convolution."""

    mask_network: Any
    bias: AnyArray | None
    stride: Ints
    padding: Ints
    dilation: Ints
    groups: int
    offset_groups: int
    interpolation: Interpolation | None
    max_offset: float | Sequence[float] | None
    network_halo: Ints


class ConvAndPoolOptions(ConvOptions, total=False):
    """Of the same with its result pooled."""

    pool_stride: Ints | None
    pool_padding: Ints
    ceil_mode: bool


class PeakOptions(AxisOptions, total=False):
    """Of the search for peaks."""

    threshold: float | None
    labels: ArrayLike | None
    exclude_border: bool | Ints
    spacing: float | Sequence[float] | None
