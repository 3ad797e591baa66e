"""Arrays, axes and numbers that any function takes, and the geometry of its windows.

A message names the argument, the constraint, the value and, where there is one, the fix.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from adapool._backends import Array, backend_of
from adapool._checks.libraries import bare, seen_by_numpy
from adapool._checks.places import is_dask, is_lazy, on_device

Axes = tuple[int, ...]


class CudaArray(Protocol):
    """An array in the memory of a GPU: of CuPy, torch, numba or another library."""

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]: ...


# What the public functions take. What is a `HostArray` gives results of NumPy.
AnyArray = ArrayLike | CudaArray
HostArray = NDArray[Any] | Sequence[Any]

INTERPOLATIONS = ("linear", "nearest", "truncate")
ANCHORS = ("corner", "center")
FOOTPRINTS = ("box", "ellipse")

_SPATIAL_NDIMS = (2, 3)


# --- arrays -------------------------------------------------------------------------------------


def real_array(name: str, value: Any) -> Array:
    """Return `value` as an array of booleans, integers or floats of up to 64 bits.

    For an array on a device that is a description with the same methods. A Dask array is checked
    by its metadata, and returned as it is.
    """
    if type(value) is np.ndarray and value.dtype.kind in "biuf" and value.dtype.itemsize <= 8:
        return value  # the common case
    value = bare(name, value)
    if is_dask(value):
        if on_device(value._meta) and not hasattr(value._meta, "__array_function__"):
            # Dask itself cuts and joins chunks through NumPy's functions.
            raise TypeError(
                f"{name} must have chunks of NumPy or CuPy, got a Dask array of "
                f"{type(value._meta).__name__}: map its blocks to one of them, as cupy.asarray does"
            )
        real_array(name, value._meta)
        if any(size != size for size in value.shape):
            raise ValueError(
                f"{name} must have chunks of known size, got chunks {shorten(value.chunks)}: "
                f"call {name}.compute_chunk_sizes() first"
            )
        lazy: Array = value
        return lazy
    if is_lazy(value):
        raise TypeError(
            f"{name} must be an array, got {type(value).__name__} of Dask, which is not one: "
            f"pass {name}.compute(), or a dask.array"
        )
    device = on_device(value)
    array = backend_of(value).describe(value) if device else seen_by_numpy(name, value)
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"{name} must hold booleans, integers or floats, got {_describe(value, array)}"
        )
    if device and not array.dtype.isnative:
        raise TypeError(f"{name} must be in native byte order on a GPU, got dtype {array.dtype}")
    if array.dtype.itemsize > 8:
        raise TypeError(
            f"{name} must have at most 64 bits per element, got dtype {array.dtype}: "
            f"pass {name}.astype(numpy.float64) if that precision is enough"
        )
    return array


def image_array(name: str, value: Any) -> Array:
    """Return `value` as a non-empty real array."""
    array = real_array(name, value)
    if array.size == 0:
        raise ValueError(f"{name} must not be empty, got shape {array.shape}")
    return array


def _describe(value: Any, array: Array) -> str:
    if isinstance(value, np.ndarray) or on_device(value) or array.dtype.kind == "c":
        return f"dtype {array.dtype}"
    return f"{type(value).__name__} {shorten(value)}"


def shorten(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


# --- axes ---------------------------------------------------------------------------------------


def spatial_axes(
    name: str, array: Array, channel_axis: int | None, batch_axis: int | None, batches: bool
) -> tuple[int | None, int | None, Axes]:
    """Normalise the axes; return the channel axis, the batch axis and the spatial ones.

    `batches` says whether there is an argument `batch_axis` to pass.
    """
    channel = _axis("channel_axis", channel_axis, array.ndim)
    batch = _axis("batch_axis", batch_axis, array.ndim)
    if channel is not None and channel == batch:
        raise ValueError(
            f"channel_axis and batch_axis must differ, got {channel_axis} and {batch_axis}"
        )
    spatial = tuple(axis for axis in range(array.ndim) if axis not in (channel, batch))
    if len(spatial) not in _SPATIAL_NDIMS:
        raise ValueError(
            f"{name} must have 2 or 3 spatial axes, got shape {array.shape} with "
            f"channel_axis={channel_axis}{f' and batch_axis={batch_axis}' if batches else ''}, "
            f"which leaves {len(spatial)}: {_axis_fix(len(spatial), channel, batch, batches)}"
        )
    return channel, batch, spatial


def _axis(name: str, axis: Any, ndim: int) -> int | None:
    if axis is None:
        return None
    number = _integer(name, axis, "must be None or an integer")
    if not -ndim <= number < ndim:
        raise ValueError(f"{name} must be between {-ndim} and {ndim - 1}, got {number}")
    return number % ndim


def _axis_fix(spatial: int, channel: int | None, batch: int | None, batches: bool) -> str:
    """Say which axis to name: one that the function has, and that has no name yet."""
    if spatial == 1 and channel is not None:
        return "pass channel_axis=None for an image without channels"
    if spatial > 3:
        stack = "pass batch_axis for a stack of images"
        if batch is not None or not batches:
            stack = "call it for each image of a stack"
        return stack if channel is not None else f"{stack}, pass channel_axis for channels"
    return "pass an image (row, column) or a volume (plane, row, column)"


# --- numbers ------------------------------------------------------------------------------------


def _integer(name: str, value: Any, constraint: str) -> int:
    if isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} {constraint}, got {value!r}")
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{name} {constraint}, got {shorten(value)}") from None


def integers(name: str, value: Any, ndim: int, least: int) -> Axes:
    """Return `value`, an integer or one for each axis, as a tuple of `ndim` integers."""
    constraint = f"must be an integer or a sequence of {ndim} integers"
    if isinstance(value, (Sequence, np.ndarray)) and not isinstance(value, (str, bytes)):
        # Of items that are sequences themselves NumPy counts no axes where they differ in length.
        nested = any(isinstance(item, Sequence) for item in value)
        if nested or np.ndim(value) != 1 or len(value) != ndim:
            raise ValueError(f"{name} {constraint}, one for each spatial axis, got {value!r}")
        numbers = tuple(_integer(name, item, constraint) for item in value)
    else:
        numbers = (_integer(name, value, constraint),) * ndim
    if min(numbers) < least:
        word = "positive" if least == 1 else "non-negative"
        raise ValueError(f"{name} must be {word}, got {shorten(value)}")
    if max(numbers) >= 1 << 31:
        raise ValueError(f"{name} must be below 2**31, got {shorten(value)}")
    return numbers


def count(name: str, value: Any) -> int:
    """Return a positive integer."""
    number = _integer(name, value, "must be an integer")
    if number < 1:
        raise ValueError(f"{name} must be positive, got {number}")
    return number


def num_threads(value: Any, most: int) -> int:
    """Return a number of threads from 1 to `most`."""
    number = count("num_threads", value)
    if number > most:
        raise ValueError(
            f"num_threads must be at most {most}, got {number}: set the environment variable "
            "NUMBA_NUM_THREADS before numba is imported to allow more"
        )
    return number


def displacements(name: str, value: Any, ndim: int) -> tuple[float, ...]:
    """Return the largest displacement along each axis; None means no limit."""
    if value is None:
        return (math.inf,) * ndim
    array = real_array(name, value)
    if array.shape not in ((), (ndim,)):
        raise ValueError(f"{name} must be a number or {ndim} numbers, got {shorten(value)}")
    if not (array >= 0).all():
        raise ValueError(f"{name} must be non-negative, got {shorten(value)}")
    return tuple(float(item) for item in np.broadcast_to(array, ndim))


def choice(name: str, value: Any, options: Sequence[str]) -> str:
    """Return `value` if it is one of `options`."""
    if not isinstance(value, str) or value not in options:
        raise ValueError(f"{name} must be one of {', '.join(options)}, got {value!r}")
    return value


def flag(name: str, value: Any) -> bool:
    """Return a boolean."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {shorten(value)}")
    return bool(value)


