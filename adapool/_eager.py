"""From checked arguments to a result, for arrays in memory.

Canonical layout, networks, kernels of the backend, layout restored. The public functions come here
once their arguments are checked; :mod:`adapool.dask` has the same functions for arrays that are
larger than memory, and calls these on the blocks of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adapool import _arguments
from adapool._arguments import Array
from adapool._convolution import ConvKernel, SamplingPlan
from adapool._dispatch import backend_for
from adapool._layout import Layout, Triple, as_dtype, as_given, plain
from adapool._networks import attention_weights, counted_dtype, grid_prediction
from adapool._windows import Windows, kernel_limits, size_columns, size_limits
from adapool.sites import Sites


def max_pooling(array: Array, layout: Layout, windows: Windows, with_indices: bool) -> Any:
    """Take the maximum over windows of one size."""
    backend = backend_for(array)
    pooled = backend.max_pooling(layout.canonical(array), windows, with_indices)
    return layout.restore_pooled(pooled, layout.dtype)


def attention_pooling(
    array: Array,
    layout: Layout,
    windows: Windows,
    network: Any,
    with_indices: bool,
    network_halo: Any = 0,
) -> Any:
    """Take the maximum of value times weight."""
    _arguments.no_network_halo(network_halo)
    backend = backend_for(array)
    image = layout.canonical(array)
    weights = attention_weights(network, layout, image, windows, backend)
    dtype = np.result_type(layout.dtype, counted_dtype("attention_network", network))
    pooled = backend.attention_pooling(image, weights, windows, dtype, with_indices)
    return layout.restore_pooled(pooled, dtype)


def dynamic_pooling(
    array: Array,
    layout: Layout,
    network: Any,
    strides: Triple,
    max_kernel_size: Any,
    centered: bool,
    with_indices: bool,
    network_halo: Any = 0,
) -> Any:
    """Take the maximum over windows of a size of their own."""
    _arguments.no_network_halo(network_halo)
    limits = size_limits(layout.spatial, max_kernel_size)
    backend = backend_for(array)
    image = layout.canonical(array)
    widths = (1, layout.ndim, 2 * layout.ndim)
    sizes = plain(grid_prediction("param_network", network, layout, image, layout.spatial, widths))
    columns = size_columns(layout.ndim, sizes.shape[-1])
    pooled = backend.dynamic_pooling(image, sizes, columns, limits, centered, strides, with_indices)
    return layout.restore_pooled(pooled, layout.dtype)


def dynamic_stride_pooling(
    array: Array,
    layout: Layout,
    network: Any,
    max_kernel_size: Any,
    centered: bool,
    network_halo: Any = 0,
) -> Sites:
    """Take the maximum at the sites that strides lead to."""
    _arguments.no_network_halo(network_halo)
    limits = kernel_limits(max_kernel_size, layout.ndim)
    backend = backend_for(array)
    image = layout.canonical(array)
    widths = (2 * layout.ndim,)
    params = plain(grid_prediction("param_network", network, layout, image, layout.spatial, widths))
    positions, sizes, strides, owner = backend.find_sites(params, limits)
    columns = size_columns(layout.ndim, 2 * layout.ndim)
    values = backend.pool_sites(image, positions, sizes, columns, centered)
    values = values if layout.channel_axis is not None else values.reshape(-1)
    return Sites(
        values=as_given(as_dtype(values, layout.dtype)),
        positions=as_given(positions),
        sizes=as_given(sizes),
        strides=as_given(strides),
        owner=as_given(owner.reshape(layout.spatial)),
        channel_axis=layout.channel_axis,
    )


def deformable_conv(
    array: Array,
    layout: Layout,
    kernel: ConvKernel,
    windows: Windows,
    plan: SamplingPlan,
    network_halo: Any = 0,
) -> Any:
    """Convolve, each tap looking where an offset leads."""
    _arguments.no_network_halo(network_halo)
    backend = backend_for(array)
    image = layout.canonical(array)
    sampling = plan.predict(layout, image, windows)
    dtype = np.result_type(layout.dtype, kernel.dtype, sampling.dtype)
    return layout.restore(backend.deformable_conv(image, kernel, windows, sampling, dtype))


def deformable_conv_and_pool(
    array: Array,
    layout: Layout,
    kernel: ConvKernel,
    windows: Windows,
    plan: SamplingPlan,
    pool: Windows,
    with_indices: bool,
    network_halo: Any = 0,
) -> Any:
    """Convolve, and take maxima over windows of the result."""
    _arguments.no_network_halo(network_halo)
    backend = backend_for(array)
    image = layout.canonical(array)
    sampling = plan.predict(layout, image, windows)
    dtype = np.result_type(layout.dtype, kernel.dtype, sampling.dtype)
    pooled = backend.deformable_conv_and_pool(
        image, kernel, windows, sampling, dtype, pool, with_indices
    )
    return layout.restore_pooled(pooled, dtype)
