"""Arrays of other libraries: strides, streams, kinds of results, and which side they are on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numba import cuda
from numpy.typing import NDArray

import adapool
import naive
from adapool.cuda import libraries as libraries_module
from adapool.cuda.arrays import DeviceArray
from adapool.cuda.copying import merged
from simulated.standins import Cupy, Standin, Torch

Array = NDArray[Any]


def host(array: Any) -> Array:
    return np.asarray(array.copy_to_host())


IMAGE = np.arange(2 * 5 * 6 * 3, dtype=np.float32).reshape(2, 5, 6, 3) % 7


@pytest.mark.parametrize(
    "view",
    [
        IMAGE[0],
        IMAGE[0, ::-1, ::2],
        IMAGE.transpose(3, 2, 1, 0)[0, ..., :2],
        np.broadcast_to(IMAGE[0, :, :1], (5, 6, 3)),
        np.asfortranarray(IMAGE[1]),
    ],
    ids=["plain", "negative", "transposed", "broadcast", "fortran"],
)
def test_strides(view: Array) -> None:
    expected = naive.max_pooling(view, 2, stride=1)
    np.testing.assert_array_equal(host(adapool.max_pooling(Standin(view), 2, stride=1)), expected)


def test_more_axes_than_the_copy_takes() -> None:
    """Weights per window with every axis moved: seven strides, none of which merge."""
    shape = (2, 3, 2, 2, 2, 2, 3)  # windows, taps, channels
    weights = np.random.default_rng(0).random(shape).astype(np.float32).transpose()
    weights = np.ascontiguousarray(weights).transpose()
    options: dict[str, Any] = {"stride": (1, 1, 2)}
    image = np.random.default_rng(1).random((3, 4, 5, 3)).astype(np.float32)
    expected = naive.attention_pooling(image, 2, weights, **options)
    actual = adapool.attention_pooling(Standin(image), 2, Standin(weights), **options)
    np.testing.assert_array_equal(host(actual), expected)


def test_merged_axes() -> None:
    assert merged((2, 3, 4), (48, 16, 4)) == ((1, 1, 1, 24), (0, 0, 0, 4))
    assert merged((2, 1, 4), (4, 99, 8)) == ((1, 1, 2, 4), (0, 0, 4, 8))


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 1, 0, 2), (2, 3, 1, 0)])
def test_geometry_is_that_of_numpy(order: tuple[int, ...]) -> None:
    array = DeviceArray.of(Standin(IMAGE)).transpose(order)[1:]
    expected = IMAGE.transpose(order)[1:]
    assert array.shape == expected.shape
    assert array.strides == expected.strides
    assert (array.ndim, array.size, len(array)) == (4, expected.size, len(expected))
    assert array.is_contiguous == expected.flags.c_contiguous
    np.testing.assert_array_equal(array.reshape(-1).to_host(), expected.reshape(-1))
    moved: Any = np.moveaxis(array, 0, -1)  # type: ignore[type-var]
    assert moved.strides == np.moveaxis(expected, 0, -1).strides


def test_numpy_does_not_copy_to_the_host() -> None:
    with pytest.raises(TypeError, match="device memory"):
        np.asarray(DeviceArray.of(Standin(IMAGE)))


def test_kernels_run_on_the_stream_of_the_interface(monkeypatch: pytest.MonkeyPatch) -> None:
    streams: list[int] = []

    def external(handle: int) -> Any:
        streams.append(handle)
        return cuda.stream()

    monkeypatch.setattr(cuda, "external_stream", external)
    libraries_module._stream.cache_clear()
    adapool.max_pooling(Standin(IMAGE[0], stream=7), 2)
    assert streams
    assert set(streams) == {7}


@pytest.mark.parametrize(("kind", "stream"), [(Cupy, 11), (Torch, 13)])
@pytest.mark.parametrize("with_bias", [False, True])
def test_results_are_of_the_callers_kind(
    kind: type[Standin], stream: int, with_bias: bool, libraries: dict[str, list[Any]]
) -> None:
    """On its current stream, with its own matrix product."""
    image, weights = IMAGE[0], np.ones((1, 1, 3, 6), np.float32)
    still = np.zeros((5, 6, 2), np.float32)
    bias = kind(np.arange(6, dtype=np.float32)) if with_bias else None
    result: Any = adapool.deformable_conv(kind(image), kind(weights), kind(still), bias=bias)
    expected = image.sum(-1, keepdims=True).repeat(6, -1) + (np.arange(6) if with_bias else 0)
    assert type(result) is kind
    np.testing.assert_array_equal(result.array, expected)
    assert libraries["products"] == [(30, 3)]
    assert set(libraries["streams"]) == {stream}


def test_networks_are_given_the_callers_kind(libraries: dict[str, list[Any]]) -> None:
    given: list[type] = []

    def network(rows: Any) -> Any:
        given.append(type(rows))
        return Cupy(np.full((1, 5, 6, 1), 2.0, np.float32))

    result = adapool.dynamic_pooling(Cupy(IMAGE[0]), network)
    assert given == [Cupy]
    expected = naive.dynamic_pooling(IMAGE[0], np.full((5, 6, 1), 2.0))
    np.testing.assert_array_equal(result.array, expected)


def test_networks_leave_results_where_they_were_given() -> None:
    with pytest.raises(TypeError, match="param_network must give an array on the device"):
        adapool.dynamic_pooling(Standin(IMAGE[0]), lambda rows: np.ones((1, 5, 6, 1)))
    with pytest.raises(TypeError, match="param_network must give an array in host memory"):
        adapool.dynamic_pooling(IMAGE[0], lambda rows: Standin(np.ones((1, 5, 6, 1))))


@pytest.mark.parametrize(
    ("array", "error", "words"),
    [
        (IMAGE[0].astype(">f4"), TypeError, "native byte order"),
        (IMAGE[0].astype(complex), TypeError, "booleans, integers or floats"),
        (IMAGE[:0], ValueError, "must not be empty"),
    ],
)
def test_arrays_that_no_kernel_takes(array: Array, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        adapool.max_pooling(Standin(array), 2)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # threads of the simulator are Python
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite(value: float) -> None:
    sizes = np.full((5, 6, 1), value, np.float32)
    with pytest.raises(ValueError, match="param_network must give finite values"):
        adapool.dynamic_pooling(Standin(IMAGE[0]), Standin(sizes))
    weights = np.ones((5, 6), np.float32)
    weights[4, 5] = value
    for options in ({}, {"stride": 1}, {"return_indices": True}):
        with pytest.raises(ValueError, match="attention_network must give finite values"):
            adapool.attention_pooling(Standin(IMAGE[0]), 2, Standin(weights), **options)
    offsets, mask = np.zeros((2, 5, 6, 2), np.float32), np.ones((5, 6, 1), np.float32)
    offsets[1, 2, 2] = value
    mask[2, 2] = value
    factors = Standin(np.ones(3, np.float32))
    with pytest.raises(ValueError, match="offset_network must give finite values"):
        adapool.deformable_conv(Standin(IMAGE[0]), factors, Standin(offsets[1]))
    with pytest.raises(ValueError, match="mask_network must give finite values"):
        adapool.deformable_conv(
            Standin(IMAGE[0]), factors, Standin(offsets[0]), mask_network=Standin(mask)
        )
