"""The backend of NumPy arrays: numba kernels on the threads of one machine."""

from adapool.cpu.convolution.launch import deformable_conv, deformable_conv_and_pool
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
)
from adapool.cpu.sites.launch import carry_claims, find_sites

# See `adapool._kernels.Kernels`.
TRUNCATES_ANY_SUM = False

__all__ = [
    "TRUNCATES_ANY_SUM",
    "attention_pooling",
    "carry_claims",
    "deformable_conv",
    "deformable_conv_and_pool",
    "dynamic_pooling",
    "ellipse_axes",
    "ellipse_pooling",
    "find_regions",
    "find_sites",
    "gather_windows",
    "max_pooling",
    "middle_pixels",
    "nearest_pixels",
    "pool_regions",
    "pool_sites",
    "renumber_regions",
    "uncovered",
]
