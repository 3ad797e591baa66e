"""From checked arguments to a lazy result, for Dask arrays.

The functions of :mod:`adapool._eager`. Each output chunk is one task, on exactly the slices of the
input that its windows reach; inside a task the kernels are serial, as Dask brings the threads.
Nothing is computed while the graph is built, whose size is linear in the chunks.
"""

from adapool.dask._deformable import deformable_conv, deformable_conv_and_pool
from adapool.dask._dynamic import dynamic_pooling
from adapool.dask._fixed import attention_pooling, max_pooling
from adapool.dask._sites import dynamic_stride_pooling

__all__ = [
    "attention_pooling",
    "deformable_conv",
    "deformable_conv_and_pool",
    "dynamic_pooling",
    "dynamic_stride_pooling",
    "max_pooling",
]
