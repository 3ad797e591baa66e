"""The backend of device arrays: numba.cuda kernels on the caller's device and stream.

Imported only when such an array arrives; :mod:`adapool._backends` has checked by then that
numba-cuda and a driver are there.
"""

from adapool.cuda.convolution.launch import deformable_conv, deformable_conv_and_pool
from adapool.cuda.dynamic.ellipse_launch import ellipse_pooling
from adapool.cuda.dynamic.launch import dynamic_pooling, pool_sites
from adapool.cuda.fixed.launch import attention_pooling, gather_windows, max_pooling
from adapool.cuda.regions.launch import (
    find_regions,
    middle_pixels,
    pool_regions,
    renumber_regions,
)
from adapool.cuda.sites.launch import find_sites

# See `adapool._kernels.Kernels`.
TRUNCATES_ANY_SUM = True

__all__ = [
    "TRUNCATES_ANY_SUM",
    "attention_pooling",
    "deformable_conv",
    "deformable_conv_and_pool",
    "dynamic_pooling",
    "ellipse_pooling",
    "find_regions",
    "find_sites",
    "gather_windows",
    "max_pooling",
    "middle_pixels",
    "pool_regions",
    "pool_sites",
    "renumber_regions",
]
