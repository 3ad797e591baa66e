"""The backend of NumPy arrays: numba kernels on the threads of one machine."""

from adapool.cpu.launch import (
    attention_pooling,
    dynamic_pooling,
    find_sites,
    gather_windows,
    max_pooling,
    pool_sites,
)

__all__ = [
    "attention_pooling",
    "dynamic_pooling",
    "find_sites",
    "gather_windows",
    "max_pooling",
    "pool_sites",
]
