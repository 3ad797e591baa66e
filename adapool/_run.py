"""From a plan to a result: in memory at once, or block by block for a Dask array."""

from __future__ import annotations

from typing import Any

from adapool._backends import Array
from adapool._checks import predictions
from adapool._checks.places import is_dask
from adapool._kernels import kernels_of
from adapool._layout import Layout
from adapool._plans.base import Plan


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
