"""Plain max pooling: the fixed-window control of the adaptive methods."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike

from adapool import _arguments
from adapool._arguments import Array
from adapool._dispatch import backend_for
from adapool._layout import Layout
from adapool._windows import pooling_windows


def max_pooling(
    feature_map: ArrayLike,
    kernel_size: int | Sequence[int],
    *,
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
    channel_axis: int | None = -1,
    batch_axis: int | None = None,
    return_indices: bool = False,
) -> Any:
    """Take the maximum over windows of one size on a regular grid.
    """
    backend = backend_for("feature_map", feature_map)
    layout, array = Layout.of("feature_map", feature_map, channel_axis, batch_axis)
    windows = pooling_windows(layout.spatial, kernel_size, stride, padding, dilation, ceil_mode)
    with_indices = _arguments.flag("return_indices", return_indices)
    pooled = backend.max_pooling(layout.canonical(array), windows, with_indices)
    return layout.restore_pooled(*pooled, layout.dtype)
