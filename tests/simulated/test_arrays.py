"""Arrays of other libraries: strides, streams, kinds of results, and which side they are on.

The simulator's device memory is host memory, so that a stand-in with an interface over a NumPy
array is a device array here.
"""

from __future__ import annotations

import sys
import types
from typing import Any

import numpy as np
import pytest
from numba import cuda
from numpy.typing import NDArray

import adapool
import naive
from adapool.cuda.arrays import DeviceArray
from adapool.cuda.copying import merged

Array = NDArray[Any]


class Standin:
    """An array of a library that adapool does not know."""

    def __init__(self, array: Array, stream: int | None = None) -> None:
        self.array = array
        self.stream = stream

    def __iadd__(self, other: Standin) -> Standin:
        self.array += other.array
        return self

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        about = dict(self.array.__array_interface__)
        about.pop("descr")
        return about | {"version": 3, "stream": self.stream, "strides": self.array.strides}


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
    adapool.max_pooling(Standin(IMAGE[0], stream=7), 2)
    assert streams
    assert set(streams) == {7}


class Cupy(Standin):
    """What adapool uses of a CuPy array."""

    __module__ = "cupy"
    device = types.SimpleNamespace(id=0)


class Torch(Standin):
    """What adapool uses of a torch tensor."""

    __module__ = "torch"
    device = types.SimpleNamespace(index=0)


class _Nothing:
    def __init__(self, *_: Any) -> None: ...
    def __enter__(self) -> None: ...
    def __exit__(self, *_: Any) -> None: ...


def wrap(kind: type[Standin]) -> Any:
    """Return what makes an array of a library over memory that is there."""

    def over(described: Any, **_: Any) -> Standin:
        return described if isinstance(described, kind) else kind(_view(described))

    return over


def _view(described: Any) -> Array:
    about = dict(described.__cuda_array_interface__)
    holder = types.SimpleNamespace(__array_interface__=about, keep=described)
    return np.asarray(holder)


@pytest.fixture
def libraries(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Any]]:
    """Put stand-ins for CuPy and torch in place; they note their products."""
    noted: dict[str, list[Any]] = {"streams": [], "products": []}

    def product(left: Any, right: Any, out: Any) -> None:
        noted["products"].append(left.array.shape)
        out.array[...] = left.array @ right.array

    def product_with_bias(bias: Any, left: Any, right: Any, out: Any) -> None:
        product(left, right, out)
        out.array[...] += bias.array

    cupy: Any = types.ModuleType("cupy")
    cupy.cuda = types.SimpleNamespace(
        Device=_Nothing, get_current_stream=lambda: types.SimpleNamespace(ptr=11)
    )
    cupy.empty = lambda n, dtype: Cupy(np.empty(n, dtype))
    cupy.asarray = wrap(Cupy)
    cupy.matmul = product
    torch: Any = types.ModuleType("torch")
    torch.cuda = types.SimpleNamespace(
        current_stream=lambda device: types.SimpleNamespace(cuda_stream=13)
    )
    torch.uint8 = np.uint8
    torch.empty = lambda n, dtype, device: Torch(np.empty(n, dtype))
    torch.as_tensor = wrap(Torch)
    torch.mm, torch.addmm = product, product_with_bias
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    monkeypatch.setitem(sys.modules, "torch", torch)

    def external(handle: int) -> Any:
        noted["streams"].append(handle)
        return cuda.stream()

    monkeypatch.setattr(cuda, "external_stream", external)
    return noted


@pytest.mark.parametrize(("kind", "stream"), [(Cupy, 11), (Torch, 13)])
@pytest.mark.parametrize("with_bias", [False, True])
def test_results_are_of_the_callers_kind(
    kind: type[Standin], stream: int, with_bias: bool, libraries: dict[str, list[Any]]
) -> None:
    """On its current stream, with its own matrix product."""
    image, weights = IMAGE[0], np.ones((1, 1, 3, 2), np.float32)
    still = np.zeros((5, 6, 2), np.float32)
    bias = kind(np.array([1, 2], np.float32)) if with_bias else None
    result: Any = adapool.deformable_conv(kind(image), kind(weights), kind(still), bias=bias)
    expected = image.sum(-1, keepdims=True).repeat(2, -1) + ([1, 2] if with_bias else 0)
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
