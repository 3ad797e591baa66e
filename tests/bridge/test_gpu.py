"""adapool.torch on a GPU: equal to the CPU, forward and back. Skipped where torch finds none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("torch", reason="adapool.torch needs the extra 'torch'")

import torch
from torch import Tensor

import adapool.torch as bridge
from bridge.calls import TensorCase, few_cases
from compare import assert_same
from cuda_cases import Case

pytestmark = [
    pytest.mark.peers,
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU for torch here"),
]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("case", few_cases(), ids=lambda case: case.label)
def test_case(case: Case) -> None:
    for got, wanted in TensorCase(case, lambda tensor: tensor.cuda()).pairs():
        assert got.is_cuda
        assert_same(got.detach().cpu().numpy(), wanted)


def layers() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3, padding=1),
        bridge.AttentionPool(4, 2),
        bridge.DynamicPool(4, 5, stride=2),
        bridge.DeformableConvPool(4, 4, 3, 2, padding=1, modulated=True),
    )


def image(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


def close(on_device: Tensor, on_host: Tensor) -> None:
    torch.testing.assert_close(on_device.cpu(), on_host, rtol=1e-3, atol=1e-4)


@pytest.fixture
def exact_products() -> Iterator[None]:
    """Convolutions in float32, not in TF32, with which other values win."""
    with torch.backends.cudnn.flags(enabled=False):
        yield


@pytest.mark.usefixtures("exact_products")
def test_layers_give_what_they_give_on_the_cpu() -> None:
    host, device = layers(), layers().cuda()
    given = image(2, 1, 32, 48)
    here, there = host(given), device(given.cuda())
    assert there.is_cuda
    close(there, here)
    here.square().sum().backward()
    there.square().sum().backward()
    for on_device, on_host in zip(device.parameters(), host.parameters(), strict=True):
        assert on_device.grad is not None
        assert on_host.grad is not None
        close(on_device.grad, on_host.grad)


def test_training_and_precision() -> None:
    device = layers().cuda()
    optimizer = torch.optim.Adam(device.parameters(), lr=0.01)
    given = image(2, 1, 32, 48).cuda()
    losses = []
    for _ in range(10):
        optimizer.zero_grad()
        with torch.autocast("cuda", dtype=torch.float16):
            loss = (device(given).float() - 1).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


def test_layers_compile() -> None:
    device = layers().cuda()
    compiled = torch.compile(device, fullgraph=True, backend="aot_eager")
    given = image(2, 1, 32, 48).cuda()
    for shape in ((2, 1, 32, 48), (1, 1, 40, 40)):
        given = image(*shape).cuda()
        torch.testing.assert_close(compiled(given), device(given))
        compiled(given).sum().backward()


def test_work_is_on_the_current_stream() -> None:
    given = image(2, 3, 700, 900).cuda()
    expected = torch.nn.functional.max_pool2d(host := (given.cpu() * 2 + 1).requires_grad_(), 3, 1)
    expected.square().sum().backward()
    assert host.grad is not None
    torch.cuda.synchronize()
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        later = (given * 2 + 1).requires_grad_()
        result = bridge.max_pooling(later, 3, stride=1)
        result.square().sum().backward()
    stream.synchronize()
    assert later.grad is not None
    assert torch.equal(result.cpu(), expected)
    close(later.grad, host.grad)


def test_order_that_is_asked_for() -> None:
    given = image(1, 1, 8, 8).cuda().requires_grad_()
    torch.use_deterministic_algorithms(True)
    try:
        pooled = bridge.max_pooling(given, 2)
        with pytest.raises(RuntimeError, match="has no deterministic gradients on a GPU"):
            pooled.sum().backward()
    finally:
        torch.use_deterministic_algorithms(False)


def test_tensors_in_two_places_are_refused() -> None:
    given = image(1, 1, 8, 8)
    with pytest.raises(TypeError, match="arrays must be all on the device or all in host memory"):
        bridge.attention_pooling(given.cuda(), 2, given)

    class Estimator:
        def predict(self, batch: object) -> object:
            return batch

    with pytest.raises(TypeError, match="must be a module or a function of tensors"):
        bridge.dynamic_pooling(given.cuda(), Estimator())
