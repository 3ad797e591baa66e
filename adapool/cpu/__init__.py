"""The backend of NumPy arrays: numba kernels on the threads of one machine."""

from adapool.cpu.launch import attention_pooling, gather_windows, max_pooling
from adapool.cpu.launch_deformable import deformable_conv, deformable_conv_and_pool
from adapool.cpu.launch_dynamic import (
    carry_claims,
    dynamic_pooling,
    find_sites,
    pool_sites,
)
from adapool.cpu.launch_peaks import uncovered

# See `adapool._backends.Kernels`.
TRUNCATES_ANY_SUM = False

__all__ = [
    "TRUNCATES_ANY_SUM",
    "attention_pooling",
    "carry_claims",
    "deformable_conv",
    "deformable_conv_and_pool",
    "dynamic_pooling",
    "find_sites",
    "gather_windows",
    "max_pooling",
    "pool_sites",
    "uncovered",
]
