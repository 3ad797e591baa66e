"""The three methods in the form the project started from: one 2-D image, channels last.

These are the numbers that drop-in calls must reproduce, on the inputs where that form runs:
every window non-empty, and for the deformable one a kernel size that divides the image. Loops go
over the same things in the same order, channel by channel, so that they can be timed against, too.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from .common import Array


def attention_pooling(feature_map: Array, kernel_size: int, attention_network: Any) -> Array:
    """Square blocks side by side, each asked for on its own; what is left over is dropped."""
    height, width, channels = feature_map.shape
    k = kernel_size
    pooled = np.zeros((height // k, width // k, channels))
    for row, column in np.ndindex(pooled.shape[:2]):
        block = feature_map[row * k : (row + 1) * k, column * k : (column + 1) * k]
        weights = attention_network.predict(block.reshape(1, k * k * channels))
        pooled[row, column] = (block * np.reshape(weights, (k, k, 1))).max(axis=(0, 1))
    return pooled


def dynamic_pooling(feature_map: Array, param_network: Any) -> Array:
    """One row per pixel and one column per channel; windows start at their pixel."""
    sizes = param_network.predict(feature_map[np.newaxis])[0, :, :, :2].astype(int)
    height, width, channels = feature_map.shape
    columns = []
    for c in range(channels):
        column = []
        for i, j in itertools.product(range(height), range(width)):
            last_row = min(height, i + sizes[i, j, 0])
            last_column = min(width, j + sizes[i, j, 1])
            column.append(feature_map[i:last_row, j:last_column, c].max())
        columns.append(column)
    return np.transpose(columns)


def deformable_conv_and_pool(
    feature_map: Array, conv_weights: Array, offset_network: Any, kernel_size: int
) -> Array:
    """Each pixel replaced by the one that its offset leads to, scaled; then blocks of maxima."""
    height, width, channels = feature_map.shape
    offsets = offset_network.predict(feature_map[np.newaxis])[0]
    moved = np.zeros_like(feature_map)
    for c, i, j in itertools.product(range(channels), range(height), range(width)):
        row, column = int(i + offsets[i, j, 0]), int(j + offsets[i, j, 1])
        if 0 <= row < height and 0 <= column < width:
            moved[i, j, c] = feature_map[row, column, c] * conv_weights[c]
    k = kernel_size
    pooled = np.zeros((height // k, width // k, channels))
    for c, i, j in itertools.product(range(channels), range(height // k), range(width // k)):
        pooled[i, j, c] = moved[i * k : (i + 1) * k, j * k : (j + 1) * k, c].max()
    return pooled
