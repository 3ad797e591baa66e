"""The backend of NumPy arrays: numba kernels on the threads of one machine."""

from adapool.cpu.convolution.backward import deformable_vjp
from adapool.cpu.convolution.launch import deformable_conv, deformable_conv_and_pool
from adapool.cpu.dynamic.corners import add_corner, corner_sizes, pull_corner
from adapool.cpu.dynamic.launch import dynamic_pooling, pool_sites
from adapool.cpu.ellipses.launch import ellipse_axes, ellipse_pooling
from adapool.cpu.fixed.launch import attention_pooling, gather_windows, max_pooling
from adapool.cpu.peaks.launch import uncovered
from adapool.cpu.regions.launch import (
    find_regions,
    middle_pixels,
    nearest_pixels,
    pool_regions,
    renumber_regions,
    repeat_owners,
)
from adapool.cpu.sites.launch import find_sites, find_sites_of_band
from adapool.cpu.winners.launch import (
    pick_weights,
    scatter_winners,
    times,
    times_winners,
    winning_taps,
    zeros,
)

# See `adapool._kernels.Kernels`.
TRUNCATES_ANY_SUM = False

__all__ = [
    "TRUNCATES_ANY_SUM",
    "add_corner",
    "attention_pooling",
    "corner_sizes",
    "deformable_conv",
    "deformable_conv_and_pool",
    "deformable_vjp",
    "dynamic_pooling",
    "ellipse_axes",
    "ellipse_pooling",
    "find_regions",
    "find_sites",
    "find_sites_of_band",
    "gather_windows",
    "max_pooling",
    "middle_pixels",
    "nearest_pixels",
    "pick_weights",
    "pool_regions",
    "pool_sites",
    "pull_corner",
    "renumber_regions",
    "repeat_owners",
    "scatter_winners",
    "times",
    "times_winners",
    "uncovered",
    "winning_taps",
    "zeros",
]
