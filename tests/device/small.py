"""Small inputs through every kernel that has barriers or atomics, and the rest: for sanitizers."""

from __future__ import annotations

import numpy as np
from numba import cuda

import adapool


def main() -> None:
    """Launch; the last word says that all of it was."""
    rng, send = np.random.default_rng(0), cuda.to_device
    image = send(rng.random((70, 130, 3), np.float32))
    weights = send(rng.random((70, 130), np.float32))
    # Small windows, and large ones in shared memory, with and without weights; a transposed copy.
    adapool.max_pooling(image, 5, stride=1)
    adapool.max_pooling(image, 15, stride=2, padding=3)
    adapool.attention_pooling(image, 15, weights, stride=1)
    adapool.max_pooling(send(rng.random((19, 40, 70), np.float32)), 3, channel_axis=0)
    adapool.max_pooling(image, 3, stride=2, padding=1)
    adapool.attention_pooling(image, 3, weights, stride=2)
    adapool.max_pooling(send(rng.random((5, 40, 70, 1), np.float32)), 3, stride=1)
    # Atomics, tables, winners, sites.
    sizes = rng.integers(1, 30, (70, 130, 2)).astype(np.float32)
    adapool.dynamic_pooling(image, send(sizes), return_indices=True)
    adapool.dynamic_pooling(image, send(sizes[..., :1].copy()))
    strides = np.concatenate([sizes, rng.integers(1, 9, sizes.shape)], -1).astype(np.float32)
    adapool.dynamic_stride_pooling(image, send(strides)).to_map()
    labels = send(rng.integers(0, 50, (70, 130), np.int32))
    for reduction in ("max", "sum"):
        adapool.region_pooling(image, labels, reduction=reduction, attention_network=weights)
    # Samples, and the tiled product.
    filters = send(rng.random((3, 3, 3, 21), np.float32))
    moves = send(rng.normal(size=(70, 130, 18)).astype(np.float32))
    mask = send(rng.random((70, 130, 9), np.float32))
    adapool.deformable_conv(image, filters, moves, mask_network=mask, padding=1)
    adapool.deformable_conv_and_pool(image, filters, moves, 2, padding=1, return_indices=True)
    cuda.synchronize()
    print("small: done")


if __name__ == "__main__":
    main()
