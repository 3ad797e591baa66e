"""Dask arrays give what arrays in memory give, at any chunking."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import dask
import dask.array as da
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import adapool
import strategies as some
from compare import SITES_FIELDS, assert_same, rounding_bound
from dask_cases import Local, assert_lazily_same, chunked, few, perhaps_chunked

Array = NDArray[Any]


@few
@given(st.data())
def test_max_pooling(data: st.DataObject) -> None:
    image = data.draw(some.images())
    fixed = data.draw(some.windows(image.spatial))
    options = fixed.options | image.axes | {"return_indices": data.draw(st.booleans())}
    expected = adapool.max_pooling(image.array, fixed.kernel, **options)
    lazy = adapool.max_pooling(data.draw(chunked(image.array)), fixed.kernel, **options)
    assert_lazily_same(lazy, expected)


@few
@given(st.data())
def test_attention_pooling(data: st.DataObject) -> None:
    image = data.draw(some.images())
    fixed = data.draw(some.windows(image.spatial))
    network = data.draw(some.attention_networks(image, fixed))
    options = fixed.options | image.axes | {"return_indices": data.draw(st.booleans())}
    expected = adapool.attention_pooling(image.array, fixed.kernel, network, **options)
    lazy = adapool.attention_pooling(
        data.draw(chunked(image.array)),
        fixed.kernel,
        data.draw(perhaps_chunked(network)),
        **options,
    )
    assert_lazily_same(lazy, expected)


@st.composite
def pixel_networks(draw: st.DrawFn, image: some.Image, arrays: Any, outputs: int) -> Any:
    """What gives numbers per pixel in memory; the same for Dask; and the halo it needs."""
    if draw(st.booleans()):
        reach = draw(st.integers(0, 2))
        network = Local(outputs, reach, 1, draw(some.operand_dtypes()))
        halo = draw(st.integers(reach, 3))
        return network, network, draw(some.per_axis([halo] * len(image.spatial)))
    array = draw(arrays((image.batch, *image.spatial, outputs)))
    if image.batch_axis is None and draw(st.booleans()):
        array = array[0]
    elif draw(st.booleans()):
        array = array[:1]
    return array, draw(perhaps_chunked(array)), 0


def label_by_value(images: Array) -> Array:
    """A network that looks at nothing but the pixel: the same labels in every chunk."""
    values = np.nan_to_num(images.astype(np.float64).max(axis=-1), posinf=9, neginf=-9)
    labels: Array = (np.round(values) % 5).astype(np.int64) * 10**9
    return labels


@few
@given(st.data())
def test_region_pooling(data: st.DataObject) -> None:
    image, labels, options = data.draw(some.region_calls())
    lazy_labels, weights = labels, options["attention_network"]
    if not isinstance(labels, np.ndarray):
        labels = lazy_labels = label_by_value
    lazy_weights, halo = weights, 0
    if weights is not None and not isinstance(weights, np.ndarray):
        reach = data.draw(st.integers(0, 2))
        outputs = data.draw(st.sampled_from([1, image.channels]))
        weights = lazy_weights = Local(outputs, reach, 1, "float32")
        halo = data.draw(st.integers(reach, 3))
    lazy = adapool.region_pooling(
        data.draw(chunked(image.array)),
        data.draw(perhaps_chunked(lazy_labels)),
        **options | {"attention_network": data.draw(perhaps_chunked(lazy_weights))},
        network_halo=halo,
    )
    with np.errstate(all="ignore"):
        expected = adapool.region_pooling(
            image.array, labels, **options | {"attention_network": weights}
        )
    got, wanted = ((a if isinstance(a, tuple) else (a,)) for a in (lazy, expected))
    assert got[0].owner.shape == image.spatial
    fields = [getattr(got[0], name) for name in SITES_FIELDS] + [got[0].to_map(), *got[1:]]
    wants = [getattr(wanted[0], name) for name in SITES_FIELDS] + [wanted[0].to_map(), *wanted[1:]]
    results = dask.compute(*fields, scheduler="synchronous")
    for field, result, want in zip(fields, results, wants, strict=True):
        assert field.dtype == want.dtype
        assert_same(result, want)


@few
@given(st.data())
def test_dynamic_pooling(data: st.DataObject) -> None:
    image = data.draw(some.images())
    axes = len(image.spatial)
    outputs = data.draw(st.sampled_from([1, axes, 2 * axes]))
    answers = some.sizes_and_strides if outputs == 2 * axes else some.sizes
    network, lazy_network, halo = data.draw(pixel_networks(image, answers, outputs))
    strides = [data.draw(st.integers(1, 4)) for _ in image.spatial]
    sizes = st.integers(1, 6)
    options = image.axes | {
        "stride": data.draw(some.per_axis(strides)),
        "max_kernel_size": data.draw(sizes | st.tuples(*[sizes] * axes)),
        "anchor": data.draw(some.anchors()),
        "return_indices": data.draw(st.booleans()),
    }
    expected = adapool.dynamic_pooling(image.array, network, **options)
    lazy = adapool.dynamic_pooling(
        data.draw(chunked(image.array)), lazy_network, network_halo=halo, **options
    )
    assert_lazily_same(lazy, expected)


@st.composite
def lazy_convolutions(draw: st.DrawFn, exact: bool) -> tuple[some.Convolution, dict[str, Any]]:
    """A convolution with a limit to its offsets, and what Dask is given in place of each operand.

    Where the output grid is the image, networks are callables half of the time.
    """
    case = draw(
        some.convolutions(
            elements=some.small_whole_or_not_finite if exact else some.finite_value,
            weight_answers=some.exact_weights if exact else some.weights,
            offset_answers=some.exact_offsets if exact else some.any_offsets,
            mask_answers=some.exact_weights if exact else some.masks,
        ).filter(lambda case: isinstance(case.offsets, np.ndarray))
    )
    axes = len(case.sites)
    limits = st.sampled_from([0, 0.5, 1.5, 3])
    case.options["max_offset"] = draw(limits | st.tuples(*[limits] * axes))
    mask = case.options.pop("mask_network", None)
    if isinstance(mask, np.ndarray):
        case.options["mask_network"] = mask
    networks = {"offset_network": case.offsets, **case.options}
    if case.sites == case.image.spatial and draw(st.booleans()):
        reach = draw(st.integers(0, 2))
        network = Local(case.offsets.shape[-1], reach, dtype=draw(some.operand_dtypes()))
        return replace(case, offsets=network), {
            **case.options,
            "offset_network": network,
            "network_halo": network.reach,
        }
    lazy = {name: draw(perhaps_chunked(value)) for name, value in networks.items()}
    return case, lazy


@few
@given(st.data())
def test_deformable_conv(data: st.DataObject) -> None:
    exact = data.draw(st.booleans())
    case, options = data.draw(lazy_convolutions(exact))
    expected = adapool.deformable_conv(*case.arguments, **case.options)
    lazy: Any = adapool.deformable_conv(
        data.draw(chunked(case.image.array)), data.draw(perhaps_chunked(case.weights)), **options
    )
    if exact:
        assert_lazily_same(lazy, expected)
        return
    assert (lazy.dtype, lazy.shape) == (expected.dtype, expected.shape)
    bound = rounding_bound(case, expected.dtype)
    result = lazy.compute(scheduler="synchronous")
    np.testing.assert_allclose(result, expected, rtol=0, atol=bound)


@few
@given(st.data())
def test_deformable_conv_and_pool(data: st.DataObject) -> None:
    case, options = data.draw(lazy_convolutions(exact=True))
    pool = data.draw(some.windows(case.sites, largest_dilation=1))
    pooling: dict[str, Any] = {
        "kernel_size": pool.kernel,
        "pool_stride": pool.options.get("stride"),
        "pool_padding": pool.options["padding"],
        "ceil_mode": pool.options["ceil_mode"],
        "return_indices": data.draw(st.booleans()),
    }
    expected = adapool.deformable_conv_and_pool(*case.arguments, **case.options | pooling)
    options |= pooling | {"conv_weights": data.draw(perhaps_chunked(case.weights))}
    lazy = adapool.deformable_conv_and_pool(data.draw(chunked(case.image.array)), **options)
    assert_lazily_same(lazy, expected)


def test_truncation_is_of_a_sum_in_the_whole_image() -> None:
    """In float32 column 4096 and a hair to its left are column 4096; in a chunk they are not."""
    image = np.arange(5000, dtype=np.float32)[np.newaxis]
    for dtype in (np.float16, np.float32):
        offsets = np.full((*image.shape, 2), -1e-5, dtype)
        options: dict[str, Any] = {"max_offset": 1, "channel_axis": None}
        expected = adapool.deformable_conv(image, [1.0], offsets, **options)
        lazy = adapool.deformable_conv(da.from_array(image, chunks=700), [1.0], offsets, **options)
        assert_lazily_same(lazy, expected)


@few
@given(st.data())
def test_dynamic_stride_pooling(data: st.DataObject) -> None:
    image = data.draw(some.images(batches=False))
    axes = len(image.spatial)
    network, lazy_network, halo = data.draw(pixel_networks(image, some.sizes_and_strides, 2 * axes))
    sizes = st.integers(1, 6)
    options = {
        "max_kernel_size": data.draw(sizes | st.tuples(*[sizes] * axes)),
        "anchor": data.draw(some.anchors()),
        "channel_axis": image.channel_axis,
    }
    lazy = adapool.dynamic_stride_pooling(
        data.draw(chunked(image.array)), lazy_network, network_halo=halo, **options
    )
    assert lazy.owner.shape == image.spatial
    names = SITES_FIELDS
    fields = [getattr(lazy, name) for name in names] + [lazy.to_map()]
    try:
        expected = adapool.dynamic_stride_pooling(image.array, network, **options)
    except ValueError:
        with pytest.raises(ValueError, match="some site a window"):
            dask.compute(*fields, scheduler="synchronous")
        return
    wanted = [getattr(expected, name) for name in names] + [expected.to_map()]
    for field, got, want in zip(
        fields, dask.compute(*fields, scheduler="synchronous"), wanted, strict=True
    ):
        assert field.dtype == want.dtype
        assert_same(got, want)
