"""Imported by Python as it starts: NumPy 2.5 has no `row_stack`, which numba-cuda 0.30 asks for.

For this check alone, on machines whose NumPy cannot be changed.
"""

import numpy

if not hasattr(numpy, "row_stack"):
    # By its name in quotes: a formatter that knows NumPy 2 would put the new name for it.
    vars(numpy)["row_stack"] = numpy.vstack
