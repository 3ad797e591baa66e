"""What torch asks of an operator: gradients, compilers, transforms, precision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("torch", reason="adapool.torch needs the extra 'torch'")

import torch
from torch import Tensor

import adapool.torch as bridge
from adapool.torch._operators import OPERATORS

pytestmark = pytest.mark.peers


def normal(*shape: int, learned: bool = True) -> Tensor:
    generator = torch.Generator().manual_seed(len(shape) + sum(shape))
    values = torch.randn(shape, dtype=torch.float64, generator=generator)
    return values.requires_grad_(learned)


def uniform(low: float, high: float, *shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(len(shape) + sum(shape))
    values = torch.rand(shape, dtype=torch.float64, generator=generator)
    return (low + (high - low) * values).requires_grad_()


LABELS = torch.arange(56).reshape(7, 8) // 9 % 5
PARAMS = torch.tensor([3.0, 2, 2, 3])

# A function of tensors that are learned, and them.
CASES: dict[str, tuple[Callable[..., Any], tuple[Tensor, ...]]] = {
    "max": (lambda x: bridge.max_pooling(x, 2), (normal(2, 3, 6, 7),)),
    "max of volumes": (
        lambda x: bridge.max_pooling(x, 2, stride=1, padding=1), (normal(1, 2, 3, 4, 5),)
    ),
    "attention per pixel": (
        lambda x, w: bridge.attention_pooling(x, 3, w, stride=1, padding=1),
        (normal(2, 3, 5, 6), normal(2, 1, 5, 6)),
    ),
    "attention per window": (
        lambda x, w: bridge.attention_pooling(x, 2, w),
        (normal(2, 3, 5, 6), normal(2, 3, 2, 3, 2, 2)),
    ),
    "attention network": (
        lambda x, w: bridge.attention_pooling(x, 2, lambda a: torch.tanh(a @ w), ceil_mode=True),
        (normal(2, 3, 5, 6), normal(12, 4)),
    ),
    "dynamic": (
        lambda x: bridge.dynamic_pooling(x, 3, anchor="center", stride=2), (normal(2, 2, 5, 6),)
    ),
    "ellipses": (
        lambda x: bridge.dynamic_pooling(x, (5, 3, 0.4), footprint="ellipse"),
        (normal(2, 2, 5, 6),),
    ),
    "fractional": (
        lambda x, s: bridge.dynamic_pooling(x, s, fractional=True, anchor="center"),
        (normal(2, 2, 5, 6), uniform(1.1, 3.9, 2, 2, 5, 6)),
    ),
    "one size": (
        lambda x, s: bridge.dynamic_pooling(x, s, fractional=True),
        (normal(2, 2, 5, 6), torch.tensor(2.3, dtype=torch.float64, requires_grad=True)),
    ),
    "sites": (
        lambda x: bridge.dynamic_stride_pooling(x, PARAMS).values, (normal(2, 7, 8),)
    ),
    "regions": (
        lambda x, w: bridge.region_pooling(x, LABELS, attention_network=w).values,
        (normal(2, 7, 8), normal(1, 7, 8)),
    ),
    "means of regions": (
        lambda x, w: bridge.region_pooling(
            x, LABELS, attention_network=w, reduction="mean"
        ).to_map().nan_to_num(),
        (normal(2, 7, 8), normal(2, 7, 8)),
    ),
    "deformable": (
        lambda x, w, o, m, b: bridge.deformable_conv(
            x, w, o, mask_network=m, bias=b, padding=1, offset_groups=2
        ),
        (normal(2, 4, 5, 6), normal(3, 4, 3, 3), uniform(-1.9, 1.9, 2, 36, 5, 6),
         uniform(0, 1, 2, 18, 5, 6), normal(3)),
    ),
    "deformable in volumes": (
        lambda x, w, o: bridge.deformable_conv(x, w, o, groups=2),
        (normal(1, 4, 3, 4, 5), normal(2, 2, 1, 2, 2), uniform(-1.4, 1.4, 1, 12, 3, 3, 4)),
    ),
    "fused": (
        lambda x, w, o: bridge.deformable_conv_and_pool(x, w, o, 2, pool_stride=1),
        (normal(2, 3, 6, 7), normal(2, 3, 2, 2), uniform(-1.4, 1.4, 2, 8, 5, 6)),
    ),
    "one product": (
        lambda x, w, o: bridge.deformable_conv(x, w, o, interpolation="linear"),
        (normal(2, 3, 4, 5), normal(3), uniform(-1.4, 1.4, 2, 2, 4, 5)),
    ),
}  # fmt: skip

# How many values come out, nobody knows beforehand.
UNKNOWN = ("sites", "regions")


def copies(tensors: tuple[Tensor, ...], **options: Any) -> list[Tensor]:
    return [t.detach().clone().to(**options).requires_grad_() for t in tensors]


@pytest.mark.parametrize("label", CASES)
def test_gradcheck(label: str) -> None:
    function, tensors = CASES[label]
    assert torch.autograd.gradcheck(function, tensors)


@pytest.mark.parametrize("label", CASES)
def test_gradients_of_gradients_are_refused(label: str) -> None:
    function, tensors = CASES[label]
    gradients = torch.autograd.grad(function(*tensors).sum(), tensors, create_graph=True)
    total = sum(each.sum() for each in gradients)
    with pytest.raises(NotImplementedError, match="has no gradients of gradients"):
        total.backward()


@pytest.mark.parametrize("label", CASES)
def test_gradients_come_for_whatever_requires_them(label: str) -> None:
    function, tensors = CASES[label]
    function(*(every := copies(tensors))).square().sum().backward()
    for place in range(len(tensors)):
        alone = [t.requires_grad_(i == place) for i, t in enumerate(copies(tensors))]
        function(*alone).square().sum().backward()
        for i, tensor in enumerate(alone):
            if i == place:
                torch.testing.assert_close(tensor.grad, every[i].grad)
            else:
                assert tensor.grad is None
    with torch.no_grad():
        assert not function(*copies(tensors)).requires_grad


@pytest.mark.parametrize("label", CASES)
@pytest.mark.parametrize("dynamic", [False, True])
def test_compile(label: str, dynamic: bool) -> None:
    function, tensors = CASES[label]
    torch._dynamo.reset()
    config = torch._dynamo.config
    unknown = label.endswith("regions") or label in UNKNOWN
    with config.patch(capture_dynamic_output_shape_ops=unknown):
        compiled = torch.compile(function, fullgraph=True, dynamic=dynamic, backend="aot_eager")
        for options in ({}, {"dtype": torch.float32}):
            eager, ours = copies(tensors, **options), copies(tensors, **options)
            function(*eager).square().sum().backward()
            compiled(*ours).square().sum().backward()
            for got, wanted in zip(ours, eager, strict=True):
                torch.testing.assert_close(got.grad, wanted.grad)


def recorded(label: str) -> list[tuple[Any, tuple[Any, ...]]]:
    """The operators that a case calls, and what they are given."""
    calls = []
    operators = OPERATORS

    def spied(name: str) -> Callable[..., Any]:
        def call(*values: Any) -> Any:
            calls.append((operators[name], values))
            return operators[name](*values)

        return call

    spies = {name: spied(name) for name in operators}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bridge._arguments, "OPERATORS", spies)
        function, tensors = CASES[label]
        function(*tensors)
    return calls


# It looks at gradients of what it has made itself.
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning")
@pytest.mark.parametrize("label", CASES)
def test_opcheck(label: str) -> None:
    [(operator, values)] = recorded(label)
    for keep in (True, False):
        given = [
            v.detach().requires_grad_(keep and v.requires_grad) if isinstance(v, Tensor) else v
            for v in values[:-1]
        ]
        torch.library.opcheck(operator, (*given, keep))


@pytest.mark.parametrize("label", CASES)
def test_vmap_is_refused(label: str) -> None:
    function, tensors = CASES[label]
    stacked = [torch.stack([t, t]).detach() for t in tensors]
    with pytest.raises(NotImplementedError, match=r"cannot be called inside torch\.vmap"):
        torch.vmap(function)(*stacked)


# torch itself calls it, when it first makes such a tensor.
@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:FutureWarning")
@pytest.mark.parametrize("label", CASES)
def test_forward_mode_is_refused(label: str) -> None:
    function, tensors = CASES[label]
    given = tuple(t.detach() for t in tensors)
    with pytest.raises(NotImplementedError, match="has no derivatives in forward mode"):
        torch.func.jvp(function, given, given)
    with torch.autograd.forward_ad.dual_level():
        dual = [torch.autograd.forward_ad.make_dual(t, t) for t in given]
        with pytest.raises(NotImplementedError, match="has no derivatives in forward mode"):
            function(*dual)


@pytest.mark.parametrize("label", CASES)
def test_strides_do_not_matter(label: str) -> None:
    function, tensors = CASES[label]
    plain, apart = copies(tensors), []
    for t in copies(tensors):
        wide = torch.zeros([2 * n for n in t.shape], dtype=t.dtype)
        view = wide[tuple(slice(1, None, 2) for _ in t.shape)]
        view.copy_(t.detach())
        apart.append(view.requires_grad_())
    before = [t.detach().clone() for t in apart]
    a, b = function(*plain), function(*apart)
    torch.testing.assert_close(a, b, rtol=0, atol=0)
    # A gradient that is one number, repeated.
    a.sum().backward()
    b.sum().backward()
    for got, wanted, given in zip(apart, plain, before, strict=True):
        torch.testing.assert_close(got.grad, wanted.grad, rtol=0, atol=0)
        assert torch.equal(got, given)


@pytest.mark.parametrize("label", CASES)
def test_autocast_computes_in_float32(label: str) -> None:
    function, tensors = CASES[label]
    single = copies(tensors, dtype=torch.float32)
    function(*single).sum().backward()
    for dtype in (torch.bfloat16, torch.float16):
        # What a layer before it gives under autocast.
        half = copies(tensors, dtype=dtype)
        with torch.autocast("cpu", dtype=dtype):
            result = function(*half)
        assert result.dtype == torch.float32
        result.sum().backward()
        for got, wanted in zip(half, single, strict=True):
            assert got.grad.dtype == dtype
            assert torch.isfinite(got.grad).all()
            assert got.grad.shape == wanted.grad.shape
