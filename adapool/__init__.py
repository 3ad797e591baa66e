"""Adaptive max pooling for images whose clusters vary in size and shape."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__version__ = "0.1.0.dev0"
