"""From a plan to a lazy result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from adapool._backends import Array, Triple
from adapool._checks import arguments
from adapool._kernels import kernels_of
from adapool._layout import Layout, to_triple
from adapool._plans.base import (
    Box,
    GridPlan,
    Interval,
    begin_of,
    lengths_of,
    whole_of,
    within,
)
from adapool._plans.regions import RegionsPlan
from adapool._plans.sites import SitesPlan
from adapool._windows import in_whole
from adapool.dask.blocks import Blocks, meta
from adapool.dask.graph import Slices, blockwise
from adapool.dask.operands import operand_of_block, seen_by
from adapool.dask.regions import run_regions
from adapool.dask.sites import run_sites
from adapool.dask.views import in_place


def run(plan: Any, layout: Layout, image: Any, network_halo: Any) -> Any:
    """Run a plan on a Dask array; return lazy arrays."""
    halo = to_triple(arguments.integers("network_halo", network_halo, layout.ndim, least=0), 0)
    if isinstance(plan, SitesPlan):
        return run_sites(plan, layout, image, halo)
    if isinstance(plan, RegionsPlan):
        return run_regions(plan, layout, image, halo)
    return run_grid(plan, layout, image, halo)


def run_grid(plan: GridPlan, layout: Layout, image: Any, halo: Triple) -> Any:
    """Run a plan whose result is a regular grid: a task for each chunk of it."""
    blocks, inputs = inputs_of(plan, layout, image, halo)
    filters = None if plan.filters is None else (plan.filters,)
    metas = [meta(image, plan.dtype), meta(image, np.dtype(np.int64))][: 1 + plan.with_indices]
    job = _Job(plan.without_arrays(), layout, halo)
    return blockwise(plan.name, job, blocks.chunks(filters), blocks.box, inputs, metas)


def inputs_of(
    plan: GridPlan, layout: Layout, image: Any, halo: Triple
) -> tuple[Blocks, list[Slices]]:
    """Return how a grid is cut, and what its blocks read of the image and of operands in arrays."""
    blocks = Blocks.of(image, layout, plan.outputs, plan.step, plan.splits_channels)

    def along(axis: int, interval: Interval) -> GridPlan:
        # What is read along an axis does not depend on where a block is along the others.
        plane, row, column = (interval if i == axis else (0, 1) for i in range(3))
        return plan.block((plane, row, column))

    def reach(axis: int, start: int, stop: int) -> Interval:
        return seen_by(along(axis, (start, stop)), layout.volume, halo)[axis]

    operands = [blocks.image(image, blocks.reach(reach))]
    for number, operand in enumerate(plan.operands):
        if operand is None or operand.predicts:
            continue
        if operand.box is None:
            operands.append(blocks.whole(operand.source))
            continue

        def points(axis: int, start: int, stop: int, number: int = number) -> Interval:
            wanted = along(axis, (start, stop)).operands[number]
            assert wanted is not None
            assert wanted.box is not None
            return wanted.box[axis]

        operands.append(blocks.points(operand, blocks.reach(points)))
    return blocks, operands


@dataclass(frozen=True)
class _Job:
    """What a task does with the part of the image that its block sees."""

    plan: GridPlan
    layout: Layout
    halo: Triple

    def __call__(self, box: Box, image: Array, *given: Array) -> Any:
        plan, (image, *arrays) = in_place(self.plan.block(box), self.layout, [image, *given])
        seen = seen_by(plan, self.layout.volume, self.halo)
        rest = iter(arrays)
        operands = [
            operand and operand_of_block(operand, self.layout, self.halo, image, seen, rest)
            for operand in plan.operands
        ]
        part = self.layout.crop(image, within(plan.reads, seen))
        layout = self.layout.of_block(part.shape)
        canonical = layout.canonical(part)
        computed = plan.compute(kernels_of(canonical), canonical, *operands)
        result = plan.restore(layout, computed)
        kept = within(plan.kept, whole_of((0, 0, 0)))
        if not plan.with_indices:
            return layout.crop(result, kept)
        values, indices = (layout.crop(array, kept) for array in result)
        ours, whole = plan.indexed, lengths_of(self.plan.indexed)
        return values, in_whole(indices, lengths_of(ours), begin_of(ours), whole)
