"""The CUDA backend on a GPU, with arrays of each library. Skipped where there is no driver."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from numba import cuda
from numpy.typing import NDArray

import adapool
from compare import SITES_FIELDS, assert_same
from cuda_cases import Case, cases

Array = NDArray[Any]

if not cuda.is_available():
    pytest.skip("no CUDA driver here: the simulator runs the same cases", allow_module_level=True)

pytestmark = pytest.mark.gpu


class Library(NamedTuple):
    """How arrays get into a library, out of it, and what they are there."""

    send: Callable[[Array], Any]
    fetch: Callable[[Any], Array]
    kind: Any


@pytest.fixture(params=["cupy", "torch", "numba"])
def library(request: pytest.FixtureRequest) -> Library:
    if request.param == "cupy":
        cupy = pytest.importorskip("cupy")
        return Library(cupy.asarray, cupy.asnumpy, cupy.ndarray)
    if request.param == "torch":
        torch = pytest.importorskip("torch")
        return Library(
            lambda array: torch.from_numpy(np.ascontiguousarray(array)).cuda(),
            lambda tensor: tensor.cpu().numpy(),
            torch.Tensor,
        )
    return Library(cuda.to_device, lambda array: array.copy_to_host(), type(cuda.to_device([1])))


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.label)
def test_case(case: Case, library: Library) -> None:
    actual, expected = (
        list(result) if isinstance(result, tuple) else [result]
        for result in (case.actual(library.send, library.fetch), case.expected())
    )
    if isinstance(actual[0], adapool.Sites):
        sites, wanted_sites = actual.pop(0), expected.pop(0)
        for name in SITES_FIELDS:
            assert_same(library.fetch(getattr(sites, name)), getattr(wanted_sites, name))
        assert_same(library.fetch(sites.to_map()), wanted_sites.to_map())
    for got, wanted in zip(actual, expected, strict=True):
        assert isinstance(got, library.kind)
        assert_same(library.fetch(got), wanted)


def large(*shape: int) -> Array:
    return np.random.default_rng(0).random(shape, np.float32)


def test_large_images_give_what_the_cpu_gives(library: Library) -> None:
    image, rng = large(1000, 1300, 3), np.random.default_rng(1)
    weights = large(1000, 1300)
    sizes = rng.integers(0, 66, (1000, 1300, 2)).astype(np.float32)
    strides = np.concatenate([sizes, rng.integers(1, 30, sizes.shape)], -1).astype(np.float32)
    send, fetch = library.send, library.fetch
    assert_same(
        fetch(adapool.max_pooling(send(image), 5, stride=1)),
        adapool.max_pooling(image, 5, stride=1),
    )
    assert_same(
        fetch(adapool.attention_pooling(send(image), 5, send(weights), stride=2)),
        adapool.attention_pooling(image, 5, weights, stride=2),
    )
    for got, wanted in zip(
        adapool.dynamic_pooling(send(image), send(sizes), return_indices=True),
        adapool.dynamic_pooling(image, sizes, return_indices=True),
        strict=True,
    ):
        assert_same(fetch(got), wanted)
    actual = adapool.dynamic_stride_pooling(send(image), send(strides))
    assert_same(fetch(actual.values), adapool.dynamic_stride_pooling(image, strides).values)
    labels = rng.integers(0, 99, (20, 26)).repeat(50, axis=0).repeat(50, axis=1)
    regions = adapool.region_pooling(send(image), send(labels))
    for name in SITES_FIELDS:
        wanted = getattr(adapool.region_pooling(image, labels), name)
        assert_same(fetch(getattr(regions, name)), wanted)


@pytest.mark.parametrize("depthwise", [False, True])
def test_large_convolutions_give_what_the_cpu_gives(library: Library, depthwise: bool) -> None:
    image, rng = large(300, 400, 16), np.random.default_rng(2)
    weights = rng.normal(size=(3, 3, 1 if depthwise else 16, 16)).astype(np.float32)
    offsets = rng.normal(0, 3, (300, 400, 18)).astype(np.float32)
    mask = rng.random((300, 400, 9), np.float32)
    send = library.send
    options: dict[str, Any] = {"padding": 1, "groups": 16 if depthwise else 1}
    actual = adapool.deformable_conv(
        send(image), send(weights), send(offsets), mask_network=send(mask), **options
    )
    expected = adapool.deformable_conv(image, weights, offsets, mask_network=mask, **options)
    np.testing.assert_allclose(library.fetch(actual), expected, rtol=0, atol=1e-3)


def test_more_rows_and_planes_than_a_grid_has() -> None:
    for shape in ((200_000, 3, 1), (70_000, 2, 2, 1)):
        image = large(*shape)
        result = adapool.max_pooling(cuda.to_device(image), 2, stride=1)
        assert_same(result.copy_to_host(), adapool.max_pooling(image, 2, stride=1))


def test_more_elements_than_32_bits_count() -> None:
    image = np.zeros((46_500, 46_500), np.uint8)
    image[-1, -1] = image[0, 0] = 7
    pooled, where = adapool.max_pooling(
        cuda.to_device(image), 500, channel_axis=None, return_indices=True
    )
    assert int(pooled.copy_to_host()[-1, -1]) == 7
    assert int(where.copy_to_host()[-1, -1]) == image.size - 1


def test_work_is_on_the_callers_stream() -> None:
    cupy = pytest.importorskip("cupy")
    image = large(2000, 2000)
    expected = adapool.max_pooling(image, 7, stride=1, channel_axis=None)
    stream = cupy.cuda.Stream(non_blocking=True)
    with stream:
        result = adapool.max_pooling(cupy.asarray(image), 7, stride=1, channel_axis=None)
    stream.synchronize()
    assert_same(cupy.asnumpy(result), expected)


def test_torch_results_follow_torch_kernels() -> None:
    torch = pytest.importorskip("torch")
    image = torch.rand(1500, 1500, device="cuda")
    with torch.cuda.stream(torch.cuda.Stream()):
        later = image * 2 + 1
        result = adapool.max_pooling(later, 3, stride=1, channel_axis=None) - 1
    torch.cuda.synchronize()
    expected = torch.nn.functional.max_pool2d(image[None, None], 3, 1)[0, 0]
    torch.testing.assert_close(result, expected * 2 + 1 - 1)


def test_operands_on_another_stream_are_waited_for() -> None:
    """One that a long copy is still filling when the call is made."""
    image, weights = large(4000, 4000), large(4000, 4000)
    first, second = cuda.stream(), cuda.stream()
    staged = cuda.to_device(weights)
    operand = cuda.device_array_like(weights)
    sent = cuda.to_device(image).bind(first)
    cuda.synchronize()
    for _ in range(50):
        operand.copy_to_device(staged, stream=second)
    result = adapool.attention_pooling(sent, 3, operand.bind(second), stride=1, channel_axis=None)
    assert result.__cuda_array_interface__["stream"] == int(first)
    first.synchronize()
    expected = adapool.attention_pooling(image, 3, weights, stride=1, channel_axis=None)
    assert_same(result.copy_to_host(), expected)


def test_arrays_on_another_gpu_than_the_current_one() -> None:
    if len(cuda.gpus) < 2:
        pytest.skip("one GPU here")
    image = large(300, 400)
    with cuda.gpus[1]:
        sent = cuda.to_device(image)
    result = adapool.max_pooling(sent, 3, stride=1, channel_axis=None)
    assert_same(result.copy_to_host(), adapool.max_pooling(image, 3, stride=1, channel_axis=None))
