"""Gradients against themselves, and what is promised of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

import adapool
from compare import assert_same
from gradient_cases import normal, uniform, values_of, whole

Array = NDArray[Any]

FLOATS = ["float32", "float64"]


# Against themselves -------------------------------------------------------------------------------


LARGE: dict[str, tuple[str, tuple[Any, ...], dict[str, Any]]] = {
    "max": ("max_pooling", (normal(300, 200, 2), 3), {"stride": 1}),
    "attention": ("attention_pooling", (normal(200, 200, 2), 3, normal(200, 200)), {}),
    "one row": (
        "attention_pooling", (normal(200, 200, 2), 2, lambda _: np.array([[1, 2, 3, 4]])), {}
    ),
    "dynamic": (
        "dynamic_pooling", (normal(200, 200, 2), uniform(0.5, 60, 200, 200, 2)),
        {"fractional": True},
    ),
    "sites": (
        "dynamic_stride_pooling", (normal(300, 200, 2), np.tile([30, 40, 2, 2], (300, 200, 1))), {}
    ),
    "regions": (
        "region_pooling", (normal(300, 200, 2), np.arange(60000).reshape(300, 200) // 700),
        {"reduction": "mean", "attention_network": normal(300, 200)},
    ),
    "deformable": (
        "deformable_conv",
        (normal(90, 110, 8), normal(3, 3, 8, 4), uniform(-9, 9, 88, 108, 18)),
        {"mask_network": uniform(0, 1, 88, 108, 9)},
    ),
    "narrow": (
        "deformable_conv_and_pool",
        (normal(90, 110, 3), normal(3, 3, 1, 3), uniform(-60, 60, 88, 108, 18), 2), {"groups": 3},
    ),
}  # fmt: skip


@pytest.mark.parametrize("label", LARGE)
def test_bits_do_not_depend_on_threads(label: str) -> None:
    name, arguments, options = LARGE[label]
    found = []
    for threads in (1, 2):
        adapool.set_num_threads(threads)
        try:
            value, pullback = adapool.vjp(getattr(adapool, name), *arguments, **options)
            found.append(pullback(normal(*values_of(value).shape)))
        finally:
            adapool.set_num_threads(None)
    for argument, first in found[0].items():
        assert_array_equal(first, found[1][argument])


@pytest.mark.parametrize("label", LARGE)
def test_gradients_are_linear_in_the_cotangent(label: str) -> None:
    name, arguments, options = LARGE[label]
    value, pullback = adapool.vjp(getattr(adapool, name), *arguments, **options)
    first, second = (whole(values_of(value).shape, seed) for seed in (1, 2))
    apart, together = [pullback(first), pullback(second)], pullback(3 * first - second)
    for argument, both in together.items():
        expected = 3 * apart[0][argument] - apart[1][argument]
        atol = 1e-11 * np.abs(expected).max()
        assert_allclose(both, expected, rtol=0, atol=atol, err_msg=argument)


def test_a_maximum_hands_on_all_that_it_gets() -> None:
    image = normal(40, 50, 3)
    for name, arguments, options in (
        ("max_pooling", (3,), {"stride": 2}),
        ("dynamic_pooling", (uniform(1, 9, 40, 50, 2),), {}),
        ("dynamic_pooling", (uniform(1, 9, 40, 50, 2),), {"fractional": True}),
    ):
        value, pullback = adapool.vjp(getattr(adapool, name), image, *arguments, **options)
        cotangent = normal(*value.shape)
        total = pullback(cotangent)["feature_map"].sum(axis=(0, 1))
        assert_allclose(total, cotangent.sum(axis=(0, 1)), rtol=1e-10)


def test_whole_sizes_are_a_special_case_of_fractional_ones() -> None:
    image = normal(20, 30, 2)
    sizes = np.random.default_rng(0).integers(0, 7, (20, 30, 2))
    cotangent = normal(20, 30, 2)
    for kind in (np.int16, np.float32):
        plain, pull = adapool.vjp(adapool.dynamic_pooling, image, sizes.astype(kind))
        mixed, pull_mixed = adapool.vjp(
            adapool.dynamic_pooling, image, sizes.astype(kind), fractional=True
        )
        assert_array_equal(plain, mixed)
        assert_array_equal(pull(cotangent)["feature_map"], pull_mixed(cotangent)["feature_map"])


# What is promised ---------------------------------------------------------------------------------


def test_ties_go_to_the_first_and_nan_to_the_first_nan() -> None:
    image = np.array([[2, 2, np.nan, 5], [2, 2, np.nan, np.nan]])
    _, pullback = adapool.vjp(adapool.max_pooling, image, 2, channel_axis=None)
    expected = [[1, 0, 7, 0], [0, 0, 0, 0]]
    assert_array_equal(pullback(np.array([[1, 7]]))["feature_map"], expected)


def test_empty_windows_hand_on_nothing() -> None:
    _, pullback = adapool.vjp(adapool.dynamic_pooling, normal(2, 2), 0, channel_axis=None)
    assert_array_equal(pullback(np.full((2, 2), np.nan))["feature_map"], np.zeros((2, 2)))
    _, pullback = adapool.vjp(
        adapool.dynamic_pooling, normal(2, 2), 0.5, fractional=True, channel_axis=None
    )
    gradients = pullback(np.ones((2, 2)))
    assert_array_equal(gradients["feature_map"], np.zeros((2, 2)))
    assert_array_equal(gradients["param_network"], 0)


def test_offsets_are_pulled_toward_larger_ones_at_whole_pixels() -> None:
    image = np.array([[0, 1, 4, 9]], np.float64)
    offsets = np.zeros((1, 4, 2))
    offsets[0, 3] = np.nan_to_num(np.inf)
    _, pullback = adapool.vjp(
        adapool.deformable_conv, image, np.array([1.0]), offsets, interpolation="linear",
        channel_axis=None,
    )  # fmt: skip
    along_columns = pullback(np.ones((1, 4)))["offset_network"][..., 1]
    assert_array_equal(along_columns, [[1, 3, 5, 0]])


def test_values_are_what_the_function_returns() -> None:
    image = normal(6, 8, 2)
    value, pullback = adapool.vjp(adapool.max_pooling, image, 2, return_indices=True)
    expected = adapool.max_pooling(image, 2, return_indices=True)
    for got, wanted in zip(value, expected, strict=True):
        assert_same(got, wanted)
    before = image.copy()
    first = pullback(np.ones((3, 4, 2)))["feature_map"]
    assert_array_equal(first, pullback(np.ones((3, 4, 2)))["feature_map"])
    assert_array_equal(image, before)


@pytest.mark.parametrize(
    ("given", "returned"),
    [("float16", "float16"), ("uint8", "float32"), ("bool", "float32"), ("int32", "float64")],
)
def test_dtypes(given: str, returned: str) -> None:
    image = (normal(6, 8, 2) > 0).astype(given)
    value, pullback = adapool.vjp(adapool.max_pooling, image, 2)
    assert value.dtype == given
    gradient = pullback(np.ones(value.shape))["feature_map"]
    assert gradient.dtype == returned
    assert gradient.sum() == value.size


def test_networks_are_called_once() -> None:
    calls = []

    def network(windows: Array) -> Array:
        calls.append(len(windows))
        return windows[:, :4] > 0

    value, pullback = adapool.vjp(adapool.attention_pooling, normal(6, 8, 2), 2, network)
    assert pullback(np.ones(value.shape))["attention_network"].shape == (12, 4)
    assert calls == [12]


def test_networks_with_one_output_may_squeeze_it() -> None:
    _, pullback = adapool.vjp(
        adapool.attention_pooling, normal(3, 4, 2), 1, lambda windows: windows[:, 0] ** 2
    )
    assert pullback(np.ones((3, 4, 2)))["attention_network"].shape == (12,)


def test_batches_of_windows_are_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    image, answer = normal(8, 9, 2), normal(16, 8)
    at_once = adapool.vjp(adapool.attention_pooling, image, 2, lambda _: answer)
    monkeypatch.setattr("adapool._plans.weights._BATCH_BYTES", 5 * 4 * 2 * 8)
    rows = iter(answer)
    parts = adapool.vjp(
        adapool.attention_pooling, image, 2, lambda given: np.stack([next(rows) for _ in given])
    )
    cotangent = normal(*at_once[0].shape)
    assert_array_equal(at_once[0], parts[0])
    for name, gradient in at_once[1](cotangent).items():
        assert_array_equal(gradient, parts[1](cotangent)[name])


def test_xarray_keeps_its_names() -> None:
    xarray = pytest.importorskip("xarray")
    image = xarray.DataArray(normal(4, 6), dims=("y", "x"), coords={"x": np.arange(6) * 0.5})
    value, pullback = adapool.vjp(adapool.max_pooling, image, 2, channel_axis=None)
    gradient = pullback(xarray.ones_like(value))["feature_map"]
    assert gradient.dims == ("y", "x")
    assert_array_equal(gradient.x, image.x)


def test_fractional_sizes_on_dask_are_those_in_memory() -> None:
    dask_array = pytest.importorskip("dask.array")
    image, sizes = normal(23, 31, 2), uniform(0.5, 9, 23, 31, 2)
    chunked, cut = (dask_array.from_array(a, chunks=(5, 7, 2)) for a in (image, sizes))
    given: tuple[dict[str, Any], ...] = (
        {"anchor": "center"},
        {"stride": 2},
        {"max_kernel_size": 70},
    )
    for options in given:
        options = {"fractional": True, "max_kernel_size": 7} | options
        whole_image = adapool.dynamic_pooling(image, sizes, **options)
        lazy = adapool.dynamic_pooling(chunked, cut, **options)
        assert_same(lazy.compute(), whole_image)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: adapool.vjp(np.max, normal(4, 4), 2), TypeError, "must be one of adapool's max_"),
        (lambda: adapool.vjp(adapool.peak_local_max, normal(4, 4)), TypeError, "peak_local_max"),
        (
            lambda: adapool.vjp(adapool.max_pooling, normal(4, 4, 1), 2)[1](np.ones((2, 2))),
            ValueError,
            r"cotangent must have the shape of the value, \(2, 2, 1\), got \(2, 2\)",
        ),
        (
            lambda: adapool.vjp(adapool.max_pooling, normal(4, 4, 1), 2)[1]([[[1j]]]),
            TypeError,
            "cotangent must hold booleans, integers or floats",
        ),
        (
            lambda: adapool.vjp(adapool.max_pooling, normal(4, 4, 1), 0),
            ValueError,
            "kernel_size must be positive",
        ),
        (
            lambda: adapool.vjp(adapool.max_pooling, normal(4, 4, 1), size=2),
            TypeError,
            "max_pooling has no argument size: pass kernel_size",
        ),
        (
            lambda: adapool.dynamic_pooling(
                normal(4, 4, 1), 2.5, fractional=True, return_indices=True
            ),
            ValueError,
            "return_indices must be False with fractional=True",
        ),
        (
            lambda: adapool.dynamic_pooling(normal(4, 4, 1), 2.5, fractional=1),  # type: ignore[call-overload]
            TypeError,
            "fractional must be True or False",
        ),
    ],
)  # fmt: skip
def test_wrong_calls(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("label", LARGE)
def test_gradients_that_nobody_wants_are_left_out(label: str) -> None:
    name, arguments, options = LARGE[label]
    value, pullback = adapool.vjp(getattr(adapool, name), *arguments, **options)
    cotangent = whole(values_of(value).shape)
    everything = pullback(cotangent)
    assert list(pullback(cotangent, wanted=[])) == []
    for argument, gradient in everything.items():
        alone = pullback(cotangent, wanted=[argument])
        assert list(alone) == [argument]
        assert_array_equal(alone[argument], gradient)
    with pytest.raises(ValueError, match="wanted must name arguments that have gradients"):
        pullback(cotangent, wanted=["bias"])
    with pytest.raises(TypeError, match=r"pass wanted=\['feature_map'"):
        pullback(cotangent, wanted="feature_map")


def test_a_mask_and_a_bias_may_be_all_that_is_wanted() -> None:
    for rule in ("linear", "nearest"):
        value, pullback = adapool.vjp(
            adapool.deformable_conv, normal(9, 8, 4), normal(3, 3, 4, 2), uniform(-2, 2, 7, 6, 18),
            mask_network=uniform(0, 1, 7, 6, 9), bias=normal(2), interpolation=rule,
        )  # fmt: skip
        cotangent = whole(value.shape)
        everything = pullback(cotangent)
        for names in (["mask_network"], ["bias"], ["offset_network"], ["mask_network", "bias"]):
            found = pullback(cotangent, wanted=names)
            assert sorted(found) == sorted(names)
            for argument in names:
                assert_array_equal(found[argument], everything[argument])
