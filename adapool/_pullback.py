"""From a call to its value and its gradients: the way of `_run`, and back."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np

from adapool._backends import Array, as_given, check_places
from adapool._checks import gradients, predictions
from adapool._checks.places import is_dask
from adapool._kernels import Kernels, kernels_of
from adapool._layout import as_dtype
from adapool._plans.base import Kept, PooledGrid
from adapool._plans.operands import Operand
from adapool._run import Call, run
from adapool.sites import Sites


class Pullback(Protocol):
    """What carries a cotangent back."""

    def __call__(self, cotangent: Any, wanted: Collection[str] | None = None) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Linear:
    """A call whose networks have answered, on canonical arrays: it is run, and carried back.

    Attributes
    ----------
    call : Call
    kernels : Kernels
    image : array
    operands : tuple of Operand or None
        With the arrays that networks gave.
    given : tuple of array or None
        Those, as the plan takes them.
    """

    call: Call
    kernels: Kernels
    image: Array
    operands: tuple[Operand | None, ...]
    given: tuple[Any, ...]

    @classmethod
    def of(cls, call: Call) -> Self:
        """Ask the networks."""
        predictions.no_network_halo(call.network_halo)
        layout = call.layout
        image = layout.canonical(call.image)
        operands = tuple(each and each.known(layout, image) for each in call.plan.operands)
        given = tuple(each and each.canonical(each.source, layout.ndim) for each in operands)
        return cls(call, kernels_of(call.image), image, operands, given)

    def forward(self) -> tuple[Any, Kept]:
        """Return the result in the layout of the image, and what `backward` needs of it."""
        computed, kept = self.call.plan.forward(self.kernels, self.image, *self.given)
        return self.call.plan.restore(self.call.layout, computed), kept

    def backward(self, kept: Kept, cotangent: Array, wanted: Collection[str]) -> dict[str, Any]:
        """Return the gradients that are wanted, each in the shape of what was given."""
        plan, layout, dtype = self.call.plan, self.call.layout, gradient_dtype(self.call.plan.dtype)
        # float16 is a dtype of results only.
        array = cotangent.astype(np.result_type(dtype, np.float32), copy=False)
        canonical = plan.cotangent(layout, array)
        found = plan.backward(self.kernels, kept, canonical, wanted, self.image, *self.given)
        sources = {each.name: each for each in self.operands if each is not None}
        result = {}
        for name in wanted:
            each = as_dtype(found[name], dtype)
            if name == "feature_map":
                result[name] = layout.restore(each)
            else:
                # What a network gave for windows has the shape that it gave already.
                result[name] = as_given(sources[name].gradient(each) if name in sources else each)
        return result


def linearized(call: Call) -> tuple[Any, Pullback]:
    """Run a call; return its result, and the function from cotangents to gradients."""
    if is_dask(call.image):
        return _lazily(call)
    linear = Linear.of(call)
    result, kept = linear.forward()
    shape = tuple(_values(result).shape)
    names = call.plan.differentiable

    def pullback(cotangent: Any, wanted: Collection[str] | None = None) -> dict[str, Any]:
        check_places("feature_map", call.image, cotangent=cotangent)
        asked = names if wanted is None else gradients.wanted(wanted, names)
        found = linear.backward(kept, gradients.cotangent(cotangent, shape), asked)
        if "feature_map" in found:
            found["feature_map"] = call.names.pooled(found["feature_map"])
        return found

    return call.restored(result), pullback


def _lazily(call: Call) -> tuple[Any, Pullback]:
    """Do the same on a Dask array, where blocks can be pulled back each for itself."""
    from adapool import dask  # imported here and not before

    plan: Any = call.plan
    layout, image = call.layout, call.image
    asks = getattr(plan, "network", None) is not None
    networks = [each.name for each in plan.operands if each is not None and each.predicts]
    networks += ["attention_network"] * asks
    gradients.local_on_dask(isinstance(plan, PooledGrid), networks)
    result = run(plan, layout, image, call.network_halo)
    dtype = gradient_dtype(plan.dtype)
    shape = tuple(_values(result).shape)

    def pullback(cotangent: Any, wanted: Collection[str] | None = None) -> dict[str, Any]:
        check_places("feature_map", image, cotangent=cotangent)
        asked = plan.differentiable if wanted is None else wanted
        asked = gradients.wanted(asked, plan.differentiable)
        array = gradients.cotangent(cotangent, shape)
        array = array.astype(np.result_type(dtype, np.float32), copy=False)
        found = dask.gradients(plan, layout, image, array, asked, dtype)
        if "feature_map" in found:
            found["feature_map"] = call.names.pooled(found["feature_map"])
        return found

    return call.restored(result), pullback


def gradient_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype of gradients of values of a dtype: a float."""
    return dtype if dtype.kind == "f" else np.result_type(dtype, np.float32)


def _values(result: Any) -> Any:
    """Return what of a result has a cotangent: values alone, without indices and places."""
    first = result[0] if isinstance(result, tuple) else result
    return first.values if isinstance(first, Sites) else first
