"""The pixel of each region that is nearest to its centroid."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from adapool import _formulas
from adapool._jit import cuda_device, cuda_kernel
from adapool.cuda.target import cuda

_from_centroid = cuda_device(_formulas.from_centroid)

# What is compared, one after the other: the two parts of the distance, and the place.
STAGES = 3


@functools.cache
def nearest(stage: int) -> Any:
    """Return the kernel of a stage, which looks at the pixels that the ones before left over.

    `whole` gets the least first part of the distance, `rest` the largest second one, `middle` the
    first flat index: (region,) int64, which are to be as bad as can be beforehand.
    """

    @cuda_kernel()
    def look(
        owner: Any, shape: Any, areas: Any, sums: Any, whole: Any, rest: Any, middle: Any
    ) -> None:
        _, height, width = shape
        for i in range(cuda.grid(1), owner.size, cuda.gridsize(1)):
            own = owner[i]
            if own < 0:
                continue
            row, x = divmod(i, width)
            z, y = divmod(row, height)
            at, count = np.int64(own) * 3, areas[own]
            sz, sy, sx = sums[at], sums[at + 1], sums[at + 2]
            lz, ly, lx = sz // count, sy // count, sx // count
            distance, more = _from_centroid(
                z - lz, y - ly, x - lx, sz - lz * count, sy - ly * count, sx - lx * count, count
            )
            if stage == 0:
                if distance < whole[own]:
                    cuda.atomic.min(whole, own, distance)
            elif stage == 1:
                if distance == whole[own] and more > rest[own]:
                    cuda.atomic.max(rest, own, more)
            elif distance == whole[own] and more == rest[own] and i < middle[own]:
                cuda.atomic.min(middle, own, i)

    return look
