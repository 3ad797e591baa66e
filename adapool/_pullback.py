"""From a call to its value and its gradients: the way of `_run`, and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adapool._backends import as_given, check_places
from adapool._checks import gradients, predictions
from adapool._checks.places import is_dask
from adapool._kernels import kernels_of
from adapool._layout import as_dtype
from adapool._run import Call
from adapool.sites import Sites

Pullback = Callable[[Any], dict[str, Any]]


def linearized(call: Call) -> tuple[Any, Pullback]:
    """Run a call; return its result, and the function from cotangents to gradients."""
    plan, layout = call.plan, call.layout
    if is_dask(call.image):
        gradients.none_on_dask()
    predictions.no_network_halo(call.network_halo)
    image = layout.canonical(call.image)
    operands = [each and each.known(layout, image) for each in plan.operands]
    given = [each and each.canonical(each.source, layout.ndim) for each in operands]
    computed, pull = plan.vjp(kernels_of(call.image), image, *given)
    result = plan.restore(layout, computed)
    shape, dtype = _values(result).shape, gradient_dtype(plan.dtype)
    by_name = {each.name: each for each in operands if each is not None}

    def pullback(cotangent: Any) -> dict[str, Any]:
        check_places("feature_map", call.image, cotangent=cotangent)
        array = gradients.cotangent(cotangent, tuple(shape))
        # float16 is a dtype of results only.
        array = array.astype(np.result_type(dtype, np.float32), copy=False)
        found = pull(plan.cotangent(layout, array))
        given_as = {
            name: by_name[name].gradient(each) if name in by_name else each
            for name, each in found.items()
            if each is not None and name != "feature_map"
        }
        of_image = layout.restore(as_dtype(found["feature_map"], dtype))
        return {"feature_map": call.names.pooled(of_image)} | {
            name: as_given(as_dtype(each, dtype)) for name, each in given_as.items()
        }

    return call.restored(result), pullback


def gradient_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype of gradients of values of a dtype: a float."""
    return dtype if dtype.kind == "f" else np.result_type(dtype, np.float32)


def _values(result: Any) -> Any:
    """Return what of a result has a cotangent: values alone, without indices and places."""
    first = result[0] if isinstance(result, tuple) else result
    return first.values if isinstance(first, Sites) else first
