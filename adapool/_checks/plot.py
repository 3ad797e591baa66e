"""Checks of the arguments that only `adapool.plot` takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from adapool import _install
from adapool._backends import Array, in_host_memory
from adapool._checks import arguments, estimators, places
from adapool._checks.peaks import whole_labels
from adapool._layout import Layout
from adapool._networks import is_network
from adapool.sites import Sites


def no_matplotlib(error: ModuleNotFoundError) -> NoReturn:
    """Report that Matplotlib is not installed."""
    raise ImportError(f"adapool.plot needs matplotlib: {_install.command('plot')}") from error


def no_ipywidgets(error: ModuleNotFoundError) -> NoReturn:
    """Report that ipywidgets is not installed."""
    if (error.name or "").partition(".")[0] != "ipywidgets":
        raise error
    raise ImportError(f"tune_peaks needs ipywidgets: {_install.command('notebook')}") from error


# --- images and what is drawn on them -----------------------------------------------------------


def plane(name: str, value: Any, channel_axis: int | None) -> tuple[Layout, Array]:
    """Check an image that is to be drawn, and return it with its layout."""
    whole = in_host_memory(name, value)
    layout, array = Layout.of(name, whole, channel_axis, None, batches=False)
    if layout.ndim != 2:
        fix = "" if channel_axis is not None else ", or channel_axis for an image with channels"
        raise ValueError(
            f"{name} must be 2-D to be drawn, got spatial shape {layout.spatial}: "
            f"pass one plane, as {name}[k]{fix}"
        )
    return layout, array


def finite(name: str, value: Any) -> Array:
    """Return an array in memory of finite real numbers."""
    array = arguments.real_array(name, in_host_memory(name, value))
    estimators.finite(name, array)
    return array


def positions(value: Any, step: Any, spatial: tuple[int, ...]) -> NDArray[np.int64]:
    """Return the pixels to draw, (row, column) indices; `step` chooses none beside them."""
    if step is not None:
        raise ValueError(f"step must be None with positions, all of which are drawn, got {step!r}")
    return _pixels("positions", value, spatial)


def _pixels(name: str, value: Any, spatial: tuple[int, ...]) -> NDArray[np.int64]:
    array = arguments.real_array(name, in_host_memory(name, value))
    if array.ndim != 2 or array.shape[1] != 2:
        raise ValueError(
            f"{name} must have shape (n, 2), a row and a column each, got {array.shape}"
        )
    if array.size and array.dtype.kind not in "iu":
        raise TypeError(f"{name} must hold integers, got dtype {array.dtype}")
    if (array < 0).any() or (array >= spatial).any():
        raise ValueError(f"{name} must lie in the image of shape {spatial}, got others")
    return array.astype(np.int64)


def peaks(value: Any, spatial: tuple[int, ...]) -> NDArray[np.int64]:
    """Return the (row, column) of peaks, given as such or in a table."""
    if hasattr(value, "keys"):  # a dict, or a table of pandas
        columns = ("index-0", "index-1")
        missing = [name for name in columns if name not in value]
        if missing or "index-2" in value:
            raise ValueError(
                "peaks must be a table of a 2-D image with the columns index-0 and index-1, got "
                f"{', '.join(map(str, value))}: ask peak_table for the property 'index'"
            )
        value = np.stack([np.asarray(value[name]) for name in columns], axis=-1)
    return _pixels("peaks", value, spatial)


def objects(value: Any, spatial: tuple[int, ...]) -> Array:
    """Return a label image."""
    array = whole_labels(in_host_memory("labels", value))
    if array.shape != spatial:
        raise ValueError(f"labels must have the shape {spatial} of the image, got {array.shape}")
    return array


def size_rows(
    value: Any, number: int, widths: Sequence[int], spatial: tuple[int, ...]
) -> Array | None:
    """Return the sizes (n, P) of windows at n positions; None for a map or a network."""
    if is_network(value):
        return None
    array = arguments.real_array("sizes", in_host_memory("sizes", value))
    if array.shape in [(number,), *((number, width) for width in widths)]:
        return finite("sizes", array).reshape(number, -1 if number else 1)
    if spatial not in (array.shape[:2], array.shape[1:3]):
        raise ValueError(
            f"sizes must be a map of the image {spatial}, or have a row for each of the {number} "
            f"positions, got shape {array.shape}"
        )
    return None


def weights(value: Any, spatial: tuple[int, ...]) -> Array:
    """Return attention weights, a weight for each pixel or those of windows side by side."""
    array = arguments.image_array("weights", in_host_memory("weights", value))
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


# --- sites and offsets --------------------------------------------------------------------------


def partition(sites: Any) -> Sites:
    """Return sites of an image, in host memory."""
    if not isinstance(sites, Sites):
        raise TypeError(
            "sites must be what dynamic_stride_pooling or region_pooling returns, "
            f"got {type(sites).__name__}"
        )
    if sites.owner.ndim != 2:
        raise ValueError(
            "sites must be those of a 2-D image to be drawn, got a partition of shape "
            f"{sites.owner.shape}: pool one plane, as image[k]"
        )
    names = ("values", "positions", "sizes", "strides", "owner")
    arrays = [getattr(sites, name) for name in names]
    if places.is_dask(sites.owner):
        from dask import compute  # all at once: they are parts of one graph

        arrays = list(compute(*arrays))
    given = {
        name: in_host_memory(f"sites.{name}", array)
        for name, array in zip(names, arrays, strict=True)
    }
    return Sites(**given, channel_axis=sites.channel_axis)


def same_pixels(sites: Sites, spatial: tuple[int, ...]) -> None:
    """Check that an image has the pixels that sites divide among them."""
    if sites.owner.shape != spatial:
        raise ValueError(
            f"image must have the shape {sites.owner.shape} of the partition, got {spatial}"
        )


def no_channel_axis(value: Any) -> None:
    """Check that `channel_axis` is given only together with an image."""
    if value is not None:
        raise ValueError(
            f"channel_axis must be None without image, got {value!r}: sites know where theirs is"
        )


def group(value: Any, groups: int) -> int:
    """Return the number of an offset group."""
    (number,) = arguments.integers("group", [value], 1, least=0)
    if number >= groups:
        raise ValueError(f"group must be below offset_groups={groups}, got {number}")
    return number


def magnification(value: Any, taps: int) -> float:
    """Return the factor by which arrows are longer than displacements."""
    times = estimators.positive("magnify", value)
    if times != 1 and taps > 1:
        raise ValueError(
            f"magnify must be 1 with offsets for each of {taps} taps, got {value!r}: "
            "taps are drawn at the places where they look"
        )
    return times


# --- how it is drawn ----------------------------------------------------------------------------


def fraction(name: str, value: Any) -> float:
    """Return a number from 0 to 1."""
    number = estimators.finite_number(name, value)
    if not 0 <= number <= 1:
        raise ValueError(f"{name} must be between 0 and 1, got {value!r}")
    return number


def scale(vmin: Any, vmax: Any) -> tuple[float | None, float | None]:
    """Return the ends of a colour scale, of which any may be missing."""
    low, high = (
        None if value is None else estimators.finite_number(name, value)
        for name, value in (("vmin", vmin), ("vmax", vmax))
    )
    if low is not None and high is not None and low > high:
        raise ValueError(f"vmin must be at most vmax, got vmin={vmin!r} and vmax={vmax!r}")
    return low, high


def axes(value: Any) -> None:
    """Check the axes that a caller brings, if any."""
    from matplotlib.axes import Axes

    if value is not None and not isinstance(value, Axes):
        raise TypeError(f"ax must be None or matplotlib Axes, got {type(value).__name__}")
