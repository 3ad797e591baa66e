"""Pool a volume larger than memory, level by level, from OME-Zarr to OME-Zarr.

    python docs/ome_zarr.py --side 4096 out.zarr

writes an image in chunks (OME-Zarr 0.5, which is zarr 3), makes each further level of its pyramid
by max pooling the one before, and shows a progress bar for each. No level is ever held in memory:
Dask reads, pools and writes chunk by chunk. Max pooling keeps bright objects that a mean would
fade out. Needs the extra `adapool[dask]`, and zarr 3.
"""

from __future__ import annotations

import argparse
from typing import Any

import dask.array as da
import numpy as np
import zarr
from dask.diagnostics import ProgressBar

import adapool

PIXEL = 0.25  # micrometres


def spots(side: int, chunk: int) -> Any:
    """Return a lazy uint16 image of noise with bright spots, made chunk by chunk."""

    def fill(block: Any, block_id: tuple[int, ...] = (0, 0)) -> Any:
        rng = np.random.default_rng(block_id)
        noise = rng.poisson(100, block.shape).astype(np.uint16)
        noise[rng.random(block.shape) < 0.001] += 2000
        return noise

    return da.zeros((side, side), chunks=chunk, dtype=np.uint16).map_blocks(fill, dtype=np.uint16)


def store(image: Any, group: Any, name: str, chunk: int) -> Any:
    """Write a lazy image as an array of a group; return it as a lazy image that is read."""
    target = group.create_array(
        name, shape=image.shape, chunks=(chunk, chunk), dtype=image.dtype,
        dimension_names=("y", "x"),
    )  # fmt: skip
    print(f"level {name}: {image.shape[0]} x {image.shape[1]}")
    with ProgressBar():
        # Chunks of the file, so that no two tasks write into one.
        da.store(image.rechunk((chunk, chunk)), target, lock=False)
    return da.from_array(target, chunks=(chunk, chunk))


def describe(levels: int) -> dict[str, Any]:
    """Return the metadata of a pyramid, as OME-Zarr 0.5 wants it."""
    datasets = [
        {
            "path": str(level),
            "coordinateTransformations": [
                {"type": "scale", "scale": [PIXEL * 2**level, PIXEL * 2**level]},
                # The first pixel of a level is the middle of the pixels that it was pooled from.
                {"type": "translation", "translation": [PIXEL * (2**level - 1) / 2] * 2},
            ],
        }
        for level in range(levels)
    ]
    axes = [{"name": name, "type": "space", "unit": "micrometer"} for name in ("y", "x")]
    return {
        "version": "0.5",
        "multiscales": [{"name": "spots", "axes": axes, "datasets": datasets}],
    }


def main(arguments: list[str] | None = None) -> None:
    """Write the image and its pyramid."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("path", help="the .zarr folder to write")
    parser.add_argument("--side", type=int, default=4096, help="pixels of a side")
    parser.add_argument("--chunk", type=int, default=512, help="pixels of a chunk's side")
    parser.add_argument("--levels", type=int, default=4, help="levels, the image included")
    options = parser.parse_args(arguments)

    group = zarr.create_group(options.path, zarr_format=3, overwrite=True)
    level = store(spots(options.side, options.chunk), group, "0", options.chunk)
    for number in range(1, options.levels):
        pooled = adapool.max_pooling(level, 2, ceil_mode=True, channel_axis=None)
        level = store(pooled, group, str(number), options.chunk)
    group.attrs["ome"] = describe(options.levels)


if __name__ == "__main__":
    main()
