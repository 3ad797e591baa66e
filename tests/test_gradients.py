"""Vector-Jacobian products: against loops that are written from the documentation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from numpy.typing import NDArray

import adapool
import naive
import strategies as some
from compare import assert_same
from gradient_cases import values_of, whole
from test_ellipses import ellipses

Array = NDArray[Any]

# One for all arrays of an example: a kernel is compiled for each combination, which takes seconds.
DTYPES = st.shared(st.sampled_from(["float32", "float64"]), key="gradients")

# The loops are slow.
few = settings(max_examples=30)


def check(name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> dict[str, Array]:
    """Compare value and gradients with those of the loops; return the gradients."""
    function = getattr(adapool, name)
    value, pullback = adapool.vjp(function, *arguments, **options)
    values = values_of(value)
    assert_same(values, values_of(function(*arguments, **options)))
    cotangent = whole(values.shape)
    gradients = pullback(cotangent)
    expected = getattr(naive.gradients, name)(cotangent, *arguments, **options)
    assert gradients.keys() == expected.keys()
    dtype = values.dtype if values.dtype.kind == "f" else np.result_type(values, np.float32)
    for argument, wanted in expected.items():
        got = gradients[argument]
        assert got.dtype == dtype
        assert got.shape == wanted.shape
        bound = 300 * float(np.finfo(dtype).eps) * max(1, np.abs(wanted).max())
        assert_allclose(got, wanted, rtol=0, atol=bound, err_msg=argument)
    return dict(gradients)


# Against the loops --------------------------------------------------------------------------------


@few
@given(st.data())
def test_max_pooling(data: st.DataObject) -> None:
    image = data.draw(some.images([data.draw(DTYPES | st.just("uint8"))], some.small_whole))
    fixed = data.draw(some.windows(image.spatial))
    check("max_pooling", (image.array, fixed.kernel), fixed.options | image.axes)


@few
@given(st.data())
def test_attention_pooling(data: st.DataObject) -> None:
    image = data.draw(some.images([data.draw(DTYPES)], some.small_whole))
    fixed = data.draw(some.windows(image.spatial))
    per_window = (*fixed.sites, *fixed.kernel)
    shape = data.draw(st.sampled_from([image.spatial, per_window]))
    if data.draw(st.booleans()):
        shape = (*shape, image.channels)
    if image.batch_axis is not None:
        shape = (data.draw(st.sampled_from([1, image.batch])), *shape)
    weights = data.draw(some.arrays(shape, [data.draw(DTYPES)], some.small_whole))
    options = fixed.options | image.axes
    check("attention_pooling", (image.array, fixed.kernel, weights), options)


def sizes_for(data: st.DataObject, image: some.Image, values: some.Elements) -> Array:
    axes = len(image.spatial)
    shape: tuple[int, ...] = (*image.spatial, data.draw(st.sampled_from([1, axes, 2 * axes])))
    if image.batch_axis is not None:
        shape = (data.draw(st.sampled_from([1, image.batch])), *shape)
    return data.draw(some.arrays(shape, [data.draw(DTYPES)], values))


@few
@given(st.data(), st.booleans())
def test_dynamic_pooling(data: st.DataObject, fractional: bool) -> None:
    image = data.draw(some.images([data.draw(DTYPES)], some.small_whole, longest={2: 6, 3: 3}))
    sizes = sizes_for(data, image, some.size_value)
    options = image.axes | {
        "stride": data.draw(st.integers(1, 3)),
        "max_kernel_size": data.draw(some.max_kernel_sizes(image.spatial)),
        "anchor": data.draw(some.anchors()),
    }
    if not fractional:
        check("dynamic_pooling", (image.array, sizes), options)
        return
    value, pullback = adapool.vjp(
        adapool.dynamic_pooling, image.array, sizes, fractional=True, **options
    )
    expected = naive.dynamic_pooling(image.array, sizes, fractional=True, **options)
    assert value.dtype == expected.dtype
    assert_allclose(value, expected, rtol=0, atol=1e-4)
    cotangent = whole(value.shape)
    gradients = pullback(cotangent)
    wanted = naive.gradients.dynamic_pooling(
        cotangent, image.array, sizes, fractional=True, **options
    )
    for argument, array in wanted.items():
        assert gradients[argument].shape == array.shape
        assert_allclose(gradients[argument], array, rtol=0, atol=1e-3, err_msg=argument)


@few
@given(st.data())
def test_dynamic_stride_pooling(data: st.DataObject) -> None:
    image = data.draw(some.images([data.draw(DTYPES)], some.small_whole, batches=False))
    axes = len(image.spatial)
    params = np.concatenate(
        [
            data.draw(some.arrays((*image.spatial, axes), [data.draw(DTYPES)], values))
            for values in (some.size_value, some.stride_value)
        ],
        axis=-1,
    )
    options = {
        "max_kernel_size": data.draw(some.max_kernel_sizes(image.spatial)),
        "anchor": data.draw(some.anchors()),
        "channel_axis": image.channel_axis,
    }
    assume(len(naive.dynamic_stride_pooling(image.array, params, **options).values) > 0)
    check("dynamic_stride_pooling", (image.array, params), options)


def test_region_pooling() -> None:
    image = np.array([[3, 1, 4], [1, 5, 9]], np.float32)
    labels, weights = np.array([[1, 1, 0], [2, 1, 2]]), np.array([[2.0, 1, 1], [1, 1, 0.1]])
    given = np.array([10, 100])

    def gradients(**options: Any) -> dict[str, Array]:
        _, pullback = adapool.vjp(
            adapool.region_pooling, image, labels, channel_axis=None, **options
        )
        return {name: each.tolist() for name, each in pullback(given).items()}

    # Of 3, 1, 5 and of 1, 9, the maxima; with weights, of 6, 1, 5 and of 1, 0.9.
    assert gradients() == {"feature_map": [[0, 0, 0], [0, 10, 100]]}
    assert gradients(attention_network=weights) == {
        "feature_map": [[20, 0, 0], [100, 0, 0]],
        "attention_network": [[30, 0, 0], [100, 0, 0]],
    }
    assert gradients(reduction="sum") == {"feature_map": [[10, 10, 0], [100, 10, 100]]}
    halves = gradients(reduction="mean", attention_network=np.full((2, 3), 0.5, np.float32))
    third = 10 / 3
    np.testing.assert_allclose(
        halves["feature_map"], [[third / 2, third / 2, 0], [25, third / 2, 25]], rtol=1e-6
    )
    np.testing.assert_allclose(
        halves["attention_network"], [[3 * third, third, 0], [50, 5 * third, 450]], rtol=1e-6
    )


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[tuple[Any, ...], dict[str, Any], some.Image, Any]:
    """Arrays for all networks."""
    image = draw(some.images([draw(DTYPES)], some.small_whole, longest={2: 6, 3: 3}))
    axes = len(image.spatial)
    seed_form = draw(st.booleans())
    fixed = draw(some.windows(image.spatial, 1 if seed_form else 3, pooling=False))
    offset_groups = draw(some.divisors(image.channels))
    options = fixed.options | image.axes | {"offset_groups": offset_groups}
    options["interpolation"] = draw(st.sampled_from([None, "linear", "linear", "nearest"]))
    options["max_offset"] = draw(some.max_offsets(axes))
    filters = image.channels
    shape: tuple[int, ...] = (image.channels,)
    if not seed_form:
        groups = draw(some.divisors(image.channels))
        filters = groups * (1 if image.channel_axis is None else draw(st.integers(1, 2)))
        shape = (*fixed.kernel, image.channels // groups, filters)
        options["groups"] = groups
    taps = offset_groups * math.prod(fixed.kernel)

    def for_points(outputs: int, values: some.Elements) -> Array:
        lead = () if image.batch_axis is None else (draw(st.sampled_from([1, image.batch])),)
        return draw(some.arrays((*lead, *fixed.sites, outputs), [draw(DTYPES)], values))

    offsets = for_points(draw(st.sampled_from([axes, taps * axes])), some.exact_offset)
    if draw(st.booleans()):
        options["mask_network"] = for_points(taps, some.small_whole)
    if draw(st.booleans()):
        options["bias"] = draw(some.arrays((filters,), [draw(DTYPES)], some.small_whole))
    weights = draw(some.arrays(shape, [draw(DTYPES)], some.small_whole))
    return (image.array, weights, offsets), options, image, fixed


@few
@given(convolutions())
def test_deformable_conv(case: Any) -> None:
    arguments, options, _, _ = case
    check("deformable_conv", arguments, options)


@few
@given(convolutions(), st.data())
def test_deformable_conv_and_pool(case: Any, data: st.DataObject) -> None:
    arguments, options, _, fixed = case
    size = data.draw(st.integers(1, min(3, *fixed.sites)))
    options = options | {"pool_stride": data.draw(st.none() | st.integers(1, 2))}
    # Exact: so that both find the same winners.
    offsets = np.clip(np.round(arguments[2] * 2) / 2, -50, 50)
    check("deformable_conv_and_pool", (*arguments[:2], offsets, size), options)


@few
@given(st.data())
def test_ellipses(data: st.DataObject) -> None:
    image = data.draw(some.images([data.draw(DTYPES)], some.small_whole, longest={2: 6, 3: 4}))
    sizes = data.draw(ellipses(image))
    options = image.axes | {"stride": data.draw(st.integers(1, 3)), "footprint": "ellipse"}
    check("dynamic_pooling", (image.array, sizes), options)
