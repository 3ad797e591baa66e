"""Relations between results that hold whatever the reference says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

import adapool
import naive
import strategies as some
from compare import assert_same

Array = NDArray[Any]


@st.composite
def constant(draw: st.DrawFn, image: some.Image, values: tuple[int, ...]) -> Array:
    """Parameters that are alike at every pixel, in the example's dtype for them."""
    dtype = draw(some.operand_dtypes())
    return np.broadcast_to(np.array(values, dtype), (1, *image.spatial, len(values)))


# One method as a special case of another ---------------------------------------------------------


@given(st.data())
def test_attention_with_ones_is_max_pooling(data: st.DataObject) -> None:
    image = data.draw(some.images(some.FLOATS))
    fixed = data.draw(some.windows(image.spatial))
    ones = np.ones(image.spatial, image.array.dtype)
    ones = ones if image.batch_axis is None else ones[np.newaxis]
    options = fixed.options | image.axes | {"return_indices": True}
    weighted = adapool.attention_pooling(image.array, fixed.kernel, ones, **options)
    plain = adapool.max_pooling(image.array, fixed.kernel, **options)
    for got, wanted in zip(weighted, plain, strict=True):
        assert_same(got, wanted)


@given(st.data())
def test_dynamic_with_one_size_is_max_pooling(data: st.DataObject) -> None:
    """A window centered on its pixel is one that starts at it on an image padded by half of it."""
    image = data.draw(some.images())
    size = tuple(data.draw(st.integers(1, length)) for length in image.spatial)
    anchor = data.draw(some.anchors())
    padding = tuple(s // 2 for s in size) if anchor == "center" else 0
    plain = adapool.max_pooling(
        image.array, size, stride=1, padding=padding, return_indices=True, **image.axes
    )
    dynamic = adapool.dynamic_pooling(
        image.array,
        data.draw(constant(image, size)),
        anchor=anchor,
        return_indices=True,
        **image.axes,
    )
    for got, wanted in zip(dynamic, plain, strict=True):
        # Plain windows stop where they would be cut, and may start beyond the last pixel.
        common = tuple(slice(min(pair)) for pair in zip(got.shape, wanted.shape, strict=True))
        assert_same(got[common], wanted[common])


@given(st.data())
def test_zero_offsets_give_a_plain_convolution(data: st.DataObject) -> None:
    signal = pytest.importorskip("scipy.signal", reason="plain convolution comes from SciPy")
    axes = data.draw(st.sampled_from([2, 3]))
    spatial = tuple(data.draw(st.integers(3, 7)) for _ in range(axes))
    fixed = data.draw(some.windows(spatial, 3, pooling=False))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**16)))
    image = rng.normal(size=(*spatial, 2))
    weights = rng.normal(size=(*fixed.kernel, 2, 3))
    interpolation: Any = data.draw(st.sampled_from(["linear", "nearest", "truncate"]))
    actual = adapool.deformable_conv(
        image,
        weights,
        np.zeros((*fixed.sites, axes)),
        interpolation=interpolation,
        **fixed.options,
    )

    stride, padding, dilation = (
        np.broadcast_to(fixed.options[name], axes) for name in ("stride", "padding", "dilation")
    )
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, fixed.kernel, strict=True)]
    spread = np.zeros((*reach, 2, 3))
    spread[tuple(slice(None, None, d) for d in dilation)] = weights
    padded = np.pad(image, [(p, p) for p in padding] + [(0, 0)])
    every = tuple(slice(None, None, s) for s in stride)
    for f in range(3):
        channels = (
            signal.correlate(padded[..., c], spread[..., c, f], "valid", "direct") for c in range(2)
        )
        np.testing.assert_allclose(actual[..., f], sum(channels)[every], rtol=0, atol=1e-12)


@given(some.convolutions(), st.integers(1, 3))
def test_fused_pooling_is_convolution_then_pooling(case: some.Convolution, size: int) -> None:
    """To the bit, so that indices agree."""
    assume(min(case.sites) >= size)
    axes = case.image.axes
    convolved = adapool.deformable_conv(*case.arguments, **case.options)
    pooled = adapool.max_pooling(convolved, size, return_indices=True, **axes)
    fused = adapool.deformable_conv_and_pool(
        *case.arguments, size, return_indices=True, **case.options
    )
    for got, wanted in zip(fused, pooled, strict=True):
        assert_same(got, wanted)


# Images that are rearranged ----------------------------------------------------------------------


@given(st.data())
def test_channels_are_pooled_alone(data: st.DataObject) -> None:
    """So that permuting them permutes the result."""
    image = data.draw(some.images())
    assume(image.channel_axis is not None)
    order = data.draw(st.permutations(range(image.channels)))
    size = tuple(data.draw(st.integers(1, length)) for length in image.spatial)
    permuted = np.take(image.array, order, image.channel_axis)
    parameters = data.draw(some.sizes((1, *image.spatial, 1)))
    calls: list[tuple[Any, Any]] = [
        (adapool.max_pooling, size),
        (adapool.dynamic_pooling, parameters),
    ]
    for function, argument in calls:
        result = function(image.array, argument, **image.axes)
        assert_same(
            function(permuted, argument, **image.axes), np.take(result, order, image.channel_axis)
        )


