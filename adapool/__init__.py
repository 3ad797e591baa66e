"""Adaptive max pooling for images whose clusters vary in size and shape."""

import sys

import lazy_loader

if sys.byteorder != "little":
    # Nothing here has ever been run on one: an error is better than results that nobody checked.
    raise ImportError(
        "adapool needs a little-endian processor (x86-64, ARM64, RISC-V, POWER as ppc64le), and "
        "this one is big-endian; files in big-endian order are read on any of those"
    )

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__version__ = "0.1.0"
