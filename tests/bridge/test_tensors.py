"""Tensors and arrays are one memory; what cannot be computed on is refused; peers agree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="adapool.torch needs the extra 'torch'")

import torch
from torch import Tensor

import adapool
import adapool.torch as bridge
from adapool._checks import tensors
from adapool.estimators import ObjectRegions, ThicknessSizes, VarianceSizes
from adapool.torch._operators import OPERATORS, Operator
from adapool.torch._tensors import array_of, tensor_of
from test_import import loaded_after

pytestmark = pytest.mark.peers


def image(*shape: int, dtype: Any = torch.float32) -> Tensor:
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randn(shape, generator=generator).to(dtype)


def test_adapool_does_not_import_torch() -> None:
    code = "import numpy, adapool; adapool.vjp(adapool.max_pooling, numpy.eye(8), 4, "
    assert "torch" not in loaded_after(code + "channel_axis=None)")


def test_nothing_is_copied_on_the_way_in_and_out() -> None:
    given = image(2, 3, 8, 9)
    assert np.shares_memory(array_of("x", given), given.numpy())
    made = np.zeros(3)
    assert np.shares_memory(tensor_of(made).numpy(), made)
    # Channels last in memory is what kernels take, and what they make.
    last = given.contiguous(memory_format=torch.channels_last)
    shapes: Any = None
    options = "SymInt[] kernel_size, int channel_axis, int batch_axis"
    operator = Operator("max_pooling", "", options, shapes)
    call = operator.call((last, [2, 2], 1, 0))
    assert np.shares_memory(call.layout.canonical(call.image), last.numpy())
    pooled = bridge.max_pooling(given, 2)
    assert pooled.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("axes", [2, 3])
def test_max_pooling_is_that_of_torch(axes: int) -> None:
    ours, theirs = (image(*(2, 3, 7, 8, 6)[: axes + 2]).requires_grad_() for _ in range(2))
    plain = torch.nn.functional.max_pool2d if axes == 2 else torch.nn.functional.max_pool3d
    a, indices = bridge.max_pooling(
        ours, 3, stride=2, padding=1, ceil_mode=True, return_indices=True
    )
    b, wanted = plain(theirs, 3, 2, 1, ceil_mode=True, return_indices=True)
    assert torch.equal(a, b)
    assert torch.equal(indices, wanted)
    a.square().sum().backward()
    b.square().sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad)


def test_deformable_convolution_is_that_of_torchvision() -> None:
    ops = pytest.importorskip("torchvision.ops", reason="torchvision comes with the extra 'bench'")
    shapes = (2, 4, 7, 8), (6, 2, 3, 3), (2, 36, 7, 8), (2, 18, 7, 8), (6,)
    ours, theirs = ([image(*s, dtype=torch.float64).requires_grad_() for s in shapes] for _ in "ab")
    x, w, o, m, b = ours
    found = bridge.deformable_conv(
        x, w, o, mask_network=m, bias=b, padding=1, groups=2, offset_groups=2
    )
    x, w, o, m, b = theirs
    wanted = ops.deform_conv2d(x, o, w, b, padding=1, mask=m)
    torch.testing.assert_close(found, wanted)
    found.square().sum().backward()
    wanted.square().sum().backward()
    for got, expected in zip(ours, theirs, strict=True):
        torch.testing.assert_close(got.grad, expected.grad)


def test_indices_and_axes() -> None:
    given = image(8, 2, 9, 3)  # (row, batch, column, channel)
    pooled, where = bridge.max_pooling(given, 2, channel_axis=-1, batch_axis=1, return_indices=True)
    expected = adapool.max_pooling(given.numpy(), 2, batch_axis=1, return_indices=True)
    assert np.array_equal(pooled, expected[0])
    assert np.array_equal(where, expected[1])
    alone = bridge.max_pooling(given[:, 0, :, 0], 2, channel_axis=None, batch_axis=None)
    assert torch.equal(alone, pooled[:, 0, :, 0])


def test_estimators_are_asked_in_numpy() -> None:
    given = image(2, 1, 24, 30).abs()
    arrays = given.numpy()
    sizes = ThicknessSizes()
    assert np.array_equal(
        bridge.dynamic_pooling(given, sizes),
        adapool.dynamic_pooling(arrays, sizes, channel_axis=1, batch_axis=0),
    )
    regions, expected = (
        call(one, ObjectRegions(), channel_axis=0)
        for call, one in (
            (bridge.region_pooling, given[0]), (adapool.region_pooling, arrays[0]),
        )
    )  # fmt: skip
    assert np.array_equal(regions.values, expected.values)
    assert np.array_equal(regions.labels, expected.labels)
    strides = VarianceSizes().with_strides()
    assert np.array_equal(
        bridge.dynamic_stride_pooling(given[0], strides).values,
        adapool.dynamic_stride_pooling(arrays[0], strides, channel_axis=0).values,
    )

    class Half:
        def predict(self, windows: Any) -> Any:
            assert not windows.flags.writeable
            return np.full((len(windows), 4), 0.5)

    assert torch.equal(
        bridge.attention_pooling(given, 2, Half()), bridge.max_pooling(given, 2) * 0.5
    )


def test_dtypes() -> None:
    half = image(1, 2, 6, 6, dtype=torch.float16).requires_grad_()
    pooled = bridge.max_pooling(half, 2)
    assert pooled.dtype == torch.float16
    pooled.sum().backward()
    assert half.grad is not None
    assert half.grad.dtype == torch.float16
    single = image(1, 2, 6, 6).requires_grad_()
    double = image(1, 1, 6, 6, dtype=torch.float64).requires_grad_()
    product = bridge.attention_pooling(single, 2, double)
    assert product.dtype == torch.float64
    product.sum().backward()
    assert single.grad is not None
    assert double.grad is not None
    assert (single.grad.dtype, double.grad.dtype) == (torch.float32, torch.float64)
    for dtype in (torch.uint8, torch.uint16, torch.int64, torch.bool):
        whole = torch.arange(16).reshape(1, 1, 4, 4).to(dtype)
        assert bridge.max_pooling(whole, 2).dtype == dtype
    counts = torch.arange(16, dtype=torch.int32).reshape(1, 1, 4, 4)
    learned = torch.ones(1, 1, 4, 4, requires_grad=True)
    bridge.attention_pooling(counts, 2, learned).sum().backward()
    assert learned.grad is not None
    assert learned.grad.sum() == 5 + 7 + 13 + 15


def test_inference_mode() -> None:
    given = image(1, 2, 6, 6)
    with torch.inference_mode():
        pooled = bridge.max_pooling(given * 1, 2)
    assert torch.equal(pooled, bridge.max_pooling(given, 2))


def test_order_is_reported_as_torch_does() -> None:
    with pytest.raises(RuntimeError, match="has no deterministic gradients on a GPU"):
        tensors.any_order("max_pooling", False)
    with pytest.warns(UserWarning, match="has no deterministic gradients on a GPU"):
        tensors.any_order("max_pooling", True)


def test_meta_tensors_have_shapes() -> None:
    given = torch.empty(2, 3, 9, 11, device="meta")
    assert bridge.max_pooling(given, 2, ceil_mode=True).shape == (2, 3, 5, 6)
    offsets = torch.empty(2, 18, 9, 11, device="meta")
    weights = torch.empty(5, 3, 3, 3, device="meta")
    fused = bridge.deformable_conv_and_pool(given, weights, offsets, 3, padding=1)
    assert fused.shape == (2, 5, 3, 3)


# Of a wrong type.
one: Any = 1
half: Any = 2.5


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: bridge.max_pooling(np.ones((1, 1, 4, 4)), 2), TypeError,
         "feature_map must be a tensor of torch, got ndarray: pass torch.as_tensor"),
        (lambda: bridge.max_pooling(image(4, 4), 2), ValueError,
         "feature_map must have 2 or 3 spatial axes, got shape"),
        (lambda: bridge.region_pooling(image(2, 1, 1, 4, 4), image(4, 4)), ValueError,
         "call it for each image of a stack"),
        (lambda: bridge.max_pooling(image(1, 1, 4, 4), 0), ValueError,
         "kernel_size must be positive, got 0"),
        (lambda: bridge.max_pooling(image(1, 1, 4, 4), 5), ValueError,
         "kernel_size must fit into the image"),
        (lambda: bridge.max_pooling(image(1, 1, 4, 4), 2, padding=2), ValueError,
         "padding must be at most half the kernel size"),
        (lambda: bridge.max_pooling(image(1, 1, 4, 4), 2, ceil_mode=one), TypeError,
         "ceil_mode must be True or False"),
        (lambda: bridge.max_pooling(image(1, 1, 4, 4).bfloat16(), 2), TypeError,
         "got bfloat16, which NumPy lacks: pass feature_map.float"),
        (lambda: bridge.max_pooling(image(1, 1, 4, 4).to_sparse(), 2), TypeError,
         "feature_map must be dense, got a tensor of layout sparse_coo"),
        (lambda: bridge.max_pooling(image(1, 1, 4, 4).to(torch.complex64), 2), TypeError,
         "must hold booleans, integers or floats, got dtype complex64"),
        (lambda: bridge.attention_pooling(image(1, 3, 4, 4), 2, image(1, 2, 4, 4)), ValueError,
         "attention_network must give an array of shape"),
        (lambda: bridge.attention_pooling(image(1, 3, 4, 4), 2, lambda x: x[:, :5]), ValueError,
         r"attention_network must give a tensor of shape \(4, 4\) or \(4, 12\), got \(4, 5\)"),
        (lambda: bridge.attention_pooling(image(1, 3, 4, 4), 2, lambda x: x.numpy()[:, :4]),
         TypeError, "attention_network must be a tensor of torch, got ndarray"),
        (lambda: bridge.attention_pooling(image(1, 1, 4, 4), 2, image(1, 1, 4, 4) / 0), ValueError,
         "attention_network must give finite values"),
        (lambda: bridge.dynamic_pooling(image(1, 1, 4, 4), image(1, 1, 4, 4).requires_grad_()),
         ValueError, "param_network must not require grad, as there is none of it here: pass fra"),
        (lambda: bridge.dynamic_pooling(image(1, 1, 4, 4), 2.5, fractional=True,
                                        return_indices=True),
         ValueError, "return_indices must be False with fractional=True"),
        (lambda: bridge.dynamic_pooling(image(1, 1, 4, 4), image(4, 4)), ValueError,
         "param_network must have the axes of the feature map, of shape"),
        (lambda: bridge.dynamic_stride_pooling(image(1, 4, 4), image(4, 4, 4).requires_grad_()),
         ValueError, "param_network must not require grad"),
        (lambda: bridge.region_pooling(image(1, 4, 4), image(4, 4)), TypeError,
         "region_network must give integer labels, got dtype float32"),
        (lambda: bridge.region_pooling(image(1, 4, 4), torch.ones(4, 4, dtype=torch.int64),
                                       reduction="mean", return_indices=True),
         ValueError, "return_indices must be False for reduction='mean'"),
        (lambda: bridge.deformable_conv(image(1, 3, 4, 4), image(2, 2, 1, 1), [0.0, 0.0]),
         ValueError, "conv_weights"),
        (lambda: bridge.DynamicPool(1, 0), ValueError, "max_kernel_size must be positive"),
        (lambda: bridge.AttentionPool(1, half), TypeError, "kernel_size must be an integer"),
    ],
)  # fmt: skip
def test_wrong_calls(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_an_operator_that_kept_nothing_says_so() -> None:
    given = image(1, 1, 4, 4).requires_grad_()
    values, _, kept = OPERATORS["max_pooling"](
        given, [2, 2], None, [0, 0], [1, 1], False, 1, 0, False
    )
    assert kept == []
    with pytest.raises(RuntimeError, match="was called with keep=False, and so has no gradients"):
        values.sum().backward()


def test_tensors_of_another_device_are_refused() -> None:
    with pytest.raises(TypeError, match="must be on the CPU or on a CUDA GPU, got a tensor on xpu"):
        array_of("feature_map", Elsewhere())


class Elsewhere:
    """What a tensor says of itself that is on a device nobody has here."""

    device = torch.device("xpu")
