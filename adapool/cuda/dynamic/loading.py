"""Some of the channels of an image, side by side, where the tables of all would take too much."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from adapool._jit import cuda_kernel
from adapool.cuda.target import cuda


@functools.cache
def load_slab(index: Any) -> Any:
    """Return the kernel that copies rows and channels of an image, flat, to `out`, flat.

    `shape` is (planes, rows, column * channel) of `out`, `size` (rows, columns, channels) of the
    image; `first` and `channel` are where the rows and the `channels` begin.
    """
    place = np.uint32 if index is np.int32 else np.uint64

    @cuda_kernel()
    def load(
        image: Any, shape: Any, size: Any, first: int, channel: int, channels: int, out: Any
    ) -> None:
        i = index(cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x)
        if i < shape[2]:
            column = index(place(i) // place(channels))
            c = index(i - column * channels + channel)
            plane = index(cuda.blockIdx.z)
            while plane < shape[0]:
                row = index(cuda.blockIdx.y)
                while row < shape[1]:
                    line = (plane * size[0] + first + row) * size[1] + column
                    value = image[np.uint64(line * size[2] + c)]
                    out[place((plane * shape[1] + row) * shape[2] + i)] = value
                    row = index(row + cuda.gridDim.y)
                plane = index(plane + cuda.gridDim.z)

    return load
