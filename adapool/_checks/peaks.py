"""What `peak_local_max` and `peak_table` take beside what every function takes."""

from __future__ import annotations

import warnings
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from adapool._backends import Array
from adapool._checks import arguments
from adapool._checks.arguments import Axes
from adapool._layout import Layout


def threshold(value: Any) -> float | None:
    """Return a threshold, or None for the default rule."""
    if value is None:
        return None
    array = arguments.real_array("threshold", value)
    if array.shape != () or np.isnan(array):
        raise ValueError(f"threshold must be None or a number, got {value!r}")
    number: float = array.item()  # an integer stays one: a float may not hold it
    return number


# Lengths of a last axis that holds colours: RGB, or RGB with alpha. Axes of pixels are longer.
_COLOURS = (3, 4)


def plain_volume(layout: Layout) -> None:
    """Warn where an image without channels looks as if its last axis held colours."""
    *others, last = layout.spatial
    if layout.channel_axis is None and others[1:] and last in _COLOURS and min(others) > last:
        warnings.warn(
            f"the last axis, of length {last}, is searched as columns of a volume of shape "
            f"{layout.spatial}: pass channel_axis=-1 if it holds colours",
            stacklevel=5,
        )


def labels(value: Any, layout: Layout) -> NDArray[np.int64] | None:
    """Return the regions (batch or 1, plane, row, column), from 1 on without gaps; 0 for none."""
    if value is None:
        return None
    array = whole_labels(value)
    batch, wanted = layout.batch_among_pixels, layout.spatial
    if batch is not None and array.ndim == layout.ndim + 1:
        array, wanted = np.moveaxis(array, batch, 0), (layout.batch, *wanted)
    if array.shape != wanted:
        raise ValueError(f"labels must have the spatial shape {wanted}, got {array.shape}")
    if array.min() < 0:
        raise ValueError(f"labels must be non-negative, got {array.min()}")
    distinct, numbers = np.unique(array, return_inverse=True)
    numbers = numbers.reshape(-1, *layout.volume)
    return numbers if distinct[0] == 0 else numbers + 1


def whole_labels(value: Any) -> Array:
    """Return labels, which are whole numbers, in an array of any shape."""
    array = arguments.real_array("labels", value)
    if array.dtype.kind == "f":
        raise TypeError(f"labels must hold integers, got dtype {array.dtype}")
    return array


def border(value: Any, ndim: int) -> bool | Axes:
    """Return whether windows at the border are left out, or a margin along each axis."""
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    return arguments.integers("exclude_border", value, ndim, least=0)


def footprint(network: Any) -> str:
    """Return what windows a network has: what its attribute says, boxes where it has none."""
    # Of a class, which is refused later, it may be a property.
    given = "box" if isinstance(network, type) else getattr(network, "footprint", "box")
    return arguments.choice("param_network.footprint", given, arguments.FOOTPRINTS)


# What a table may hold, in the order of its columns.
PROPERTIES = (
    "label", "index", "centroid", "size", "equivalent_diameter", "intensity", "background",
    "contrast", "snr", "prominence", "frame",
)  # fmt: skip


def properties(value: Any, batch: bool) -> tuple[str, ...]:
    """Check the names of properties, each given once; only a batch has frames."""
    known = PROPERTIES if batch else PROPERTIES[:-1]
    if value is None:
        return known
    if isinstance(value, str) or not all(isinstance(name, str) for name in value):
        raise TypeError(f"properties must be a sequence of names, got {value!r}: pass ['{value}']")
    for name in value:
        if name == "frame" and not batch:
            raise ValueError("properties must not hold 'frame' without batch_axis: pass batch_axis")
        if name not in known:
            raise ValueError(f"properties must be among {', '.join(known)}, got {name!r}")
    if len(set(value)) < len(value) or not len(value):
        raise ValueError(f"properties must be some names, each once, got {value!r}")
    return tuple(value)


def properties_in_blocks(value: Any, known: tuple[str, ...]) -> tuple[str, ...]:
    """Leave out, or refuse where it was asked for, what no block can tell."""
    if value is not None and "prominence" in value:
        raise ValueError(
            "properties must not hold 'prominence' for an image that is searched block by block: "
            "how high a peak is joined to a higher one may be told by pixels far away; leave it "
            "out, or pass an array in memory"
        )
    return tuple(name for name in known if name != "prominence")


def spacing_with_network(value: Any) -> NoReturn:
    """Report a spacing that the given network would not use."""
    raise ValueError(
        f"spacing must be None with param_network, got {value!r}: give it to the network, "
        "as ScaleSpaceSizes(spacing=...) takes it"
    )
