"""From a plan to a result: in memory at once, or block by block for a Dask array."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, ParamSpec

from adapool._backends import Array
from adapool._checks import predictions, words
from adapool._checks.places import is_dask
from adapool._kernels import kernels_of
from adapool._layout import Layout
from adapool._named import Names
from adapool._plans.base import Plan

P = ParamSpec("P")


class Call(NamedTuple):
    """A call of a public function whose arguments have been checked: all that is left is to run it.

    Attributes
    ----------
    plan : Plan
    layout : Layout
    image : array
        The feature map, as it was given.
    names : Names
        Of its axes.
    restored : callable
        Gives the result of `run` the names that the caller is to find on it.
    network_halo : int or sequence of int
    """

    plan: Plan
    layout: Layout
    image: Array
    names: Names
    restored: Callable[[Any], Any]
    network_halo: Any = 0


def public(other: Mapping[str, str]) -> Callable[[Callable[P, Any]], Callable[P, Any]]:
    """Make of a function that checks its arguments, and returns a `Call`, one that runs it.

    What was decorated stays within reach as ``.prepared``: :func:`adapool.vjp` runs the same call
    in another way. `other` are keywords of other libraries, which are refused.
    """

    def decorate(function: Callable[P, Any]) -> Callable[P, Any]:
        @functools.wraps(function)
        def called(*args: P.args, **kwargs: P.kwargs) -> Any:
            words.refuse(function, other, kwargs)
            call = function(*args, **kwargs)
            return call.restored(run(call.plan, call.layout, call.image, call.network_halo))

        called.prepared = words.other_words(other)(function)  # type: ignore[attr-defined]
        return called

    return decorate


def run(plan: Plan, layout: Layout, image: Array, network_halo: Any = 0) -> Any:
    """Run a plan on an image with this layout; return what the caller gets."""
    if is_dask(image):
        from adapool import dask  # imported here and not before

        return dask.run(plan, layout, image, network_halo)
    predictions.no_network_halo(network_halo)
    canonical = layout.canonical(image)
    operands = [
        None if operand is None else operand.in_memory(layout, canonical)
        for operand in plan.operands
    ]
    computed = plan.compute(kernels_of(image), canonical, *operands)
    return plan.restore(layout, computed)