def has_indices(reduction: str, with_indices: bool) -> None:
    """Check that a value is found somewhere, where it is to be said where."""
    if with_indices and reduction not in ("max", "min"):
        raise ValueError(
            f"return_indices must be False for reduction={reduction!r}, which is at no pixel: "
            "pass reduction='max' or 'min'"
        )


def anchored(anchor: Any, ellipses: bool) -> bool:
    """Return whether windows are centered on their pixels; None means that ellipses are."""
    if anchor is None:
        return ellipses
    centered = choice("anchor", anchor, ANCHORS) == "center"
    if ellipses and not centered:
        raise ValueError(
            "anchor must be 'center' with footprint='ellipse', got 'corner': ellipses are centered "
            "on their pixels; leave anchor out"
        )
    return centered


def fractional(value: Any, ellipses: bool, with_indices: bool) -> bool:
    """Return whether sizes are fractional: then a value has no one place that it is from."""
    if not flag("fractional", value):
        return False
    if ellipses:
        raise ValueError(
            "fractional must be False with footprint='ellipse', got True: sizes of ellipses are "
            "real numbers as they are"
        )
    if with_indices:
        raise ValueError(
            "return_indices must be False with fractional=True, got True: a value is a mixture of "
            "maxima, each from a place of its own"
        )
    return True


# --- window geometry ----------------------------------------------------------------------------


def at_most_half(name: str, padding: Axes, kernel: Axes) -> None:
    """Check that no window can lie in the padding alone."""
    if any(2 * p > k for p, k in zip(padding, kernel, strict=True)):
        raise ValueError(
            f"{name} must be at most half the kernel size {kernel} along each axis, got {padding}"
        )


def some_output(name: str, kernel: Axes, outputs: Axes, spatial: Axes, padding: Axes) -> None:
    """Check that at least one window fits."""
    if min(outputs) < 1:
        raise ValueError(
            f"{name} must fit into the image, got {kernel} (dilated) for spatial shape {spatial} "
            f"with padding {padding}: pass a smaller {name}, more padding or a larger image"
        )
