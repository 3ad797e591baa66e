"""A search for peaks, its arguments checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from adapool._backends import Array
from adapool._layout import Layout
from adapool._peaks.images import Images


@dataclass(frozen=True)
class Search:
    """What peaks are looked for in, and how.

    Attributes
    ----------
    layout : Layout
        Of the image.
    images : Images
    network : network, array, or None for the default network
    spacing : float, sequence of float, or None
        Voxel size along each axis.
    regions : (batch or 1, plane, row, column) array, or None for no regions
        From 1 on without gaps; 0 for what is not searched.
    level : float or None
        What peaks are above; None for the rule.
    border : bool or tuple of int
        Whether windows at the border are left out, or a margin along each axis.
    """

    layout: Layout
    images: Images
    network: Any
    spacing: Any
    regions: Array | None
    level: float | None
    border: bool | tuple[int, ...]
