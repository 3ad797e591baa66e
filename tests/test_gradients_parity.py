"""Gradients against frameworks and finite differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from numpy.typing import NDArray

import adapool
from gradient_cases import normal, uniform, values_of
from test_parity import peer

Array = NDArray[Any]

FLOATS = ["float32", "float64"]


# Against frameworks -------------------------------------------------------------------------------


def tensor(torch: Any, array: Array | None) -> Any:
    return None if array is None else torch.tensor(np.ascontiguousarray(array), requires_grad=True)


@pytest.mark.parametrize("axes", [2, 3])
@pytest.mark.parametrize(("kernel", "stride", "dilation"), [(2, 2, 1), (3, 1, 1), (3, 2, 2)])
@pytest.mark.peers
def test_torch_max_pool(axes: int, kernel: int, stride: int, dilation: int) -> None:
    torch = peer("torch")
    rng = np.random.default_rng(axes)
    image = rng.normal(size=(2, 3, 9, 11, 8)[: axes + 2])
    given = tensor(torch, image)
    pool = torch.nn.functional.max_pool2d if axes == 2 else torch.nn.functional.max_pool3d
    pooled = pool(given, kernel, stride, 1, dilation)
    value, pullback = adapool.vjp(
        adapool.max_pooling, image, kernel, stride=stride, padding=1, dilation=dilation,
        channel_axis=1, batch_axis=0,
    )  # fmt: skip
    cotangent = rng.normal(size=value.shape)
    pooled.backward(torch.from_numpy(cotangent))
    assert_allclose(pullback(cotangent)["feature_map"], given.grad.numpy(), rtol=1e-12)


@pytest.mark.peers
def test_torch_product_with_weights() -> None:
    torch = peer("torch")
    rng = np.random.default_rng(1)
    image, weights = rng.normal(size=(2, 12, 10, 3)), rng.random((2, 12, 10, 3))
    x, w = tensor(torch, image), tensor(torch, weights)
    torch.nn.functional.max_pool2d((x * w).permute(0, 3, 1, 2), 3, 1).backward(
        torch.from_numpy(cotangent := rng.normal(size=(2, 3, 10, 8)))
    )
    _, pullback = adapool.vjp(adapool.attention_pooling, image, 3, weights, stride=1, batch_axis=0)
    gradients = pullback(np.moveaxis(cotangent, 1, -1))
    assert_allclose(gradients["feature_map"], x.grad.numpy(), rtol=1e-12)
    assert_allclose(gradients["attention_network"], w.grad.numpy(), rtol=1e-12)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(
    ("channels", "filters", "groups", "offset_groups", "stride", "dilation"),
    [(3, 5, 1, 1, 1, 1), (16, 6, 2, 2, 2, 1), (16, 7, 1, 2, 1, 2), (4, 4, 4, 2, 1, 1),
     (16, 16, 16, 1, 1, 1), (20, 24, 1, 1, 1, 1)],
)  # fmt: skip
@pytest.mark.peers
def test_torchvision_deform_conv2d(
    dtype: str, channels: int, filters: int, groups: int, offset_groups: int, stride: int,
    dilation: int,
) -> None:  # fmt: skip
    torch, ops = peer("torch"), peer("torchvision.ops")
    rng = np.random.default_rng(channels)

    def normal(*shape: int) -> Array:
        return rng.normal(size=shape).astype(dtype)

    image = normal(2, channels, 14, 17)
    weights = normal(filters, channels // groups, 3, 3)
    sites = [(n + 2 - 2 * dilation - 1) // stride + 1 for n in (14, 17)]
    # A sixteenth of a pixel is exact in float32 wherever it is: torchvision sums in float32.
    offsets = np.round(2 * normal(2, 18 * offset_groups, *sites) * 16) / 16 + np.float32(1 / 32)
    mask, bias = normal(2, 9 * offset_groups, *sites), normal(filters)
    tensors = [tensor(torch, a) for a in (image, offsets, weights, bias, mask)]
    x, o, w, b, m = tensors
    convolved = ops.deform_conv2d(x, o, w, b, stride, 1, dilation, m)
    value, pullback = adapool.vjp(
        adapool.deformable_conv, image, weights.transpose(2, 3, 1, 0), np.moveaxis(offsets, 1, -1),
        mask_network=np.moveaxis(mask, 1, -1), bias=bias, stride=stride, padding=1,
        dilation=dilation, groups=groups, offset_groups=offset_groups, channel_axis=1,
        batch_axis=0,
    )  # fmt: skip
    cotangent = normal(*value.shape)
    convolved.backward(torch.from_numpy(cotangent))
    back = [t.grad.numpy() for t in tensors]
    expected = {
        "feature_map": back[0],
        "offset_network": np.moveaxis(back[1], 1, -1),
        "conv_weights": back[2].transpose(2, 3, 1, 0),
        "bias": back[3],
        "mask_network": np.moveaxis(back[4], 1, -1),
    }
    gradients = pullback(cotangent)
    assert gradients.keys() == expected.keys()
    relative = 1e-5 if dtype == "float32" else 1e-13
    for name, wanted in expected.items():
        assert gradients[name].dtype == dtype
        assert_allclose(gradients[name], wanted, rtol=0, atol=relative * np.abs(wanted).max())


# Against finite differences -----------------------------------------------------------------------


def differences(function: Callable[[Array], Array], at: Array, cotangent: Array) -> Array:
    """The gradient of the product with the cotangent by central differences."""
    step = 1e-6
    found = np.zeros_like(at)
    for place in np.ndindex(at.shape):
        up, down = at.copy(), at.copy()
        up[place] += step
        down[place] -= step
        found[place] = ((function(up) - function(down)) * cotangent).sum() / (2 * step)
    return found


# Labels: some pixels belong to no region, and one region is in two pieces.
REGIONS = np.arange(56).reshape(7, 8) // 9 % 5


DIFFERENCES: dict[str, tuple[str, tuple[Any, ...], dict[str, Any]]] = {
    "attention": ("attention_pooling", (normal(6, 7, 2), 2, normal(6, 7)), {"stride": 1}),
    "attention in windows": (
        "attention_pooling", (normal(2, 5, 7, 3), 2, normal(1, 2, 3, 2, 2)), {"batch_axis": 0}
    ),
    "attention network": (
        "attention_pooling", (normal(5, 7, 3), 2, normal(6, 12)), {"network": True}
    ),
    "attention network with one row": (
        "attention_pooling", (normal(5, 7, 3), 2, normal(1, 4)), {"network": True}
    ),
    "sizes": (
        "dynamic_pooling", (normal(5, 6, 2), uniform(1, 4, 5, 6, 2)),
        {"fractional": True, "anchor": "center"},
    ),
    "sizes of volumes": (
        "dynamic_pooling", (normal(3, 4, 5, 1), uniform(1, 3, 3, 4, 5, 3)), {"fractional": True}
    ),
    "size for all": ("dynamic_pooling", (normal(6, 7, 2), np.array(2.3)), {"fractional": True}),
    "sizes from a network": (
        "dynamic_pooling", (normal(5, 6, 2), uniform(1, 4, 1, 5, 6, 1)),
        {"fractional": True, "network": True, "stride": 2},
    ),
    "sites": (
        "dynamic_stride_pooling", (normal(7, 8, 2), np.tile([3.0, 2.0, 2.0, 3.0], (7, 8, 1))), {}
    ),
    "regions, maxima": (
        "region_pooling", (normal(7, 8, 2), REGIONS), {"attention_network": uniform(1, 2, 7, 8)},
    ),
    "regions, minima": (
        "region_pooling", (normal(2, 7, 8, 2), np.stack([REGIONS, REGIONS])), {"reduction": "min"},
    ),
    "regions, means": (
        "region_pooling", (normal(7, 8, 2), REGIONS),
        {"reduction": "mean", "attention_network": uniform(1, 2, 7, 8, 2)},
    ),
    "regions, sums": (
        "region_pooling", (normal(7, 8, 2), REGIONS),
        {"reduction": "sum", "attention_network": uniform(1, 2, 7, 8)},
    ),
    "volume": (
        "deformable_conv",
        (normal(4, 5, 6, 2), normal(2, 3, 2, 2, 3), uniform(-1.9, 1.9, 3, 3, 5, 36)), {},
    ),
    "shared offsets": (
        "deformable_conv", (normal(6, 7, 3), normal(3, 3, 3, 2), uniform(-2, 2, 4, 5, 2)),
        {"max_offset": 1.3},
    ),
    "offsets from a network": (
        "deformable_conv", (normal(6, 7, 3), normal(3, 3, 3, 2), uniform(-2, 2, 1, 4, 5, 18)),
        {"network": True},
    ),
    "one product": (
        "deformable_conv", (normal(6, 7, 3), normal(3), uniform(-2, 2, 6, 7, 2)),
        {"interpolation": "linear"},
    ),
    "fused": (
        "deformable_conv_and_pool",
        (normal(9, 10, 3), normal(3, 3, 3, 4), uniform(-2, 2, 7, 8, 18), 2),
        {"mask_network": uniform(0, 1, 7, 8, 9), "bias": normal(4), "pool_stride": 1},
    ),
}  # fmt: skip

NAMES = {
    "attention_pooling": ("feature_map", None, "attention_network"),
    "dynamic_pooling": ("feature_map", "param_network"),
    "dynamic_stride_pooling": ("feature_map",),
    "region_pooling": ("feature_map",),
    "deformable_conv": ("feature_map", "conv_weights", "offset_network"),
    "deformable_conv_and_pool": ("feature_map", "conv_weights", "offset_network"),
}


@pytest.mark.parametrize("label", DIFFERENCES)
def test_finite_differences(label: str) -> None:
    name, arguments, options = DIFFERENCES[label]
    options = dict(options)
    network = options.pop("network", False)
    function = getattr(adapool, name)

    def called(*given: Any, **more: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if network:
            given = (*given[:-1], lambda _, answer=given[-1]: answer)
        return given, options | more

    def evaluate(*given: Any, **more: Any) -> Array:
        positional, keywords = called(*given, **more)
        return np.nan_to_num(values_of(function(*positional, **keywords)).astype(np.float64))

    positional, keywords = called(*arguments)
    value, pullback = adapool.vjp(function, *positional, **keywords)
    cotangent = normal(*values_of(value).shape)
    gradients = pullback(cotangent)
    checked = set()
    for place, argument in enumerate(NAMES[name]):
        if argument is None:
            continue

        def of_argument(array: Array, place: int = place) -> Array:
            return evaluate(*arguments[:place], array, *arguments[place + 1 :])

        wanted = differences(of_argument, arguments[place], cotangent)
        assert gradients[argument].shape == wanted.shape
        assert_allclose(gradients[argument], wanted, rtol=0, atol=1e-6, err_msg=argument)
        checked.add(argument)
    for argument in ("attention_network", "mask_network", "bias"):
        if argument in options:

            def of_option(array: Array, argument: str = argument) -> Array:
                return evaluate(*arguments, **{argument: array})

            wanted = differences(of_option, options[argument], cotangent)
            assert_allclose(gradients[argument], wanted, rtol=0, atol=1e-6, err_msg=argument)
            checked.add(argument)
    assert checked == gradients.keys()
