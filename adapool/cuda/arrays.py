"""Device arrays of any library, seen as one kind, with the methods of arrays that layouts need.

They compute shapes and strides, and touch no memory but where they say so.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adapool.cuda.copying import copy_array
from adapool.cuda.memory import DeviceMemory


class DeviceArray(DeviceMemory):
    """An array in device memory, of any strides; its copies stay on the device."""

    def reshape(self, *shape: Any) -> DeviceArray:
        """Return another shape in C order; a copy on the device where strides do not allow it."""
        return super(DeviceArray, self.contiguous()).reshape(*shape)

    def astype(self, dtype: Any, copy: bool = True) -> DeviceArray:
        """Convert the elements; `copy` is there for likeness with NumPy."""
        if np.dtype(dtype) == self.dtype and not copy:
            return self
        result = self.empty(self.shape, dtype)
        copy_array(self, result)
        return result

    def contiguous(self) -> DeviceArray:
        """Return this array, or a copy of it, in C order."""
        return self if self.is_contiguous else self.astype(self.dtype)

    def plain(self) -> DeviceArray:
        """Return what kernels take: C order; booleans as bytes, float16 as float32."""
        array = self.view(np.uint8) if self.dtype == np.bool_ else self
        return array.astype(np.float32) if array.dtype == np.float16 else array.contiguous()
