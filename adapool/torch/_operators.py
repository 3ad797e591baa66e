"""One table of operators: `torch.library` is told of each how to run, what comes out, and back.

An operator has the arguments of its function, tensors first, and in the layout of adapool: what
networks gave has its values last. It returns the pooled values, where sites are, and what the way
back needs, which it makes only if `keep` is true.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.library import custom_op

import adapool
from adapool._backends import as_given, plain
from adapool._checks import gradients
from adapool._checks import tensors as checks
from adapool._checks.arguments import real_array
from adapool._pullback import Linear
from adapool._run import Call, run
from adapool.sites import Sites
from adapool.torch import _shapes
from adapool.torch._tensors import Axes, array_of, tensor_of

# Values, where sites are, what is kept for the way back.
Outputs = tuple[Tensor, list[Tensor], list[Tensor]]

_AXES = "int? channel_axis, int? batch_axis"
_GRID = "SymInt[] stride, SymInt[] padding, SymInt[] dilation"
_WINDOWS = f"SymInt[] kernel_size, {_GRID.replace('[] stride', '[]? stride')}, bool ceil_mode"
_FACTORS = "Tensor conv_weights, Tensor offset_network, Tensor? mask_network, Tensor? bias"
_SAMPLING = "int groups, int offset_groups, str? interpolation, float[]? max_offset"
_POOL = "SymInt[] kernel_size, SymInt[]? pool_stride, SymInt[] pool_padding, bool ceil_mode"


@dataclass(frozen=True)
class Operator:
    """A function of adapool as an operator of torch.

    Attributes
    ----------
    name : str
    tensors, options : str
        Its arguments after the feature map, as `torch.library` writes them.
    shapes : callable
        Gives empty outputs, from the arguments by name.
    places : tuple of str
        Fields of `Sites` that come out beside the values.
    """

    name: str
    tensors: str
    options: str
    shapes: Callable[..., Outputs]
    places: tuple[str, ...] = ()

    @cached_property
    def schema(self) -> str:
        """The arguments, but for those that only an operator has."""
        return ", ".join(filter(None, ("Tensor feature_map", self.tensors, self.options)))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Of the arguments."""
        return tuple(each.split()[-1] for each in self.schema.split(", "))

    @cached_property
    def count(self) -> int:
        """Number of arguments that are tensors."""
        return self.schema.count("Tensor")

    def call(self, values: Sequence[Any]) -> Call:
        """Check arguments, tensors as arrays."""
        named = {
            name: array_of(name, value) if isinstance(value, Tensor) else value
            for name, value in zip(self.names, values, strict=True)
        }
        call: Call = getattr(adapool, self.name).prepared(**named)
        return call

    def wanted(self, flags: Sequence[bool]) -> list[str]:
        """Return the names of the tensors whose flags are set."""
        return [name for name, flag in zip(self.names, flags, strict=False) if flag]

    # What torch is told, in the order in which it asks.

    def fake(self, *values: Any) -> Outputs:
        """Return what comes out, without its values."""
        *given, keep = values
        return self.shapes(keep, **dict(zip(self.names, given, strict=True)))

    def forward(self, *values: Any) -> Outputs:
        """Compute."""
        *given, keep = values
        call = self.call(given)
        result, kept = (
            Linear.of(call).forward()
            if keep
            else (run(call.plan, call.layout, call.image, call.network_halo), ())
        )
        places = [tensor_of(getattr(result, field)) for field in self.places]
        pooled = result.values if isinstance(result, Sites) else result
        arrays = [each for each in kept if hasattr(each, "dtype")]
        return tensor_of(pooled), places, [tensor_of(as_given(each)) for each in arrays]

    def save(self, ctx: Any, inputs: Sequence[Any], output: Outputs) -> None:
        """Keep what the way back needs."""
        ctx.save_for_backward(*inputs[: self.count], *output[2])
        ctx.options, ctx.keeps = inputs[self.count : -1], inputs[-1]

    def fake_back(self, cotangent: Tensor, kept: Any, wanted: Any, *values: Any) -> list[Tensor]:
        """Return gradients without their values."""
        given = dict(zip(self.names, values, strict=True))
        found = []
        for name in self.wanted(wanted):
            tensor = given[name]
            if name == "feature_map":
                axes = Axes.of(tensor, given["channel_axis"], given.get("batch_axis"))
                shape = axes.canonical(axes.spatial, axes.channels)
                found.append(axes.restored(tensor.new_empty(shape)))
            else:
                found.append(tensor.new_empty(tensor.shape))
        return found

    def back(self, cotangent: Tensor, kept: Any, wanted: Any, *values: Any) -> list[Tensor]:
        """Return the gradients of the tensors that are wanted."""
        if cotangent.is_cuda and torch.are_deterministic_algorithms_enabled():
            checks.any_order(self.name, torch.is_deterministic_algorithms_warn_only_enabled())
        linear = Linear.of(self.call(values))
        names = gradients.wanted(self.wanted(wanted), linear.call.plan.differentiable)
        found = linear.backward(
            tuple(plain(array_of("kept", each)) for each in kept),
            real_array("cotangent", array_of("cotangent", cotangent)),
            names,
        )
        given = dict(zip(self.names, values, strict=True))
        return [tensor_of(found[name]).to(given[name].dtype) for name in names]

    def register(self) -> Any:
        """Define the operator and the one for its way back; return the first."""
        forward = custom_op(
            f"adapool::{self.name}", self.forward, mutates_args=(),
            schema=f"({self.schema}, bool keep) -> (Tensor, Tensor[], Tensor[])",
        )  # fmt: skip
        back = custom_op(
            f"adapool::{self.name}_backward", self.back, mutates_args=(),
            schema=f"(Tensor cotangent, Tensor[] kept, bool[] wanted, {self.schema}) -> Tensor[]",
        )  # fmt: skip
        forward.register_fake(self.fake)
        back.register_fake(self.fake_back)

        def carry_back(ctx: Any, of_values: Tensor, *_: Any) -> tuple[Any, ...]:
            checks.kept(self.name, ctx.keeps)
            saved = ctx.saved_tensors
            wanted = list(ctx.needs_input_grad[: self.count])
            tensors, kept = saved[: self.count], list(saved[self.count :])
            found = iter(back(of_values, kept, wanted, *tensors, *ctx.options))
            return *(next(found) if want else None for want in wanted), *[None] * (
                len(ctx.options) + 1
            )

        forward.register_autograd(carry_back, setup_context=self.save)
        back.register_autograd(lambda ctx, *_: checks.not_twice(self.name))
        for operator in (forward, back):
            operator.register_vmap(lambda *_: checks.no_vmap(self.name))
            for device in ("cpu", "cuda"):
                operator.register_autocast(device, torch.float32)
        return forward


