"""Small windows of one size: each thread keeps to a column of the image, and reads what it needs.

Neighbouring threads read neighbouring values, so that what windows share is in the cache nearest
to the processor. Kernel, padding and one channel are constants of a kernel: the loops over a window
have no branches left, and its values are loads at constant distances.

Positions outside the image are moved to its border. Without dilation a window that reaches beyond
the border has that position anyway, and a maximum may see a value twice.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from adapool import _formulas
from adapool._backends import Triple
from adapool._jit import cuda_device, cuda_kernel
from adapool.cuda.comparing import clamped, larger
from adapool.cuda.target import cuda, from_dtype

_add_stray = cuda_device(_formulas.add_stray)

# Rows whose values are under way at the same time.
AT_ONCE = 4


@functools.cache
def row_maximum(width_of: int, single: bool, padded: bool, dtype: np.dtype[Any], weighted: bool,
                index: Any) -> Any:  # fmt: skip
    """Return the function that takes the maximum over `width_of` neighbouring pixels of a row.

    With `single` images have one channel. If `padded`, pixels may be outside the row. The products
    are taken in `dtype`; `index` is the type that holds the number of any element.
    """
    number = dtype.type
    place = np.uint32 if index is np.int32 else np.uint64

    @cuda_device
    def maximum(
        image: Any, weights: Any, line: Any, where: Any, x: Any, width: Any, pixel: Any,
        strays: Any,
    ) -> Any:  # fmt: skip
        """Start at column `x` of the row whose first pixel is `line`, of the weights at `where`.

        `pixel` is (channels, c, channels of weights, channel of them). Returns `strays` too.
        """
        channels, c, deep, channel = pixel
        first = np.uint64(place(line + x))
        second = np.uint64(place(where + x))
        best = number(0)
        for d in range(width_of):
            if padded:
                column = clamped(index(x + d), index(width - 1))
                first = np.uint64(place(line + column))
                second = np.uint64(place(where + column))
                step = np.uint64(0)
            else:
                step = np.uint64(d)
            if single:
                value = number(image[np.uint64(first + step)])
            else:
                at = index(index(first + step) * channels + c)
                value = number(image[place(at)])
            if weighted:
                weight = weights[place(index(index(second + step) * deep + channel))]
                strays = _add_stray(strays, weight)
                value = number(value * number(weight))
            best = value if d == 0 else larger(best, value)
        return best, strays

    return maximum


@functools.cache
def pool_columns(
    kernel: Triple,
    marching: bool,
    single: bool,
    padded: bool,
    dtype: np.dtype[Any],
    weighted: bool,
    index: Any,
) -> Any:
    """Return the kernel that pools bands of rows, a thread for each column of a channel.

    If `marching`, windows are one row apart: a thread goes down its column, and keeps the maxima
    of the rows that it still needs. Otherwise it visits its windows one after the other.

    Its arguments:

    image : flat (batch, plane, row, column, channel); `size` is (plane, row, column, channel)
    weights : flat; of `shared` (images of weights, channels of weights); looked at if `weighted`
    items : int
        Planes of outputs, of all images.
    stride, origin, outputs : triples
    band : int
        Rows of outputs of a thread.
    lowest : scalar of `dtype`
    out : flat
    flags : (1,), set where a weight is not finite
    """
    deep, tall, wide = kernel
    kind = from_dtype(dtype)
    place = np.uint32 if index is np.int32 else np.uint64
    one_row = row_maximum(wide, single, padded, dtype, weighted, index)

    @cuda_kernel(registers=128 if dtype.itemsize < 8 else 255)
    def pool(
        image: Any, size: Any, weights: Any, shared: Any, items: int, stride: Any, origin: Any,
        outputs: Any, band: int, lowest: Any, out: Any, flags: Any,
    ) -> None:  # fmt: skip
        depth, height, width = index(size[0]), index(size[1]), index(size[2])
        planes, rows, columns = index(outputs[0]), index(outputs[1]), index(outputs[2])
        channels = index(1) if single else index(size[3])
        length = index(columns * channels)
        strays = np.int32(0)
        last = cuda.local.array(tall, kind)
        found = cuda.local.array(AT_ONCE, kind)
        i = index(cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x)
        if i < length:
            column, c = i, index(0)
            if not single:
                column = index(place(i) // place(channels))
                c = index(i - column * channels)
            x = index(column * index(stride[2]) + index(origin[2]))
            deeper = index(shared[1])
            pixel = channels, c, deeper, c if deeper > 1 else index(0)
            item = index(cuda.blockIdx.z)
            while item < items:
                batch = index(item // planes)
                plane = index(item - batch * planes)
                z0 = index(plane * index(stride[0]) + index(origin[0]))
                begin = index(cuda.blockIdx.y * band)
                while begin < rows:
                    end = index(min(begin + band, rows))
                    # Rows of a window that an output is about to have been seen of.
                    r = index(begin - (tall - 1)) if marching else begin
                    y0 = index(begin * index(stride[1]) + index(origin[1]))
                    for t in range(tall):
                        last[t] = lowest
                    while r < end:
                        for u in range(AT_ONCE):
                            found[u] = lowest
                        for a in range(deep):
                            z = clamped(index(z0 + a), index(depth - 1))
                            volume = index((batch * depth + z) * height)
                            other = index((batch % index(shared[0]) * depth + z) * height)
                            for b in range(1 if marching else tall):
                                for u in range(AT_ONCE):
                                    step = u if marching else u * index(stride[1]) + b
                                    y = clamped(index(y0 + step), index(height - 1))
                                    best, strays = one_row(
                                        image, weights, index((volume + y) * width),
                                        index((other + y) * width), x, width, pixel, strays,
                                    )  # fmt: skip
                                    found[u] = larger(found[u], best)
                        at = index((item * rows + r) * length + i)
                        for u in range(AT_ONCE):
                            best = found[u]
                            if marching and tall > 1:
                                best = larger(last[tall - 2], found[u])
                                for t in range(tall - 2, 0, -1):
                                    last[t] = larger(last[t - 1], found[u])
                                last[0] = found[u]
                            if r + u >= begin and r + u < end:
                                out[place(at)] = best
                            at = index(at + length)
                        r = index(r + AT_ONCE)
                        y0 = index(y0 + (AT_ONCE if marching else AT_ONCE * index(stride[1])))
                    begin = index(begin + cuda.gridDim.y * band)
                item = index(item + cuda.gridDim.z)
        if weighted and strays != 0:
            flags[0] = 1

    return pool
