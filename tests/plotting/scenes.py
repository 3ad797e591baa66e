"""Images, sites, offsets and maps that the tests draw; without Matplotlib the tests skip."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adapool

pytest.importorskip("matplotlib", reason="pictures need the extra 'plot'")

plot: Any = adapool.plot  # artists have more attributes than their declared types
SHAPE = (24, 32)


def scene(shape: tuple[int, int] = SHAPE) -> Any:
    """Two bright discs on a slope, read-only."""
    row, column = np.indices(shape)
    image = (row + column) / sum(shape) / 2
    image[(row - 9) ** 2 + (column - 9) ** 2 < 30] += 0.5
    image[(row - 16) ** 2 + (column - 24) ** 2 < 12] += 0.4
    image.flags.writeable = False
    return image


def sizes_of(image: Any) -> Any:
    """Sizes along rows and columns that are even, odd, and below 1."""
    row, column = np.indices(image.shape)
    sizes = np.stack([row % 7, column % 5 + 1], axis=-1).astype(np.float64) + 0.9
    sizes.flags.writeable = False
    return sizes


def partition(image: Any, empty: bool = False) -> adapool.Sites:
    """Sites of different sizes; where `empty`, some have no window."""
    row, column = np.indices(image.shape)
    strides = 3 + (row * 5 + column * 3) % 6
    sizes = np.where((column > 20) & empty, 0, strides)
    params = np.stack([sizes, sizes, strides, strides], axis=-1)
    sites = adapool.dynamic_stride_pooling(image, params, channel_axis=None)
    assert isinstance(sites, adapool.Sites)
    return sites


def frozen(array: Any) -> Any:
    array = np.array(array)
    array.flags.writeable = False
    return array


def random_offsets(*shape: int) -> Any:
    return frozen(np.random.default_rng(5).normal(size=shape))


def pooled_maps(image: Any) -> dict[str, Any]:
    return {
        "4 x 4": adapool.max_pooling(image, 4, channel_axis=None),
        "every third": adapool.dynamic_pooling(
            image, np.full(image.shape, 5), stride=3, anchor="center", channel_axis=None
        ),
    }
