"""Gradients on Dask arrays: each block pulls its part of a cotangent back, and parts are added up.

A block computes its values again, keeps what the way back needs inside of its task, and gives the
gradients of exactly what it has read. An element of an input may be read by several blocks: a chunk
of a gradient is the sum of what they give, in the order of the blocks.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adapool._backends import Array, as_given
from adapool._kernels import kernels_of
from adapool._layout import Layout, as_dtype
from adapool._plans.base import Box, GridPlan, whole_of, within
from adapool._plans.operands import Operand
from adapool.dask.blocks import as_lazy
from adapool.dask.graph import Axis, Slices, blockwise, lazy_array, name_of_blocks, pieces_of
from adapool.dask.operands import operand_of_block
from adapool.dask.run import inputs_of

Part = tuple[slice, ...]


def gradients(
    plan: GridPlan, layout: Layout, image: Any, cotangent: Any, wanted: Collection[str],
    dtype: np.dtype[Any],
) -> dict[str, Any]:  # fmt: skip
    """Return lazy gradients, of a dtype, of a plan all of whose operands are arrays."""
    blocks, inputs = inputs_of(plan, layout, image, (0, 0, 0))
    filters = None if plan.filters is None else (plan.filters,)
    chunks = blocks.chunks(filters)
    given = Slices(
        as_lazy(cotangent, image._meta),
        tuple(Axis(axis, _intervals(sizes)) for axis, sizes in enumerate(chunks)),
    )
    operands = {each.name: each for each in plan.operands if each is not None}
    targets = dict(zip(["feature_map", *operands], inputs, strict=True))
    names = tuple(wanted)
    job = _Job(plan.without_arrays(), layout, names, dtype)
    tuples = blockwise(
        f"{plan.name}-pull", job, chunks, blocks.box, [given, *inputs], [np.empty(0, object)]
    )
    found = {}
    for number, name in enumerate(names):
        array = _summed(f"{plan.name}-{name}", tuples, number, targets[name], image._meta, dtype)
        operand = operands.get(name)
        found[name] = array if operand is None else _as_given(array, operand)
    return found


def _intervals(sizes: Sequence[int]) -> list[tuple[int, int]]:
    return list(itertools.pairwise([0, *itertools.accumulate(sizes)]))


def _as_given(array: Any, operand: Operand) -> Any:
    """Bring a lazy gradient to the shape that an operand was given in."""
    if operand.given is None or operand.given == array.shape:
        return array
    if np.prod(operand.given, dtype=int) != array.size:
        # Given for one point, and taken for all.
        points = tuple(range(array.ndim - 1))
        array = array.sum(axis=points, dtype=np.float64).astype(array.dtype)
    return array[(0,) * (array.ndim - len(operand.given))]


@dataclass(frozen=True)
class _Job:
    """What a task does with its part of the cotangent, and of the inputs."""

    plan: GridPlan
    layout: Layout
    names: tuple[str, ...]
    dtype: np.dtype[Any]

    def __call__(self, box: Box, cotangent: Array, image: Array, *given: Array) -> Any:
        plan, layout = self.plan.block(box), self.layout.of_block(image.shape)
        canonical = layout.canonical(image)
        rest = iter(given)
        operands = [
            each and operand_of_block(each, self.layout, (0, 0, 0), image, plan.reads, rest)
            for each in plan.operands
        ]
        kernels = kernels_of(canonical)
        (values, _), kept = plan.forward(kernels, canonical, *operands)
        whole = self._around(plan, cotangent, values.shape[1:4])
        found = plan.backward(
            kernels, kept, plan.cotangent(self.layout, whole), self.names, canonical, *operands
        )
        sources = [each for each in plan.operands if each is not None]
        shapes = {each.name: array.shape for each, array in zip(sources, given, strict=True)}
        named = {each.name: each for each in sources}

        def in_form(name: str) -> Array:
            array = as_dtype(found[name], self.dtype)
            if name == "feature_map":
                restored: Array = layout.restore(array)
                return restored
            part: Array = _unframed(named[name], as_given(array)).reshape(shapes[name])
            return part

        return tuple(in_form(name) for name in self.names)

    def _around(self, plan: GridPlan, cotangent: Array, grid: tuple[int, ...]) -> Array:
        """Put zeros around a cotangent, for what is computed and is not a part of the block."""
        shape = list(cotangent.shape)
        for axis, length in zip(self.layout.spatial_axes, grid[-self.layout.ndim :], strict=True):
            shape[axis] = length
        if tuple(shape) == cotangent.shape:
            return cotangent
        whole = np.zeros_like(cotangent, shape=tuple(shape))
        self.layout.crop(whole, within(plan.kept, whole_of((0, 0, 0))))[...] = cotangent
        return whole


def _unframed(operand: Operand, gradient: Any) -> Any:
    """Cut the gradient of a framed operand to its points."""
    if operand.frame is None or operand.frame == operand.box:
        return gradient
    assert operand.box is not None
    return gradient[:, *within(operand.box, operand.frame)]


# --- what blocks give, added up -----------------------------------------------------------------


def _summed(
    name: str, tuples: Any, number: int, target: Slices, kind: Array, dtype: np.dtype[Any]
) -> Any:
    """Return the lazy sum of the parts that blocks give of an array: the adjoint of slicing it.

    `tuples` are what the blocks give, of which the one with this number is meant.
    """
    name = f"{name}-{name_of_blocks(tuples).rpartition('-')[2]}"
    like = np.empty_like(kind, shape=(0,) * target.array.ndim, dtype=dtype)
    along = [
        list(_contributions(sizes, axis))
        for sizes, axis in zip(target.array.chunks, target.axes, strict=True)
    ]
    tasks = {}
    for index in np.ndindex(*(len(chunks) for chunks in along)):
        shape = tuple(target.array.chunks[a][c] for a, c in enumerate(index))
        keys, places = [], []
        for choice in itertools.product(*(along[a][c] for a, c in enumerate(index))):
            source, into = (tuple(each[i] for each in choice) for i in (1, 2))
            chosen = {
                axis.follows: each[0]
                for axis, each in zip(target.axes, choice, strict=True)
                if axis.follows is not None
            }
            blocks = (
                [chosen[axis]] if axis in chosen else range(n)
                for axis, n in enumerate(tuples.numblocks)
            )
            for block in itertools.product(*blocks):
                keys.append((name_of_blocks(tuples), *block))
                places.append((source, into))
        tasks[(name, *index)] = (_Sum(like, shape, number, tuple(places)), keys)
    return lazy_array(name, tasks, target.array.chunks, like, [tuples])


def _contributions(sizes: tuple[int, ...], axis: Axis) -> Iterator[list[tuple[int, slice, slice]]]:
    """Yield for each chunk of an axis what blocks read of it: block, slice of that, of itself."""
    begins = [0, *itertools.accumulate(sizes)]
    found: list[list[tuple[int, slice, slice]]] = [[] for _ in sizes]
    for block, (start, stop) in enumerate(axis.intervals):
        for chunk, part, _ in pieces_of(sizes, start, stop):
            first = begins[chunk] + part.start - start
            source = slice(first, first + part.stop - part.start)
            found[chunk].append((block, source, part))
    yield from found


@dataclass(frozen=True, eq=False)
class _Sum:
    """A chunk of a gradient: parts of what blocks give, added where they are."""

    like: Array
    shape: tuple[int, ...]
    number: int
    places: tuple[tuple[Part, Part], ...]

    def __call__(self, given: Sequence[tuple[Array, ...]]) -> Array:
        total = np.zeros_like(self.like, shape=self.shape)
        for found, (source, into) in zip(given, self.places, strict=True):
            total[into] += found[self.number][source]
        return total
