"""Max pooling with windows of a size of their own at each pixel: how large, how far apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from numpy.typing import ArrayLike

from adapool import _arguments
from adapool._dispatch import backend_for
from adapool._layout import Layout, as_dtype, to_triple
from adapool._networks import grid_prediction
from adapool._windows import kernel_limits, size_columns, size_limits
from adapool.sites import Sites

Anchor = Literal["corner", "center"]


def dynamic_pooling(
    feature_map: ArrayLike,
    param_network: Any,
    *,
    stride: int | Sequence[int] = 1,
    max_kernel_size: int | Sequence[int] | None = None,
    anchor: Anchor = "corner",
    channel_axis: int | None = -1,
    batch_axis: int | None = None,
    return_indices: bool = False,
) -> Any:
    """Take the maximum over a window whose size is given for each pixel.
    """
    backend = backend_for("feature_map", feature_map)
    layout, array = Layout.of("feature_map", feature_map, channel_axis, batch_axis)
    strides = to_triple(_arguments.integers("stride", stride, layout.ndim, least=1), 1)
    limits = size_limits(layout.spatial, max_kernel_size)
    centered = _arguments.choice("anchor", anchor, _arguments.ANCHORS) == "center"
    with_indices = _arguments.flag("return_indices", return_indices)
    image = layout.canonical(array)
    widths = (1, layout.ndim, 2 * layout.ndim)
    sizes = grid_prediction(
        "param_network", param_network, layout, image, layout.spatial, widths
    )
    columns = size_columns(layout.ndim, sizes.shape[-1])
    pooled = backend.dynamic_pooling(
        image, sizes, columns, limits, centered, strides, with_indices
    )
    return layout.restore_pooled(*pooled, layout.dtype)


def dynamic_stride_pooling(
    feature_map: ArrayLike,
    param_network: Any,
    *,
    max_kernel_size: int | Sequence[int] | None = None,
    anchor: Anchor = "corner",
    channel_axis: int | None = -1,
) -> Sites:
    """Take the maximum at the sites that per-pixel strides lead to.
    """
    backend = backend_for("feature_map", feature_map)
    layout, array = Layout.of("feature_map", feature_map, channel_axis, None)
    limits = kernel_limits(max_kernel_size, layout.ndim)
    centered = _arguments.choice("anchor", anchor, _arguments.ANCHORS) == "center"
    image = layout.canonical(array)
    params = grid_prediction(
        "param_network", param_network, layout, image, layout.spatial, (2 * layout.ndim,)
    )
    positions, sizes, strides, owner = backend.find_sites(params, limits)
    columns = size_columns(layout.ndim, 2 * layout.ndim)
    values = backend.pool_sites(image, positions, sizes, columns, centered)
    return Sites(
        values=as_dtype(values if channel_axis is not None else values[:, 0], layout.dtype),
        positions=positions,
        sizes=sizes,
        strides=strides,
        owner=owner.reshape(layout.spatial),
        channel_axis=layout.channel_axis,
    )
