"""Layers: what they are at first, what they learn, how they are kept."""

from __future__ import annotations

import copy
import math
import shutil
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("torch", reason="adapool.torch needs the extra 'torch'")

import torch
from torch import Tensor, nn

import adapool.torch as bridge

pytestmark = pytest.mark.peers


def image(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randn(shape, generator=generator)


def labels(*shape: int) -> Tensor:
    return torch.arange(math.prod(shape)).reshape(shape) // 20 % 4


class Regions(nn.Module):
    """A layer of regions as a map, for the tests of all layers."""

    def __init__(self, ndim: int = 2, **options: Any) -> None:
        super().__init__()
        self.pool = bridge.RegionPool(3, ndim=ndim, **options)

    def forward(self, given: Tensor) -> Tensor:
        sites = self.pool(given, labels(len(given), *given.shape[2:]))
        return torch.stack([each.to_map() for each in sites]).nan_to_num()


LAYERS: dict[str, Callable[[int], nn.Module]] = {
    "attention": lambda ndim: bridge.AttentionPool(3, 2, ndim=ndim),
    "dynamic": lambda ndim: bridge.DynamicPool(3, 5, stride=2, ndim=ndim),
    "deformable": lambda ndim: bridge.DeformableConvPool(3, 4, 3, 2, padding=1, ndim=ndim),
    "modulated": lambda ndim: bridge.DeformableConvPool(
        3, 4, 3, 2, padding=1, modulated=True, bias=False, max_offset=3, ndim=ndim
    ),
    "regions": lambda ndim: Regions(ndim, reduction="mean"),
}  # fmt: skip


@pytest.mark.parametrize("ndim", [2, 3])
def test_attention_begins_as_max_pooling(ndim: int) -> None:
    given = image(2, 3, 6, 7, 8)[(..., 0) if ndim == 2 else ...]
    pool = bridge.AttentionPool(3, 3, stride=2, padding=1, ndim=ndim)
    plain = nn.functional.max_pool2d if ndim == 2 else nn.functional.max_pool3d
    torch.testing.assert_close(pool(given), plain(given, 3, 2, 1), rtol=0, atol=0)


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("modulated", [False, True])
def test_deformable_begins_as_convolution_and_pooling(ndim: int, modulated: bool) -> None:
    given = image(2, 4, 6, 7, 8)[(..., 0) if ndim == 2 else ...]
    pool = bridge.DeformableConvPool(
        4, 6, 3, 2, padding=1, groups=2, modulated=modulated, ndim=ndim
    )
    convolve = nn.functional.conv2d if ndim == 2 else nn.functional.conv3d
    plain = nn.functional.max_pool2d if ndim == 2 else nn.functional.max_pool3d
    expected = plain(convolve(given, pool.weight, pool.bias, padding=1, groups=2), 2)
    torch.testing.assert_close(pool(given), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("label", LAYERS)
@pytest.mark.parametrize("ndim", [2, 3])
def test_a_few_steps_lower_the_loss(label: str, ndim: int) -> None:
    torch.manual_seed(0)
    given = image(2, 3, 12, 14, 6)[(..., 0) if ndim == 2 else ...]
    layer = LAYERS[label](ndim)
    network = nn.Sequential(nn.BatchNorm2d(3) if ndim == 2 else nn.BatchNorm3d(3), layer)
    with torch.no_grad():
        wanted = network(given).abs() * 0.5 + 0.1
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    losses = []
    for _ in range(15):
        optimizer.zero_grad()
        loss = (network(given) - wanted).square().mean()
        loss.backward()
        losses.append(loss.item())
        optimizer.step()
    assert losses[-1] < 0.95 * losses[0]
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().max() > 0, name


def test_attention_learns_what_to_mistrust() -> None:
    torch.manual_seed(0)
    given = torch.rand(64, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    wanted = bridge.max_pooling(given, 4)
    given[..., ::4] += 2  # a column of each window is wrong
    pool = bridge.AttentionPool(1, 4)
    optimizer = torch.optim.Adam(pool.parameters(), lr=0.02)
    losses = []
    for _ in range(150):
        optimizer.zero_grad()
        loss = (pool(given) - wanted).square().mean()
        loss.backward()
        losses.append(loss.item())
        optimizer.step()
    assert losses[-1] < 0.02 * losses[0]


@pytest.mark.parametrize("label", LAYERS)
def test_layers_are_kept_and_copied(label: str, tmp_path: Any) -> None:
    torch.manual_seed(0)
    first, second = LAYERS[label](2), LAYERS[label](2)
    given = image(2, 3, 12, 14)
    with torch.no_grad():
        for parameter in first.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape))
    assert not torch.equal(first(given), second(given))
    torch.save(first.state_dict(), tmp_path / "layer.pt")
    second.load_state_dict(torch.load(tmp_path / "layer.pt", weights_only=True))
    assert torch.equal(first(given), second(given))
    assert torch.equal(copy.deepcopy(first)(given), first(given))
    assert first.double()(given.double()).dtype == torch.float64


@pytest.mark.parametrize("label", LAYERS)
def test_layers_compile_for_any_shape(label: str) -> None:
    torch._dynamo.reset()
    layer = LAYERS[label](2)
    with torch._dynamo.config.patch(capture_dynamic_output_shape_ops=True):
        compiled = torch.compile(layer, fullgraph=True, dynamic=True, backend="aot_eager")
        for shape in ((2, 3, 12, 14), (2, 3, 17, 11)):
            given = image(*shape)
            torch.testing.assert_close(compiled(given), layer(given))


@pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler here, which torch calls")
def test_compiled_code_takes_any_shape() -> None:
    """Of networks whose answers are not in C order: torch 2.14 compiles none that are views."""
    torch._dynamo.reset()
    layer = LAYERS["modulated"](2)
    compiled = torch.compile(layer, fullgraph=True, dynamic=True)
    for shape in ((2, 3, 12, 14), (1, 3, 17, 11)):
        given = image(*shape)
        found = []
        for call in (layer, compiled):
            layer.zero_grad()
            result = call(given)
            result.square().sum().backward()
            gradients = [parameter.grad.clone() for parameter in layer.parameters()]
            found.append([result.detach(), *gradients])
        for got, wanted in zip(*found, strict=True):
            torch.testing.assert_close(got, wanted)


@pytest.mark.parametrize("label", [label for label in LAYERS if label != "regions"])
def test_layers_are_exported(label: str) -> None:
    layer = LAYERS[label](2).eval()
    given = image(2, 3, 12, 14)
    program = torch.export.export(layer, (given,))
    torch.testing.assert_close(program.module()(given), layer(given))
    assert "torch.ops.adapool." in program.graph_module.code


def test_networks_of_ones_own() -> None:
    given = image(2, 3, 8, 8)
    trusting = bridge.AttentionPool(3, 2, lambda windows: torch.ones_like(windows))
    assert torch.equal(trusting(given), bridge.max_pooling(given, 2))
    network = nn.Sequential(nn.Conv2d(3, 2, 1), nn.Softplus())
    pool = bridge.DynamicPool(3, 7, network)
    pool(given).sum().backward()
    assert {name for name, _ in pool.named_parameters()} == {"network.0.weight", "network.0.bias"}
    still = bridge.DeformableConvPool(
        3, 2, 1, 2, lambda x: x.new_zeros(len(x), 2, *x.shape[2:]),
        mask_network=lambda x: x[:, :1] * 0 + 1,
    )  # fmt: skip
    plain = nn.functional.conv2d(given, still.weight, still.bias)
    torch.testing.assert_close(still(given), nn.functional.max_pool2d(plain, 2))


def test_regions_of_a_batch() -> None:
    given, numbers = image(2, 3, 8, 10), labels(2, 8, 10)
    pool = bridge.RegionPool(3, lambda x: torch.ones_like(x), reduction="sum")
    for sites, one, label in zip(pool(given, numbers), given, numbers, strict=True):
        assert sites.values.shape == (3, 3)
        for rank, number in enumerate((1, 2, 3)):
            torch.testing.assert_close(sites.values[rank], one[:, label == number].sum(1))
        assert sites.labels[label > 0].min() == 1


def test_repr_says_what_a_layer_does() -> None:
    assert "kernel_size=2, stride=None" in repr(bridge.AttentionPool(3, 2))
    assert "bounds=(1, 9)" in repr(bridge.DynamicPool(3, 9, stride=2))
    text = repr(bridge.DeformableConvPool(3, 8, (3, 5), 2, max_offset=2, modulated=True))
    assert "weight=(8, 3, 3, 5), pool_size=2" in text
    assert "max_offset=2" in text
    assert text.count("Convolutional") == 2
