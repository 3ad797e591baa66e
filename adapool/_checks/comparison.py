"""Checks of the arguments of `adapool.plot.compare`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapool._backends import Array
from adapool._checks import arguments, estimators
from adapool._checks.plot import axes, plane
from adapool._layout import Layout


def named_maps(
    pooled: Any, titles: Any, layout: Layout, channel_axis: int | None
) -> tuple[list[str], list[tuple[Layout, Array]]]:
    """Return the titles of pooled maps, empty ones where there are none, and the maps."""
    if isinstance(pooled, Mapping):
        given = {f"pooled[{key!r}]": value for key, value in pooled.items()}
        names = [str(key) for key in pooled]
    elif isinstance(pooled, Sequence):
        given = {f"pooled[{number}]": value for number, value in enumerate(pooled)}
        names = [""] * len(pooled)
    else:
        given, names = {"pooled": pooled}, [""]
    if not given:
        raise ValueError("pooled must hold at least one map, got none")
    if titles is not None:
        names = [str(title) for title in one_each("titles", titles, len(given))]
    maps = [plane(name, value, channel_axis) for name, value in given.items()]
    for name, (own, _) in zip(given, maps, strict=True):
        if own.channels != layout.channels:
            raise ValueError(
                f"{name} must have the {layout.channels} channels of the image, got {own.channels}"
            )
    return names, maps


def one_each(name: str, value: Any, number: int) -> list[Any]:
    """Return a sequence with an item for each map."""
    if isinstance(value, (str, bytes)) or not isinstance(value, (Sequence, np.ndarray)):
        raise TypeError(f"{name} must be a sequence, one for each map, got {value!r}")
    if len(value) != number:
        raise ValueError(f"{name} must have one for each of the {number} maps, got {len(value)}")
    return list(value)


def pixel_size(spacing: Any, units: Any) -> tuple[float, float]:
    """Return the size of a pixel along row and column; it and its unit come together."""
    if not isinstance(units, str):
        raise TypeError(f"units must be a string, got {units!r}")
    if spacing is not None and units == "px":
        raise ValueError(
            f"units must name the unit of spacing, got spacing={spacing!r} with units='px': "
            "pass units='µm' or another"
        )
    if spacing is None and units != "px":
        raise ValueError(f"spacing, the size of a pixel, must be given with units={units!r}")
    height, width = estimators.voxel(spacing, 2).tolist()
    return height, width


def map_strides(
    value: Any, grids: list[tuple[int, ...]], spatial: tuple[int, ...]
) -> list[tuple[int, int]]:
    """Return the stride of each map along row and column, by its shape where none is given."""
    if value is None:
        given: list[Any] = [tuple(map(_implied, spatial, grid)) for grid in grids]
    else:
        several = isinstance(value, (Sequence, np.ndarray))
        given = one_each("strides", value, len(grids)) if several else [value] * len(grids)
    strides = []
    for item in given:
        row, column = arguments.integers("strides", item, 2, least=1)
        strides.append((row, column))
    for stride, grid in zip(strides, grids, strict=True):
        if any((n - 1) * s >= size for n, s, size in zip(grid, stride, spatial, strict=True)):
            raise ValueError(
                f"pooled maps must lie on the image of shape {spatial}, got shape {grid} with a "
                f"stride of {stride}"
            )
    return strides


def _implied(size: int, outputs: int) -> int:
    """Return the stride that most likely gives so many outputs along an axis of an image."""
    nearest = max(1, round(size / outputs))
    return nearest if outputs == 1 else max(1, min(nearest, (size - 1) // (outputs - 1)))


def anchors(value: Any, number: int) -> list[str]:
    """Return the anchor of each map."""
    each = [value] * number if isinstance(value, str) else one_each("anchor", value, number)
    return [arguments.choice("anchor", item, arguments.ANCHORS) for item in each]


def axes_of_panels(value: Any, panels: int) -> NDArray[Any] | None:
    """Return the axes that a caller brings, one for each panel."""
    if value is None:
        return None
    given = np.asarray(value, dtype=object).ravel()
    for each in given:
        axes(each)
    if len(given) != panels:
        raise ValueError(
            f"axes must hold {panels} Axes, one for the image and one for each map, "
            f"got {len(given)}"
        )
    return given
