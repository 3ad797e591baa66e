"""The smallest images: every function and estimator answers, or says what it cannot do."""

from __future__ import annotations

import itertools
from typing import Any

import dask.array as da
import numpy as np
import pytest
from numpy.typing import NDArray

import adapool
import naive
from adapool.estimators import BlobSizes
from compare import assert_same, assert_same_sites
from estimator_cases import ATTENTION, PER_PIXEL, name

Array = NDArray[Any]

# A pixel, a row, a column, a plane, and what has two of everything.
SHAPES = [
    (1, 1), (1, 2), (1, 9), (9, 1), (2, 2),
    (1, 1, 1), (1, 1, 9), (1, 9, 1), (9, 1, 1), (1, 5, 6), (5, 1, 6), (5, 6, 1), (2, 2, 2),
]  # fmt: skip
FILLS = ["random", "constant"]


def image_of(shape: tuple[int, ...], fill: str) -> Array:
    rng = np.random.default_rng(0)
    return rng.random(shape).astype(np.float32) if fill == "random" else np.ones(shape, np.float32)


def forms(image: Array) -> list[Any]:
    """In memory, and in chunks of one row."""
    return [image, da.from_array(image, 1)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_windows_of_one_size(shape: tuple[int, ...]) -> None:
    image = image_of(shape, "random")
    for kernel, padding in ((1, 0), (2, 1), (shape, 0)):
        options: dict[str, Any] = {"padding": padding, "channel_axis": None, "return_indices": True}
        expected = naive.max_pooling(image, kernel, **options)
        for given in forms(image):
            for got, want in zip(
                adapool.max_pooling(given, kernel, **options), expected, strict=True
            ):
                assert_same(np.asarray(got), want)
        expected = naive.attention_pooling(image, kernel, image, **options)
        for given in forms(image):
            for got, want in zip(
                adapool.attention_pooling(given, kernel, image, **options), expected, strict=True
            ):
                assert_same(np.asarray(got), want)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_window_larger_than_the_image_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="kernel_size must fit into the image"):
        adapool.max_pooling(image_of(shape, "random"), max(shape) + 1, channel_axis=None)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("anchor", ["corner", "center"])
def test_windows_of_a_size_of_their_own(shape: tuple[int, ...], anchor: str) -> None:
    image, ndim = image_of(shape, "random"), len(shape)
    params = np.full((*shape, 2 * ndim), 2)
    options: dict[str, Any] = {"anchor": anchor, "channel_axis": None, "max_kernel_size": 3}
    for given in forms(image):
        got = adapool.dynamic_pooling(given, params, **options)
        assert_same(np.asarray(got), naive.dynamic_pooling(image, params, **options))
    expected = naive.dynamic_stride_pooling(image, params, **options)
    assert_same_sites(adapool.dynamic_stride_pooling(image, params, **options), expected)
    lazy = adapool.dynamic_stride_pooling(da.from_array(image, 1), params, **options)
    assert_same(np.asarray(lazy.to_map()), expected.to_map())


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("reduction", ["max", "mean"])
def test_regions(shape: tuple[int, ...], reduction: str) -> None:
    image = image_of(shape, "random")
    options: dict[str, Any] = {"reduction": reduction, "channel_axis": None}
    for labels in (np.zeros(shape, int), np.arange(image.size).reshape(shape) // 2):
        expected = naive.region_pooling(image, labels, **options)
        assert_same_sites(adapool.region_pooling(image, labels, **options), expected)
        lazy = adapool.region_pooling(da.from_array(image, 1), labels, **options)
        assert_same(np.asarray(lazy.to_map()), expected.to_map())
        assert_same(np.asarray(lazy.positions), expected.positions)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_convolutions(shape: tuple[int, ...]) -> None:
    image, ndim = image_of(shape, "random"), len(shape)
    options: dict[str, Any] = {"padding": 1, "max_offset": 1, "channel_axis": None}
    weights = np.ones((3,) * ndim + (1, 1), np.float32)
    shifted = np.full((*shape, ndim), 0.5)
    expected = naive.deformable_conv(image, weights, shifted, **options)
    for given in forms(image):
        got = np.asarray(adapool.deformable_conv(given, weights, shifted, **options))
        np.testing.assert_allclose(got, expected, rtol=1e-5)
        pooled = adapool.deformable_conv_and_pool(given, weights, shifted, 1, **options)
        np.testing.assert_allclose(np.asarray(pooled), expected, rtol=1e-5)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("fill", FILLS)
def test_peaks(shape: tuple[int, ...], fill: str) -> None:
    image = image_of(shape, fill)
    sizes = np.full((*shape, len(shape)), 3)
    for labels, border in itertools.product([None, np.ones(shape, int)], [False, True, 1]):
        got = adapool.peak_local_max(image, 3, threshold=0, labels=labels, exclude_border=border)
        np.testing.assert_array_equal(got, naive.peak_local_max(image, sizes, 0, labels, border))
    assert len(adapool.peak_local_max(image, 3)) <= image.size
    assert adapool.peak_local_max(image, 3, return_markers=True).shape == shape


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("estimator", PER_PIXEL, ids=name)
def test_estimators(estimator: Any, fill: str, shape: tuple[int, ...]) -> None:
    given = image_of(shape, fill)[np.newaxis, ..., np.newaxis]
    estimates = estimator.predict(given)
    assert estimates.shape == (1, *shape, len(shape))
    assert np.isfinite(estimates).all()
    if fill == "constant":
        assert (estimates == getattr(estimator, "min_size", 0)).all()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("fill", FILLS)
def test_the_default_network(fill: str, shape: tuple[int, ...]) -> None:
    image = image_of(shape, fill)
    response, sizes = BlobSizes().response_and_sizes(image[np.newaxis, ..., np.newaxis])
    assert np.isfinite(response).all()
    assert np.isfinite(sizes).all()
    peaks = adapool.peak_local_max(image)
    assert peaks.shape[1] == len(shape)
    if fill == "constant":
        assert len(peaks) == 0


@pytest.mark.parametrize("attention", ATTENTION, ids=name)
def test_attention_of_one_value(attention: Any) -> None:
    np.testing.assert_array_equal(attention.predict([[5.0]]), [[1.0]])
    np.testing.assert_array_equal(attention.predict(np.ones((1, 4))).shape, (1, 4))
    for shape in SHAPES:
        image = image_of(shape, "random")
        got = adapool.attention_pooling(image, 1, attention, channel_axis=None)
        np.testing.assert_array_equal(got, image)
