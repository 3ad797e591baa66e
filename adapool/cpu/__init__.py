"""The backend of NumPy arrays: numba kernels on the threads of one machine."""

from adapool.cpu.convolution.backward import deformable_vjp
from adapool.cpu.convolution.launch import deformable_conv, deformable_conv_and_pool
from adapool.cpu.dynamic.corners import add_corner, corner_sizes, pull_corner
from adapool.cpu.dynamic.launch import dynamic_pooling, pool_sites
from adapool.cpu.fixed.launch import attention_pooling, gather_windows, max_pooling
from adapool.cpu.peaks.launch import uncovered
from adapool.cpu.sites.launch import carry_claims, find_sites
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
    "carry_claims",
    "corner_sizes",
    "deformable_conv",
    "deformable_conv_and_pool",
    "deformable_vjp",
    "dynamic_pooling",
    "find_sites",
    "gather_windows",
    "max_pooling",
    "pick_weights",
    "pool_sites",
    "pull_corner",
    "scatter_winners",
    "times",
    "times_winners",
    "uncovered",
    "winning_taps",
    "zeros",
]