@given(st.data())
def test_weights_follow_their_channels(data: st.DataObject) -> None:
    image = data.draw(some.images(elements=some.finite_value, batches=False))
    assume(image.channel_axis is not None)
    order = data.draw(st.permutations(range(image.channels)))
    permuted = np.take(image.array, order, image.channel_axis)
    weights = data.draw(some.weights((*image.spatial, image.channels)))
    factors = data.draw(some.weights((image.channels,)))
    offsets = data.draw(some.any_offsets((*image.spatial, len(image.spatial))))
    pairs = [
        (
            adapool.attention_pooling(image.array, 1, weights, **image.axes),
            adapool.attention_pooling(permuted, 1, weights[..., order], **image.axes),
        ),
        (
            adapool.deformable_conv(image.array, factors, offsets, **image.axes),
            adapool.deformable_conv(permuted, factors[order], offsets, **image.axes),
        ),
    ]
    for result, result_of_permuted in pairs:
        assert_same(result_of_permuted, np.take(result, order, image.channel_axis))


@given(st.data())
def test_moving_the_channels_moves_the_result(data: st.DataObject) -> None:
    image = data.draw(some.images(batches=False))
    axis = image.channel_axis
    assume(axis is not None)
    assert axis is not None
    parameters = data.draw(some.sizes((*image.spatial, 1)))
    result = adapool.dynamic_pooling(image.array, parameters, channel_axis=axis)
    last = adapool.dynamic_pooling(np.moveaxis(image.array, axis, -1), parameters)
    assert_same(result, np.moveaxis(last, -1, axis))
    for channel, plane in enumerate(np.moveaxis(image.array, axis, 0)):
        alone = adapool.dynamic_pooling(plane, parameters, channel_axis=None)
        assert_same(np.take(result, channel, axis), alone)


@given(st.data())
def test_a_batch_is_a_loop(data: st.DataObject) -> None:
    """Rows of a batch do not see each other."""
    spatial = tuple(data.draw(st.integers(1, 6)) for _ in range(2))
    batch = data.draw(some.pixels((3, *spatial, 2)))
    sizes = data.draw(some.sizes((3, *spatial, 2)))
    weights = data.draw(some.weights((3, *spatial)))
    offsets = data.draw(some.exact_offsets((3, *spatial, 2)))
    calls = (
        (adapool.max_pooling, (batch,), (1,)),
        (adapool.attention_pooling, (batch, weights), (1,)),
        (adapool.dynamic_pooling, (batch, sizes), ()),
        (adapool.deformable_conv, (batch, offsets), (np.ones(2, np.float32),)),
    )
    for function, per_row, shared in calls:
        arguments = (per_row[0], *shared, *per_row[1:])
        rows = (function(*(row[0], *shared, *row[1:])) for row in zip(*per_row, strict=True))
        assert_same(function(*arguments, batch_axis=0), np.stack(list(rows)))


# Windows and sites -------------------------------------------------------------------------------


@given(st.data())
def test_growing_a_window_never_lowers_its_maximum(data: st.DataObject) -> None:
    image = data.draw(some.images(elements=some.finite_value))
    anchor = data.draw(some.anchors())
    shape = (1, *image.spatial, 1)
    sizes = data.draw(some.operands(shape, lambda _: st.integers(1, 8)))
    growth = data.draw(some.operands(shape, lambda _: st.integers(0, 8)))
    # An even step keeps the centre of a window where it was.
    smaller = adapool.dynamic_pooling(image.array, sizes, anchor=anchor, **image.axes)
    larger = adapool.dynamic_pooling(image.array, sizes + 2 * growth, anchor=anchor, **image.axes)
    assert (larger >= smaller).all()


@given(st.data())
def test_one_stride_gives_the_regular_grid(data: st.DataObject) -> None:
    image = data.draw(some.images(batches=False))
    axes = len(image.spatial)
    size = tuple(data.draw(st.integers(1, 4)) for _ in range(axes))
    stride = tuple(data.draw(st.integers(1, 4)) for _ in range(axes))
    sites = adapool.dynamic_stride_pooling(
        image.array, data.draw(constant(image, size + stride)), channel_axis=image.channel_axis
    )
    grid = np.indices(image.spatial)[(slice(None), *(slice(None, None, s) for s in stride))]
    assert_same(sites.positions, grid.reshape(axes, -1).T)
    regular = adapool.dynamic_pooling(
        image.array,
        data.draw(constant(image, size)),
        stride=stride,
        channel_axis=image.channel_axis,
    )
    if image.channel_axis is not None:
        regular = np.moveaxis(regular, image.channel_axis, -1)
    assert_same(sites.values, regular.reshape(sites.values.shape))


@given(st.data())
def test_sites_share_out_the_image(data: st.DataObject) -> None:
    image = data.draw(some.images(elements=some.finite_value, batches=False))
    parameters = data.draw(some.stride_networks(image))
    reference = naive.dynamic_stride_pooling(
        image.array, parameters, channel_axis=image.channel_axis
    )
    assume(len(reference.values) > 0)  # no output at all is an error
    sites = adapool.dynamic_stride_pooling(
        image.array, parameters, max_kernel_size=3, channel_axis=image.channel_axis
    )
    number = np.arange(len(sites.values))
    assert (sites.owner[tuple(sites.positions.T)] == number).all()
    assert (np.diff(np.ravel_multi_index(sites.positions.T, image.spatial)) > 0).all()
    assert_same(np.unique(sites.owner[sites.owner >= 0]), number.astype(np.int32))
    assert_same(sites.labels, sites.owner + 1)

    owned = sites.owner >= 0
    pixels = np.argwhere(owned)
    owners = sites.owner[owned]
    step = pixels - sites.positions[owners]
    assert ((step >= 0) & (step < sites.strides[owners])).all()
    painted = sites.to_map()
    assert painted.shape == image.array.shape
    if image.channel_axis is not None:
        painted = np.moveaxis(painted, image.channel_axis, -1)
    assert_same(painted[owned], sites.values[owners])
