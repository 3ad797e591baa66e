"""Each main kernel once, on an image that fills the GPU: for its counters."""

from __future__ import annotations

import numpy as np
from numba import cuda

import adapool


def main(side: int = 2048) -> None:
    """Launch."""
    rng, send = np.random.default_rng(0), cuda.to_device
    image = send(rng.random((side, side, 1), np.float32))
    for kernel, stride in ((2, 2), (5, 1), (31, 1)):
        adapool.max_pooling(image, kernel, stride=stride)
    adapool.attention_pooling(image, 5, send(rng.random((side, side), np.float32)), stride=1)
    for axes in (1, 2):
        sizes = rng.integers(1, 66, (side, side, axes)).astype(np.float32)
        adapool.dynamic_pooling(image, send(sizes))
    # Channels first: the copy to C order.
    adapool.max_pooling(send(rng.random((3, 1024, 1024), np.float32)), 2, channel_axis=0)
    for channels in (3, 64):
        deep = send(rng.random((512, 512, channels), np.float32))
        moves = send(rng.normal(size=(512, 512, 18)).astype(np.float32))
        filters = send(rng.random((3, 3, channels, channels), np.float32))
        adapool.deformable_conv(deep, filters, moves, padding=1)
    cuda.synchronize()


if __name__ == "__main__":
    main()
