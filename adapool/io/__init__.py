"""Images from files, with the names of their axes and the size of a pixel, and back.

`read` and `write` for TIFF (OME, ImageJ, plain), OME-Zarr, PNG and JPEG; `find_files` for folders
and patterns. They need the extra ``files``: ``pip install 'adapool[files]'``.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
