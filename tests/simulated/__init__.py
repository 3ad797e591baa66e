"""Tests that run in numba's CUDA simulator, which a process has from its start or not at all.

``tests/test_cuda.py`` starts that process; by hand it is

    NUMBA_ENABLE_CUDASIM=1 python -m pytest tests/simulated
"""