OPERATORS = {
    each.name: each.register()
    for each in (
        Operator("max_pooling", "", f"{_WINDOWS}, {_AXES}", _shapes.max_pooling),
        Operator(
            "attention_pooling", "Tensor attention_network", f"{_WINDOWS}, {_AXES}",
            _shapes.attention_pooling,
        ),
        Operator(
            "dynamic_pooling", "Tensor param_network",
            "SymInt[] stride, SymInt[]? max_kernel_size, str? anchor, str footprint, "
            f"bool fractional, {_AXES}",
            _shapes.dynamic_pooling,
        ),
        Operator(
            "dynamic_stride_pooling", "Tensor param_network",
            "SymInt[]? max_kernel_size, str anchor, int? channel_axis",
            _shapes.dynamic_stride_pooling,
            ("positions", "sizes", "strides", "owner"),
        ),
        Operator(
            "region_pooling", "Tensor region_network, Tensor? attention_network",
            "str reduction, int? channel_axis",
            _shapes.region_pooling,
            ("positions", "sizes"),
        ),
        Operator(
            "deformable_conv", _FACTORS, f"{_GRID}, {_SAMPLING}, {_AXES}", _shapes.deformable_conv
        ),
        Operator(
            "deformable_conv_and_pool", _FACTORS, f"{_POOL}, {_GRID}, {_SAMPLING}, {_AXES}",
            _shapes.deformable_conv_and_pool,
        ),
    )
}  # fmt: skip
