__all__ = ["Image", "find_files", "read", "write"]

from ._find import find_files
from ._image import Image
from ._read import read
from ._write import write
