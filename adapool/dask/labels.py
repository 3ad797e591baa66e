"""Label images of objects that are kept as runs of pixels: lazy, drawn chunk by chunk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from adapool._backends import Array
from adapool._layout import Layout
from adapool.estimators.blobs.runs import Runs, painted

# Pixels of a chunk along each axis, by the number of axes.
_CHUNK = {2: 2048, 3: 128}


def lazy_labels(outlines: Sequence[Runs], layout: Layout) -> Any:
    """Return a Dask array of label images, one for each image of a batch.

    Where objects overlap, the first of them is seen.
    """
    import dask.array as da

    chunks = da.core.normalize_chunks(
        (1,) * (3 - layout.ndim) + (_CHUNK[layout.ndim],) * layout.ndim, layout.volume
    )
    images = [
        da.map_blocks(
            _drawn,
            outlines=each,
            bounds=each.bounds(),
            chunks=chunks,
            dtype=np.int32,
            meta=np.empty((0, 0, 0), np.int32),
        )
        for each in outlines
    ]
    stack = da.stack(images).reshape(layout.batch, *layout.spatial)
    if layout.batch_axis is None:
        return stack[0]
    without = replace(layout, channel_axis=None, batch_axis=layout.batch_among_pixels)
    return da.moveaxis(stack, 0, without.batch_axis)


def _drawn(outlines: Runs, bounds: tuple[Array, Array], block_info: Any = None) -> Array:
    low, high = (np.array(each) for each in zip(*block_info[None]["array-location"], strict=True))
    return painted(outlines, bounds, low, high)
