"""Checks of what `adapool.plot` takes beside what every function takes; see `_arguments`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from adapool import _arguments, _estimator_arguments
from adapool._arguments import Array
from adapool._dispatch import in_memory
from adapool._layout import Layout
from adapool.sites import Sites


def no_matplotlib(error: ModuleNotFoundError) -> NoReturn:
    """Report that what draws is not installed."""
    raise ImportError("adapool.plot needs matplotlib: pip install 'adapool[plot]'") from error


# --- images and what is drawn on them -----------------------------------------------------------


def plane(name: str, value: Any, channel_axis: int | None) -> tuple[Layout, Array]:
    """Check an image that is to be drawn, and return it with its layout."""
    layout, array = Layout.of(name, in_memory(name, value), channel_axis, None)
    if layout.ndim != 2:
        fix = "" if channel_axis is not None else ", or channel_axis for an image with channels"
        raise ValueError(
            f"{name} must be 2-D to be drawn, got spatial shape {layout.spatial}: "
            f"pass one plane, as {name}[k]{fix}"
        )
    return layout, array


def finite(name: str, value: Any) -> Array:
    """Return an array in memory of finite real numbers."""
    array = _arguments.real_array(name, in_memory(name, value))
    _estimator_arguments.finite(name, array)
    return array


def positions(value: Any, spatial: tuple[int, ...]) -> NDArray[np.int64]:
    """Return (row, column) indices of pixels of the image."""
    array = _arguments.real_array("positions", in_memory("positions", value))
    if array.ndim != 2 or array.shape[1] != 2:
        raise ValueError(
            f"positions must have shape (n, 2), a row and a column each, got {array.shape}"
        )
    if array.size and array.dtype.kind not in "iu":
        raise TypeError(f"positions must hold integers, got dtype {array.dtype}")
    if (array < 0).any() or (array >= spatial).any():
        raise ValueError(f"positions must lie in the image of shape {spatial}")
    return array.astype(np.int64)


def weights(value: Any, spatial: tuple[int, ...]) -> Array:
    """Return attention weights, a weight for each pixel or those of windows side by side."""
    array = _arguments.image_array("weights", in_memory("weights", value))
    if array.shape == spatial:
        return array
    kernel = array.shape[2:]
    sides = zip(spatial, array.shape[:2], kernel, strict=False)
    if array.ndim != 4 or any(n not in (size // k, -(-size // k)) for size, n, k in sides):
        raise ValueError(
            f"weights must have the shape {spatial} of the image, or (*out_spatial, *kernel) for "
            f"windows side by side that fill it, got {array.shape}: of weights per channel, pass "
            "those of one channel"
        )
    return array


# --- maps to compare ----------------------------------------------------------------------------


def named_maps(
    pooled: Any, titles: Any, layout: Layout, channel_axis: int | None
) -> tuple[list[str], list[tuple[Layout, Array]]]:
    """Return the titles of pooled maps, and the maps."""
    if isinstance(pooled, Mapping):
        names, given = [str(key) for key in pooled], list(pooled.values())
    elif isinstance(pooled, Sequence):
        names, given = [], list(pooled)
    else:
        names, given = [], [pooled]  # an array alone
    if not given:
        raise ValueError("pooled must hold at least one map, got none")
    if titles is not None:
        names = [str(title) for title in one_each("titles", titles, len(given))]
    maps = []
    for number, value in enumerate(given):
        name = f"pooled[{list(pooled)[number]!r}]" if isinstance(pooled, Mapping) else "pooled"
        own, array = plane(name, value, channel_axis)
        if own.channels != layout.channels:
            raise ValueError(
                f"{name} must have the {layout.channels} channels of the image, got {own.channels}"
            )
        maps.append((own, array))
    return names, maps


def one_each(name: str, value: Any, number: int) -> list[Any]:
    """Return a sequence of as many items as there are maps."""
    if isinstance(value, (str, bytes)) or not isinstance(value, (Sequence, np.ndarray)):
        raise TypeError(f"{name} must be a sequence, one for each map, got {value!r}")
    if len(value) != number:
        raise ValueError(f"{name} must have one for each of the {number} maps, got {len(value)}")
    return list(value)


def pixel_size(spacing: Any, units: Any) -> Array:
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
    return _estimator_arguments.voxel(spacing, 2)


def map_strides(
    value: Any, grids: list[tuple[int, ...]], spatial: tuple[int, ...]
) -> list[tuple[int, ...]]:
    """Return the stride of each map along row and column, by its shape where none is given."""
    if value is None:
        strides = [tuple(map(_implied, spatial, grid)) for grid in grids]
    else:
        each = one_each("strides", value, len(grids)) if np.ndim(value) else [value] * len(grids)
        strides = [_arguments.integers("strides", item, 2, least=1) for item in each]
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
    return [_arguments.choice("anchor", item, _arguments.ANCHORS) for item in each]


def axes_for(value: Any, panels: int) -> NDArray[Any]:
    """Return the axes that a caller brings, one for each panel."""
    given = np.asarray(value, dtype=object).ravel()
    if len(given) != panels:
        raise ValueError(
            f"axes must hold {panels} Axes, one for the image and one for each map, "
            f"got {len(given)}"
        )
    return given


# --- sites and offsets --------------------------------------------------------------------------


def partition(sites: Any) -> None:
    """Check that sites are those of an image, in host memory."""
    if not isinstance(sites, Sites):
        raise TypeError(
            f"sites must be what dynamic_stride_pooling returns, got {type(sites).__name__}"
        )
    owner = in_memory("sites", sites.owner)
    if owner.ndim != 2:
        raise ValueError(
            f"sites must be those of a 2-D image to be drawn, got a partition of shape "
            f"{owner.shape}: pool one plane, as image[k]"
        )


def same_grid(sites: Sites, spatial: tuple[int, ...]) -> None:
    """Check that an image has the pixels that sites divide among them."""
    if sites.owner.shape != spatial:
        raise ValueError(
            f"image must have the shape {sites.owner.shape} of the partition, got {spatial}"
        )


def group(value: Any, groups: int) -> int:
    """Return the number of an offset group."""
    (number,) = _arguments.integers("group", [value], 1, least=0)
    if number >= groups:
        raise ValueError(f"group must be below offset_groups={groups}, got {number}")
    return number
