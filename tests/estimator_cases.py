"""Estimators, and images to try them on, that the tests of estimators share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from adapool.estimators import (
    CentroidOffsets,
    ContrastAttention,
    ScaleSpaceSizes,
    SoftmaxAttention,
    StructureTensorSizes,
    ThicknessSizes,
    VarianceSizes,
)

Array = NDArray[Any]

SIZES = [
    VarianceSizes(sigma=3),
    ScaleSpaceSizes(min_size=6, max_size=64),
    ThicknessSizes(),
    StructureTensorSizes(sigma=1.5, rho=40),
]
PER_PIXEL = [*SIZES, CentroidOffsets(sigma=6)]
ATTENTION = [SoftmaxAttention(), ContrastAttention()]
MEASURING = SIZES[1:]  # those whose size is that of the object


def name(estimator: Any) -> str:
    return type(estimator).__name__


def ellipsoid(shape: tuple[int, ...], semiaxes: tuple[float, ...]) -> Array:
    """Pixels within an ellipsoid about the middle of the image."""
    grid = np.indices(shape).T - np.array(shape) // 2
    return np.asarray((np.sum((grid / np.array(semiaxes)) ** 2, axis=-1) < 1).T, np.float64)


def blobs(shape: tuple[int, ...], seed: int = 0) -> Array:
    """Bright blobs of several sizes on noise, as a test image that nobody drew."""
    rng = np.random.default_rng(seed)
    coarse = ndi.gaussian_filter(rng.normal(size=shape), 5)
    image = 100 * (coarse > coarse.std()) + rng.normal(0, 3, shape) + 20
    return np.asarray(ndi.gaussian_filter(image, 1))


def predict(estimator: Any, image: Array) -> Array:
    """The estimates of one image without channels."""
    return np.asarray(estimator.predict(image[np.newaxis, ..., np.newaxis])[0])


def at_middle(estimator: Any, image: Array) -> Array:
    return np.asarray(predict(estimator, image)[tuple(n // 2 for n in image.shape)])
