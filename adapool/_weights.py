"""Attention weights, as kernels take them."""

from __future__ import annotations

from dataclasses import dataclass

from adapool._backends import Array


@dataclass(frozen=True)
class PixelWeights:
    """A weight for each pixel: (batch or 1, plane, row, column, 1 or C)."""

    values: Array


@dataclass(frozen=True)
class WindowWeights:
    """Weights of `count` windows from `first` on, in raster order: (n, K, 1 or C).

    They are used again from the start where n is smaller than `count`. `squeezed` says that they
    were given as (n,).
    """

    first: int
    count: int
    values: Array
    squeezed: bool = False


AttentionWeights = PixelWeights | WindowWeights
