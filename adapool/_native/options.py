"""How numba compiles kernels and what they call, on either way."""

# Every option is safe for NaN: no fastmath anywhere. The NumPy error model drops the check for a
# zero divisor that would keep loops from being vectorised.
OPTIONS = {"nogil": True, "error_model": "numpy"}
