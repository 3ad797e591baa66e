"""The backend of device arrays: numba.cuda kernels on the caller's device and stream.

Imported only when such an array arrives; :mod:`adapool._backends` has checked by then that
numba-cuda and a driver are there.
"""

from adapool.cuda.convolution.backward import deformable_vjp
from adapool.cuda.convolution.launch import deformable_conv, deformable_conv_and_pool
from adapool.cuda.dynamic.corners import add_corner, corner_sizes, pull_corner
from adapool.cuda.dynamic.ellipse_launch import ellipse_pooling
from adapool.cuda.dynamic.launch import dynamic_pooling, pool_sites
from adapool.cuda.fixed.launch import attention_pooling, gather_windows, max_pooling
from adapool.cuda.regions.launch import (
    find_regions,
    middle_pixels,
    pool_regions,
    renumber_regions,
    repeat_owners,
)
from adapool.cuda.sites.launch import find_sites
from adapool.cuda.winners.launch import (
    pick_weights,
    scatter_winners,
    times,
    times_winners,
    winning_taps,
    zeros,
)

# See `adapool._kernels.Kernels`.
TRUNCATES_ANY_SUM = True

__all__ = [
    "TRUNCATES_ANY_SUM",
    "add_corner",
    "attention_pooling",
    "corner_sizes",
    "deformable_conv",
    "deformable_conv_and_pool",
    "deformable_vjp",
    "dynamic_pooling",
    "ellipse_pooling",
    "find_regions",
    "find_sites",
    "gather_windows",
    "max_pooling",
    "middle_pixels",
    "pick_weights",
    "pool_regions",
    "pool_sites",
    "pull_corner",
    "renumber_regions",
    "repeat_owners",
    "scatter_winners",
    "times",
    "times_winners",
    "winning_taps",
    "zeros",
]
