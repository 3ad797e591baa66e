"""Every function against the reference loops, over every option, dtype, layout and network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import adapool
import adapool._jit
import naive
import strategies as some
from compare import assert_same, assert_same_regions, assert_same_sites, both, call, rounding_bound

Array = NDArray[Any]


@given(st.data())
def test_max_pooling(data: st.DataObject) -> None:
    image = data.draw(some.images())
    fixed = data.draw(some.windows(image.spatial))
    kernel_size = data.draw(some.per_axis(fixed.kernel))
    options = fixed.options | image.axes
    actual, expected = both("max_pooling", image.array, kernel_size, return_indices=True, **options)
    for got, wanted in zip(actual, expected, strict=True):
        assert_same(got, wanted)
    assert_same(call("max_pooling", image.array, kernel_size, **options), expected[0])


@given(st.data())
def test_attention_pooling(data: st.DataObject) -> None:
    image = data.draw(some.images())
    fixed = data.draw(some.windows(image.spatial))
    kernel_size = data.draw(some.per_axis(fixed.kernel))
    network = data.draw(some.attention_networks(image, fixed))
    options = fixed.options | image.axes
    actual, expected = both(
        "attention_pooling", image.array, kernel_size, network, return_indices=True, **options
    )
    for got, wanted in zip(actual, expected, strict=True):
        assert_same(got, wanted)
    values = call("attention_pooling", image.array, kernel_size, network, **options)
    assert_same(values, expected[0])


@given(st.data())
def test_dynamic_pooling(data: st.DataObject) -> None:
    image = data.draw(some.images())
    network = data.draw(some.param_networks(image))
    strides = [data.draw(st.integers(1, 4)) for _ in image.spatial]
    options = image.axes | {
        "stride": data.draw(some.per_axis(strides)),
        "max_kernel_size": data.draw(some.max_kernel_sizes(image.spatial)),
        "anchor": data.draw(some.anchors()),
    }
    actual, expected = both("dynamic_pooling", image.array, network, return_indices=True, **options)
    for got, wanted in zip(actual, expected, strict=True):
        assert_same(got, wanted)
    assert_same(call("dynamic_pooling", image.array, network, **options), expected[0])


@given(st.data())
def test_dynamic_stride_pooling(data: st.DataObject) -> None:
    image = data.draw(some.images(batches=False))
    network = data.draw(some.stride_networks(image))
    options = {
        "max_kernel_size": data.draw(some.max_kernel_sizes(image.spatial)),
        "anchor": data.draw(some.anchors()),
        "channel_axis": image.channel_axis,
    }
    expected = naive.dynamic_stride_pooling(image.array, network, **options)
    assume(len(expected.values) > 0)  # no output at all is an error
    assert_same_sites(call("dynamic_stride_pooling", image.array, network, **options), expected)


@settings(max_examples=60)  # code is compiled for each pair of dtypes of image and weights
@given(some.region_calls())
def test_region_pooling(call_of: tuple[some.Image, Any, dict[str, Any]]) -> None:
    image, network, options = call_of
    with np.errstate(all="ignore"):
        pair = both("region_pooling", image.array, network, **options)
        assert_same_regions(*pair, options["reduction"])


@given(some.convolutions())
def test_deformable_conv_to_rounding(case: some.Convolution) -> None:
    actual, expected = both("deformable_conv", *case.arguments, **case.options)
    assert actual.dtype == expected.dtype
    assert actual.shape == expected.shape
    bound = rounding_bound(case, expected.dtype)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=bound)


@given(some.convolutions(elements=some.any_value, mask_answers=None))
def test_one_product_is_exact(case: some.Convolution) -> None:
    """Weights of shape (C,), where each output is one pixel times one factor."""
    options = case.options | {"interpolation": "truncate"}
    assert_same(*both("deformable_conv", *case.arguments, **options))


exact_convolutions = some.convolutions(
    elements=some.small_whole_or_not_finite,
    weight_answers=some.exact_weights,
    offset_answers=some.exact_offsets,
    mask_answers=some.exact_weights,
)


@given(exact_convolutions)
def test_deformable_conv_where_nothing_is_rounded(case: some.Convolution) -> None:
    """Small whole numbers and eighths of a pixel; NaN and infinities spread as they should."""
    assert_same(*both("deformable_conv", *case.arguments, **case.options))


def test_float16_offsets_that_groups_share() -> None:
    rng = np.random.default_rng(6)
    image, weights = rng.integers(0, 9, (6, 7, 4)) / 1.0, rng.integers(-2, 3, (2, 2, 4, 1)) / 1.0
    offsets = (rng.integers(-8, 8, (5, 6, 2)) / 4).astype(np.float16)
    options = {"offset_groups": 2, "interpolation": "truncate"}
    assert_same(*both("deformable_conv", image, weights, offsets, **options))


def test_a_float16_position_that_overflows_is_outside() -> None:
    """Beyond column 15 the sum of column and offset is more than float16 holds."""
    offsets = np.full((1, 20, 2), np.finfo(np.float16).max, np.float16)
    arguments = (np.ones((1, 20)), np.ones(1), offsets)
    assert_same(*both("deformable_conv", *arguments, channel_axis=None))


@given(st.data())
def test_deformable_conv_and_pool(data: st.DataObject) -> None:
    case = data.draw(exact_convolutions)
    pool = data.draw(some.windows(case.sites, largest_dilation=1))
    options = case.options | {
        "pool_stride": pool.options.get("stride"),
        "pool_padding": pool.options["padding"],
        "ceil_mode": pool.options["ceil_mode"],
    }
    arguments = (*case.arguments, data.draw(some.per_axis(pool.kernel)))
    actual, expected = both("deformable_conv_and_pool", *arguments, return_indices=True, **options)
    for got, wanted in zip(actual, expected, strict=True):
        assert_same(got, wanted)
    assert_same(call("deformable_conv_and_pool", *arguments, **options), expected[0])


# What networks are handed ------------------------------------------------------------------------


class Recorder:
    """A network that notes what it is given, and answers with ones."""

    def __init__(self, *answer: int) -> None:
        self.answer = answer
        self.given: list[Array] = []

    def predict(self, rows: Array) -> Array:
        self.given.append(rows)
        return np.ones((len(rows), *self.answer))


# What each network answers to one row of a 4 x 6 image of 3 channels, and a call of it.
NETWORK_CALLS: dict[str, tuple[tuple[int, ...], Callable[..., Any]]] = {
    "attention": (
        (6,),
        lambda x, net, axes: adapool.attention_pooling(x, (2, 3), net, **axes),
    ),
    "parameters": (
        (4, 6, 2),
        lambda x, net, axes: adapool.dynamic_pooling(x, net, **axes),
    ),
    "offsets": (
        (4, 6, 2),
        lambda x, net, axes: adapool.deformable_conv(x, np.ones(3), net, **axes),
    ),
    "masks": (
        (4, 6, 1),
        lambda x, net, axes: adapool.deformable_conv(
            x, np.ones(3), np.zeros((1, 4, 6, 2)), mask_network=net, **axes
        ),
    ),
}


@pytest.mark.parametrize("network", NETWORK_CALLS)
@pytest.mark.parametrize("batch_axis", [None, 3])
def test_networks_are_given_read_only_rows_with_channels_last(
    network: str, batch_axis: int | None
) -> None:
    answer, function = NETWORK_CALLS[network]
    recorder = Recorder(*answer)
    image: Array = np.arange(144, dtype=np.float32).reshape(
        4, 3, 6, 2
    )  # row, channel, column, batch
    axes = {"channel_axis": 1, "batch_axis": batch_axis}
    rows = np.moveaxis(image, (3, 1), (0, -1))
    if batch_axis is None:
        image, rows = image[..., 0], rows[:1]
    if network == "attention":  # windows of 2 x 3, in raster order, as rows
        rows = rows.reshape(-1, 2, 2, 2, 3, 3).transpose(0, 1, 3, 2, 4, 5).reshape(-1, 18)
    function(image, recorder, axes)
    np.testing.assert_array_equal(np.concatenate(recorder.given), rows)
    for given_rows in recorder.given:
        assert given_rows.flags.c_contiguous
        assert not given_rows.flags.writeable


# Larger images, on both twins of each kernel ------------------------------------------------------

LARGE = {2: (37, 45, 3), 3: (7, 12, 19, 2)}


def large_image(axes: int, dtype: str) -> Array:
    """Few values, so that there are many ties, and two NaN where there can be."""
    image = np.random.default_rng(0).integers(0, 50, LARGE[axes]).astype(dtype)
    if image.dtype.kind == "f":
        image.flat[[100, 500]] = np.nan
    return image


@pytest.mark.parametrize("axes", [2, 3])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_max_pooling_of_larger_images(axes: int, dtype: str, twin: str) -> None:
    image = large_image(axes, dtype)
    for options in ({}, {"stride": 1}, {"stride": 2, "padding": 2, "ceil_mode": True}):
        for got, wanted in zip(
            *both("max_pooling", image, 5, return_indices=True, **options), strict=True
        ):
            assert_same(got, wanted)


@pytest.mark.parametrize("axes", [2, 3])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_attention_pooling_of_larger_images(axes: int, dtype: str, twin: str) -> None:
    image = large_image(axes, dtype)
    weights = np.random.default_rng(1).random(image.shape[:-1]).astype(np.float32)

    def network(windows: Array) -> Array:
        return np.where(np.nan_to_num(windows) > 25, np.float64(0.3), 0.7)

    for attention in (weights, network):
        for got, wanted in zip(
            *both("attention_pooling", image, 3, attention, stride=2, return_indices=True),
            strict=True,
        ):
            assert_same(got, wanted)


@pytest.mark.parametrize("anchor", ["corner", "center"])
@pytest.mark.parametrize("axes", [2, 3])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_dynamic_pooling_of_larger_images(axes: int, dtype: str, anchor: str, twin: str) -> None:
    image = large_image(axes, dtype)
    longest = max(image.shape)
    sizes = np.random.default_rng(2).integers(0, longest, (*image.shape[:-1], axes), np.int16)
    for got, wanted in zip(
        *both("dynamic_pooling", image, sizes, anchor=anchor, stride=2, return_indices=True),
        strict=True,
    ):
        assert_same(got, wanted)


@pytest.mark.parametrize("axes", [2, 3])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_dynamic_stride_pooling_of_larger_images(axes: int, dtype: str, twin: str) -> None:
    image = large_image(axes, dtype)
    parameters = np.random.default_rng(3).integers(1, 7, (*image.shape[:-1], 2 * axes), np.int16)
    assert_same_sites(*both("dynamic_stride_pooling", image, parameters))


@pytest.mark.parametrize("reduction", ["max", "min", "mean", "sum"])
@pytest.mark.parametrize("axes", [2, 3])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_region_pooling_of_larger_images(axes: int, dtype: str, reduction: str, twin: str) -> None:
    """Blobs in several pieces, with background, rings whose centroid is outside, and gaps."""
    image = np.nan_to_num(large_image(axes, dtype))
    distance = np.linalg.norm(np.indices(image.shape[:-1]).T - 9, axis=-1).T
    labels = np.where(distance % 7 < 4, distance.astype(np.int32) // 7 * 300 + 1, 0)
    for options in ({}, {"attention_network": (distance % 3).astype(np.float32)}):
        given = {"reduction": reduction, **options}
        assert_same_regions(*both("region_pooling", image, labels, **given), reduction)


@pytest.mark.parametrize("axes", [2, 3])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_deformable_conv_and_pool_of_larger_images(axes: int, dtype: str, twin: str) -> None:
    image = large_image(axes, dtype)
    rng = np.random.default_rng(4)
    kernel = (3,) * axes
    weights = rng.integers(-3, 4, (*kernel, image.shape[-1], 2)).astype(np.float32)
    moves = rng.integers(-12, 13, (*image.shape[:-1], 3**axes * axes))
    offsets = (moves / 4).astype(np.float32)
    options = {"padding": 1, "ceil_mode": True, "return_indices": True}
    for got, wanted in zip(
        *both("deformable_conv_and_pool", image, weights, offsets, 3, **options), strict=True
    ):
        assert_same(got, wanted)


def test_twins_round_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """A result does not depend, in any bit, on whether threads computed it."""
    rng = np.random.default_rng(5)
    image = rng.normal(size=(33, 41, 4)).astype(np.float32)
    weights = rng.normal(size=(3, 3, 4, 5)).astype(np.float32)
    offsets = rng.normal(size=(31, 39, 18)).astype(np.float32)
    results = []
    for threshold in (0, 1 << 62):
        monkeypatch.setattr(adapool._jit, "PARALLEL_FROM", threshold)
        convolved = adapool.deformable_conv(image, weights, offsets)
        pooled = adapool.deformable_conv_and_pool(image, weights, offsets, 2)
        results.append((convolved, pooled))
    for parallel, serial in zip(*results, strict=True):
        assert_same(parallel, serial)
