"""Attention-weighted max pooling: what counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from adapool import _arguments
from adapool._dispatch import backend_for
from adapool._layout import Layout
from adapool._networks import attention_weights, counted_dtype
from adapool._windows import pooling_windows


def attention_pooling(
    feature_map: ArrayLike,
    kernel_size: int | Sequence[int],
    attention_network: Any,
    *,
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
    channel_axis: int | None = -1,
    batch_axis: int | None = None,
    return_indices: bool = False,
) -> Any:
    """Take the maximum of value times attention weight over each window.
    """
    backend = backend_for("feature_map", feature_map)
    layout, array = Layout.of("feature_map", feature_map, channel_axis, batch_axis)
    windows = pooling_windows(layout.spatial, kernel_size, stride, padding, dilation, ceil_mode)
    with_indices = _arguments.flag("return_indices", return_indices)
    image = layout.canonical(array)
    weights = attention_weights(attention_network, layout, image, windows, backend)
    dtype = np.result_type(layout.dtype, counted_dtype(attention_network))
    pooled = backend.attention_pooling(image, weights, windows, dtype, with_indices)
    return layout.restore_pooled(*pooled, dtype)
