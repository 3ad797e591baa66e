"""Checks of the parameters of estimators, and of the images and windows they are given."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adapool._backends import Array
from adapool._checks import arguments, predictions


def finite_number(name: str, value: Any) -> float:
    """Return a finite number."""
    array = arguments.real_array(name, value)
    if array.shape != () or array.dtype == np.bool_ or not math.isfinite(array):
        raise ValueError(f"{name} must be a finite number, got {value!r}")
    return float(array)


def positive(name: str, value: Any) -> float:
    """Return a finite number above 0."""
    number = finite_number(name, value)
    if number <= 0:
        raise ValueError(f"{name} must be positive, got {value!r}")
    return number


def at_least(name: str, value: Any, least: int) -> int:
    """Return an integer of at least `least`."""
    number = arguments.count(name, value)
    if number < least:
        raise ValueError(f"{name} must be at least {least}, got {number}")
    return number


def size_range(least: Any, most: Any) -> None:
    """Check a range of sizes."""
    if positive("min_size", least) > positive("max_size", most):
        raise ValueError(
            f"min_size must be at most max_size, got min_size={least!r} and max_size={most!r}"
        )


def diameters(least: Any, most: Any) -> None:
    """Check a range of diameters, that may begin at 0 and have no end."""
    if finite_number("min_size", least) < 0:
        raise ValueError(f"min_size must be non-negative, got {least!r}")
    if most is not None and positive("max_size", most) < least:
        size_range(least, most)


def spacing(value: Any) -> Array | None:
    """Check voxel sizes: a positive number, or one for each axis of an image or a volume."""
    if value is None:
        return None
    array = arguments.real_array("spacing", value)
    if array.shape not in ((), (2,), (3,)):
        raise ValueError(
            f"spacing must be a number, or one for each of 2 or 3 spatial axes, got {value!r}"
        )
    if array.dtype == np.bool_ or not (np.isfinite(array) & (array > 0)).all():
        raise ValueError(f"spacing must be positive and finite, got {value!r}")
    return array.astype(np.float64)


def voxel(value: Any, ndim: int) -> Array:
    """Return the voxel size along each of `ndim` axes, 1 where there is none."""
    array = spacing(1.0 if value is None else value)
    assert array is not None
    if array.ndim and len(array) != ndim:
        raise ValueError(
            f"spacing must have a number for each of the {ndim} spatial axes, got {value!r}"
        )
    return np.broadcast_to(array, ndim)


# Some estimators compute in float32, whose largest value this is, but for room to add some up.
_FARTHEST = 1e37


def stack(images: Any) -> Array:
    """Return what a network for pixels is given, (n, *spatial, C), in native byte order."""
    array = arguments.image_array("images", images)
    if array.ndim not in (4, 5):
        raise ValueError(
            "images must have the axes (n, row, column, channel) or (n, plane, row, column, "
            f"channel), got shape {array.shape}: pass image[np.newaxis, ..., np.newaxis] for a "
            "single image without channels"
        )
    return finite_pixels(array)


def finite_pixels(array: Array) -> Array:
    """Return pixels in native byte order, all of which are finite."""
    if array.dtype.kind == "f":
        _no_missing_pixels(array)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _no_missing_pixels(images: Array) -> None:
    """Check that pixels are finite, and not so large that they must stand for missing ones."""
    if not np.isfinite(images).all():
        raise ValueError(
            "images must have finite values, got NaN or infinity: fill them first, as numpy.where("
            f"numpy.isfinite(image), image, 0) does, {_LEFT_OUT}labels=numpy.isfinite(image)"
        )
    lowest, highest = float(images.min()), float(images.max())
    farthest = highest if highest > -lowest else lowest
    if abs(farthest) > _FARTHEST:
        raise ValueError(
            f"images must have values within {_FARTHEST:g} of 0, got {farthest:g}: if that stands "
            f"for a missing pixel, fill them first, as numpy.where(abs(image) > {_FARTHEST:g}, 0, "
            f"image) does, {_LEFT_OUT}labels=abs(image) <= {_FARTHEST:g}; if not, divide the "
            "image: estimates do not depend on its scale"
        )


_LEFT_OUT = "or leave them out of peak_local_max, as "


def finite(name: str, array: Array) -> None:
    """Check that an array has neither NaN nor infinity."""
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(
            f"{name} must have finite values, got NaN or infinity: fill them first, as "
            f"numpy.where(numpy.isfinite({name}), {name}, 0) does"
        )


def labels(name: str, value: Any, shape: tuple[int, ...]) -> Array:
    """Return the label image of an image of this shape, which may come as a stack of one."""
    array = predictions.network_result(name, value)
    predictions.label_dtype(name, array.dtype)
    if array.shape not in (shape, (1, *shape)):
        predictions.wrong_shape(name, array.shape, f"{shape} or {(1, *shape)}")
    if array.size and array.min() < 0:
        predictions.negative_label(name, int(array.min()))
    return array.reshape(shape)


def windows(value: Any, channels: int) -> Array:
    """Return windows (n, K*C) as (n, K, C) floats."""
    array = arguments.image_array("windows", value)
    if array.ndim > 2:
        raise ValueError(
            f"windows must have shape (n, K * {channels}), got {array.shape}: attention is for the "
            "windows of attention_pooling, and not for an image"
        )
    if array.ndim != 2 or array.shape[1] % channels:
        raise ValueError(
            f"windows must have shape (n, K * {channels}), got {array.shape}: channels must be "
            "the number of channels of the image"
        )
    floats = array.astype(np.result_type(array.dtype, np.float32), copy=False)
    return floats.reshape(len(array), -1, channels)
