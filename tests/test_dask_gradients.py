"""Gradients of Dask arrays: those in memory, at any chunking."""

from __future__ import annotations

import math
from typing import Any

import dask
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from numpy.typing import NDArray

import adapool
import strategies as some
from compare import assert_same
from dask_cases import chunked, few, perhaps_chunked
from gradient_cases import normal, uniform, values_of, whole
from test_ellipses import ellipses
from test_gradients import convolutions, sizes_for

Array = NDArray[Any]


def check(
    data: st.DataObject, name: str, arguments: tuple[Any, ...], options: dict[str, Any],
    exact: bool = True,
) -> None:  # fmt: skip
    """Compare with memory; sums of small whole numbers do not depend on their order."""
    function = getattr(adapool, name)
    value, pullback = adapool.vjp(function, *arguments, **options)
    cotangent = whole(values_of(value).shape)
    expected = pullback(cotangent)
    lazy = [data.draw(chunked(arguments[0])), *map(data.draw, map(perhaps_chunked, arguments[1:]))]
    chosen = {key: data.draw(perhaps_chunked(each)) for key, each in options.items()}
    _, lazy_pullback = adapool.vjp(function, *lazy, **chosen)
    found = lazy_pullback(data.draw(perhaps_chunked(cotangent)))
    assert list(found) == list(expected)
    for argument, wanted in expected.items():
        gradient = found[argument]
        assert (gradient.shape, gradient.dtype) == (wanted.shape, wanted.dtype)
        [got] = dask.compute(gradient, scheduler="synchronous")
        if exact:
            assert_same(got + 0.0, wanted + 0.0)
        else:
            bound = 300 * float(np.finfo(wanted.dtype).eps) * max(1, np.abs(wanted).max())
            assert_allclose(got, wanted, rtol=0, atol=bound, err_msg=argument)
    assert found["feature_map"].chunks == lazy[0].chunks


@few
@given(st.data())
def test_max_pooling(data: st.DataObject) -> None:
    image = data.draw(some.images(["float32", "uint8"], some.small_whole))
    fixed = data.draw(some.windows(image.spatial))
    check(data, "max_pooling", (image.array, fixed.kernel), fixed.options | image.axes)


@few
@given(st.data())
def test_attention_pooling(data: st.DataObject) -> None:
    image = data.draw(some.images(["float32"], some.small_whole))
    fixed = data.draw(some.windows(image.spatial))
    shape = data.draw(st.sampled_from([image.spatial, (*fixed.sites, *fixed.kernel)]))
    if data.draw(st.booleans()):
        shape = (*shape, image.channels)
    if image.batch_axis is not None:
        shape = (data.draw(st.sampled_from([1, image.batch])), *shape)
    weights = data.draw(some.arrays(shape, ["float32"], some.small_whole))
    options = fixed.options | image.axes
    check(data, "attention_pooling", (image.array, fixed.kernel, weights), options)


@few
@given(st.data(), st.sampled_from(["box", "ellipse", "fractional"]))
def test_dynamic_pooling(data: st.DataObject, kind: str) -> None:
    image = data.draw(some.images(["float32"], some.small_whole, longest={2: 6, 3: 3}))
    sizes = data.draw(ellipses(image)) if kind == "ellipse" else None
    sizes = sizes_for(data, image, some.size_value) if sizes is None else sizes
    options: dict[str, Any] = image.axes | {
        "stride": data.draw(st.integers(1, 3)),
        "max_kernel_size": data.draw(st.integers(1, 7)),
    }
    if kind == "ellipse":
        options["footprint"] = kind
    else:
        options["anchor"] = data.draw(some.anchors())
    options["fractional"] = kind == "fractional"
    exact = kind != "fractional"
    check(data, "dynamic_pooling", (image.array, sizes), options, exact)


@few
@given(convolutions(), st.data())
def test_deformable_conv(case: Any, data: st.DataObject) -> None:
    arguments, options, _, _ = case
    options = options | {"max_offset": data.draw(st.sampled_from([0, 1.5, 4]))}
    check(data, "deformable_conv", arguments, options, exact=False)


@few
@given(convolutions(), st.data())
def test_deformable_conv_and_pool(case: Any, data: st.DataObject) -> None:
    arguments, options, _, fixed = case
    size = data.draw(st.integers(1, min(3, *fixed.sites)))
    options = options | {
        "pool_stride": data.draw(st.none() | st.integers(1, 2)),
        "max_offset": data.draw(st.sampled_from([0, 1.5, 4])),
    }
    # Exact: so that both find the same winners.
    offsets = np.clip(np.round(arguments[2] * 2) / 2, -50, 50)
    exact = (*arguments[:2], offsets, size)
    check(data, "deformable_conv_and_pool", exact, options, exact=False)


def test_what_all_pixels_have_gets_one_gradient() -> None:
    image, cotangent = normal(9, 10, 2), whole((9, 10, 2))
    options: dict[str, Any] = {"fractional": True, "max_kernel_size": 5}
    for size in (2.5, np.array([2.5, 1.25])):
        _, pullback = adapool.vjp(adapool.dynamic_pooling, image, size, **options)
        lazily = dask.array.from_array(image, chunks=(4, 3, 2))
        _, lazy = adapool.vjp(adapool.dynamic_pooling, lazily, size, **options)
        gradient = lazy(cotangent, wanted=["param_network"])["param_network"]
        assert gradient.shape == np.shape(size)
        assert_allclose(gradient.compute(), pullback(cotangent)["param_network"], rtol=1e-12)


def test_nothing_is_computed_before_it_is_asked_for() -> None:
    def fail(block: Array) -> Array:
        raise AssertionError

    image = dask.array.ones((64, 64), chunks=16).map_blocks(fail, dtype=float, meta=np.empty(0))
    value, pullback = adapool.vjp(adapool.max_pooling, image, 2, channel_axis=None)
    gradient = pullback(dask.array.ones(value.shape, chunks=9))["feature_map"]
    assert gradient.chunks == image.chunks
    assert math.prod(gradient.numblocks) == 16


def test_xarray_keeps_its_names() -> None:
    xarray = pytest.importorskip("xarray")
    image = xarray.DataArray(normal(8, 6), dims=("y", "x")).chunk({"y": 4})
    value, pullback = adapool.vjp(adapool.max_pooling, image, 2, channel_axis=None)
    gradient = pullback(xarray.ones_like(value))["feature_map"]
    assert gradient.dims == ("y", "x")
    assert gradient.chunks == image.chunks


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("region_pooling", (np.ones((8, 8), int),), "gradients of sites and regions"),
        (
            "attention_pooling", (2, lambda windows: windows),
            "attention_network must be an array for gradients on Dask, got a network",
        ),
        (
            "deformable_conv", (np.ones(1), lambda image: image[..., :1].repeat(2, -1)),
            "offset_network must be an array for gradients on Dask, got a network",
        ),
    ],
)  # fmt: skip
def test_what_is_not_local_is_refused(name: str, arguments: Any, message: str) -> None:
    image = dask.array.from_array(uniform(0, 1, 8, 8, 1), chunks=4)
    options = {"max_offset": 2} if name == "deformable_conv" else {}
    with pytest.raises(TypeError, match=message):
        adapool.vjp(getattr(adapool, name), image, *arguments, **options)
