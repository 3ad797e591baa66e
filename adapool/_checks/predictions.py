"""Checks of what networks return, and of arrays that are given in place of networks.

Shapes are checked before any kernel runs; values (finite weights, sizes, offsets) by the kernels,
whose launches report here.
"""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

from adapool._backends import Array
from adapool._checks.arguments import Axes, real_array, shorten


def network_result(name: str, value: Any) -> Array:
    """Return what a network gave, or the array in its place, as a real array."""
    try:
        return real_array(name, value)
    except TypeError as error:
        if isinstance(value, np.ndarray):
            raise
        raise TypeError(
            f"{error}; {name} must be an array, a callable or an object with .predict "
            "that gives an array"
        ) from None


def wrong_shape(name: str, shape: Axes, wanted: str, fix: str = "") -> NoReturn:
    """Report the shape that a network gave and the one that was wanted."""
    raise ValueError(f"{name} must give an array of shape {wanted}, got {shape}{fix}")


def channels_of(network: Any, channels: int) -> None:
    """Check that an estimator of attention was told how many channels the image has."""
    told = getattr(network, "channels", channels)
    if getattr(type(network), "meant_for", "") == "attention_network" and told != channels:
        raise ValueError(
            f"attention_network must be for the number of channels of the image, {channels}, got "
            f"{network}: pass channels={channels}"
        )


def not_finite(name: str) -> NoReturn:
    """Report a value that a kernel found in what a network gave."""
    raise ValueError(f"{name} must give finite values, got NaN or infinity")


def stride_below_one(name: str) -> NoReturn:
    """Report a stride that a kernel found."""
    raise ValueError(
        f"{name} must give strides of at least 1 after truncation, got a smaller one: "
        "clip the strides with numpy.maximum(strides, 1)"
    )


def no_sites(name: str) -> NoReturn:
    """Report that no site has a window."""
    raise ValueError(f"{name} must give some site a window, got sizes below 1 at all of them")


def too_many_sites(name: str, sites: int) -> NoReturn:
    """Report more sites than an owner map can number."""
    raise ValueError(
        f"{name} must lead to fewer than 2**31 sites, got {sites}: give larger strides"
    )


def label_dtype(name: str, dtype: np.dtype[Any]) -> None:
    """Check that labels are integers."""
    if dtype == np.bool_:
        raise TypeError(
            f"{name} must give integer labels, got dtype bool: number the regions first, as "
            "skimage.measure.label(mask) does"
        )
    if dtype.kind not in "iu":
        raise TypeError(
            f"{name} must give integer labels, got dtype {dtype}: pass labels.astype(numpy.int32) "
            "if they are whole numbers"
        )


def negative_label(name: str, least: int) -> NoReturn:
    """Report a negative label that a kernel found."""
    raise ValueError(
        f"{name} must give labels of at least 0, got {least}: give pixels that belong to no region "
        "the label 0, as numpy.maximum(labels, 0) does"
    )


def few_regions(name: str, regions: int) -> None:
    """Check that an owner map can number the regions."""
    if regions >= 1 << 31:
        raise ValueError(f"{name} must give fewer than 2**31 regions, got {regions}")


def no_network_halo(value: Any) -> None:
    """Check that `network_halo`, which is for chunks, is 0 for an image in memory."""
    nothing = value == 0 if type(value) is int else not np.any(np.asarray(value) != 0)
    if not nothing:
        raise ValueError(
            f"network_halo must be 0 unless feature_map is a Dask array, got {shorten(value)}: "
            "a network is given an array in memory whole"
        )
