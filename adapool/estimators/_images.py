"""What estimators of sizes and offsets share: the images they take, and the units of lengths."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, TypeVar, get_args

import numpy as np

from adapool._backends import Array
from adapool._checks import arguments
from adapool._checks import estimators as checks
from adapool._options import Footprint

Spacing = float | Sequence[float] | None
Shape = Literal["axes", "size", "ellipse", "strides"]
SHAPES: tuple[str, ...] = get_args(Shape)
Own = TypeVar("Own", bound="PerPixel")


def as_numbers(spacing: Spacing) -> Spacing:
    """Check voxel sizes; return those of each axis as a tuple, by which estimators are compared."""
    array = checks.spacing(spacing)
    return spacing if array is None or array.ndim == 0 else tuple(array.tolist())


@dataclass(frozen=True, kw_only=True)
class ForPixels(ABC):
    """An estimator that gives values for each pixel of an image."""

    spacing: Spacing = None

    def __post_init__(self) -> None:
        """Check the voxel sizes; the parameters are checked by each estimator."""
        object.__setattr__(self, "spacing", as_numbers(self.spacing))

    def predict(self, images: Any) -> Array:
        """Estimate for each pixel of a stack of images.

        Parameters
        ----------
        images : ``(n, *spatial, C)`` array_like
            Images (row, column) or volumes (plane, row, column), with finite values.

        Returns
        -------
        estimates : ``(n, *spatial, d)`` array of float32
            A number, in pixels, for each of the d spatial axes.

        Raises
        ------
        TypeError
            If the array does not hold real numbers.
        ValueError
            If it has the wrong number of axes, is empty, or holds NaN, infinity or values beyond
            1e37, or if `spacing` does not have one number for each spatial axis.
        """
        stack = checks.stack(images)
        voxel = checks.voxel(self.spacing, stack.ndim - 2)
        estimates = [self._estimate(image.max(axis=-1), voxel) for image in stack]
        return np.stack(estimates).astype(np.float32, copy=False)

    @abstractmethod
    def _estimate(self, image: Array, voxel: Array) -> Array:
        """Estimate for an image, given the voxel size along each axis: (*spatial, d)."""


@dataclass(frozen=True, kw_only=True)
class PerPixel(ForPixels):
    """An estimator of window sizes."""

    meant_for: ClassVar = "param_network"

    shape: Shape = "axes"

    def __post_init__(self) -> None:
        """Check what is asked for."""
        super().__post_init__()
        arguments.choice("shape", self.shape, SHAPES)

    @property
    def footprint(self) -> Footprint:
        """What kind of windows the sizes are of: what `adapool.dynamic_pooling` is to be told."""
        return "ellipse" if self.shape == "ellipse" else "box"

    def predict(self, images: Any) -> Array:
        """Estimate for each pixel of a stack of images.

        Parameters
        ----------
        images : ``(n, *spatial, C)`` array_like
            Images (row, column) or volumes (plane, row, column), with finite values.

        Returns
        -------
        sizes : ``(n, *spatial, P)`` array of float32
            In pixels. With ``shape="axes"`` a size for each of the d spatial axes; with ``"size"``
            one for all, their geometric mean; with ``"strides"`` the d sizes, then d strides, which
            are as large, and at least 1; with ``"ellipse"`` the diameters of an ellipse along the
            axes, or, of those estimators that tell how it is turned, its two axes and orientation
            in an image.

        Raises
        ------
        TypeError
            If the array does not hold real numbers.
        ValueError
            If it has the wrong number of axes, is empty, or holds NaN, infinity or values beyond
            1e37, or if `spacing` does not have one number for each spatial axis.
        """
        return self._shaped(super().predict(images))

    def _shaped(self, sizes: Array) -> Array:
        """Return sizes along each axis as what is asked for."""
        if self.shape == "size":
            return np.asarray(np.exp(np.log(sizes).mean(axis=-1, keepdims=True)), sizes.dtype)
        if self.shape == "strides":
            return np.concatenate([sizes, np.maximum(sizes, 1)], axis=-1)
        return sizes

    def with_strides(self: Own) -> Own:
        """Return an estimator of sizes and equal strides, for `dynamic_stride_pooling`.

        So the box that a site claims is its window, where `anchor` is "corner".

        Returns
        -------
        estimator : object with ``.predict``
            The same with ``shape="strides"``: it returns ``(n, *spatial, 2 d)``, the sizes along
            each axis, then the strides, which are those sizes, and 1 where one is smaller.
        """
        return replace(self, shape="strides")


def as_float(image: Array) -> Array:
    """Return an image as floats, from 0 on, so that a large offset costs no precision."""
    if image.dtype == np.bool_:
        return image.astype(np.float32)
    lowest = image.min()
    if image.dtype.kind == "f":
        wide = image.astype(np.result_type(image.dtype, np.float32), copy=False)
        return np.asarray(wide - wide.dtype.type(lowest))
    # The difference of two integers always fits into the unsigned dtype of the same width.
    unsigned = np.dtype(f"u{image.dtype.itemsize}")
    above = np.subtract(image.view(unsigned), lowest.view(unsigned))
    return np.asarray(above, np.float32 if unsigned.itemsize <= 2 else np.float64)


def above(image: Array, lowest: Any) -> Array:
    """Return an image as floats, from a value on that need not be the lowest of this part of it.

    For the rest as `as_float`.
    """
    if image.dtype == np.bool_:
        return image.astype(np.float32)
    if image.dtype.kind == "f":
        wide = image.astype(np.result_type(image.dtype, np.float32), copy=False)
        return np.asarray(wide - wide.dtype.type(lowest))
    if image.dtype.itemsize <= 2:
        return np.asarray(image.astype(np.int32) - np.int32(lowest), np.float32)
    wider = np.dtype(np.int64 if image.dtype.itemsize == 4 else np.longdouble)
    return np.asarray(np.subtract(image.astype(wider), wider.type(lowest)), np.float64)


def isotropic(sizes: Array, voxel: Array) -> Array:
    """Turn one length per pixel into pixels along each axis."""
    return np.asarray(sizes[..., np.newaxis] / voxel)
