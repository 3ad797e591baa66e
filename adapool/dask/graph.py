"""Lazy arrays from slices: one task for each block of a result, on exactly the input it reads.

The slices come from the geometry of the windows. `dask.array.map_overlap` would not do: it knows no
strides, and it rechunks an array whose chunks are smaller than a halo, where here a block reads
from as many chunks as its halo reaches.
"""

from __future__ import annotations

import bisect
import itertools
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import dask.array as da
import numpy as np
from dask.core import flatten
from dask.highlevelgraph import HighLevelGraph

from adapool._backends import Array
from adapool._jit import serial_kernels
from adapool.dask.views import owner_of, side_by_side

Interval = tuple[int, int]
Index = tuple[int, ...]

# What a task runs: a job, called with the place of its block and the input of that block.
Job = Callable[..., Any]


@dataclass(frozen=True)
class Axis:
    """Which part of an axis of an operand each block reads.

    `follows` is the axis of the result that says which interval; None where there is only one.
    """

    follows: int | None
    intervals: Sequence[Interval]


@dataclass(frozen=True)
class Slices:
    """An array, and what each block reads of it."""

    array: Any
    axes: tuple[Axis, ...]


def blockwise(
    name: str,
    job: Job,
    chunks: tuple[tuple[int, ...], ...],
    place: Callable[[Index], Any],
    operands: Sequence[Slices],
    metas: Sequence[Any],
) -> Any:
    """Return the lazy arrays that a job gives, block by block: one, or a tuple of them.

    Parameters
    ----------
    name : str
        What the keys of the graph begin with.
    job : callable
        Called as ``job(place, *inputs)`` for each block; returns an array, or a tuple with one
        for each of `metas`.
    chunks : tuple of tuple of int
        Of the result.
    place : callable
        Given the index of a block, returns what its job is told of where the block is.
    operands : sequence of Slices
        Arrays of Dask.
    metas : sequence of array
        An empty array of the kind, dtype and number of axes of each result.
    """
    name = f"{name}-{uuid.uuid4().hex}"
    graph: dict[Any, Any] = {f"{name}-job": job}
    readers = [_Reader(f"{name}-cut{i}", operand, graph) for i, operand in enumerate(operands)]
    indices = list(itertools.product(*(range(len(sizes)) for sizes in chunks)))
    for index in indices:
        inputs = [reader.read(index) for reader in readers]
        graph[(name, *index)] = (_run, f"{name}-job", place(index), *inputs)
    arrays = [operand.array for operand in operands]
    if len(metas) == 1:
        return lazy_array(name, graph, chunks, metas[0], arrays)
    # The results of a task come as one tuple: a lazy array of tuples, that each result picks from.
    tuples = lazy_array(name, graph, chunks, np.empty(0, object), arrays)
    return tuple(
        lazy_array(
            f"{name}-{number}",
            {(f"{name}-{number}", *index): (_pick, (name, *index), number) for index in indices},
            chunks,
            kind,
            [tuples],
        )
        for number, kind in enumerate(metas)
    )


def lazy_array(
    name: str, tasks: dict[Any, Any], chunks: Any, kind: Array, inputs: Sequence[Any]
) -> Any:
    """Return the Dask array of tasks, those of its blocks under the keys ``(name, *index)``.

    Nothing else makes one from a graph: what Dask's array expressions will change is here.

    Parameters
    ----------
    kind : array
        An empty array of the kind and dtype of the blocks, with any number of axes.
    inputs : sequence of dask.array.Array
        What the tasks name.
    """
    like = np.empty_like(kind, shape=(0,) * len(chunks))
    if hasattr(da.Array, "expr"):
        return _expression(name, tasks, chunks, like, inputs)
    graph = HighLevelGraph.from_collections(name, tasks, dependencies=inputs)
    return da.Array(graph, name, chunks, meta=like)


def _expression(
    name: str, tasks: dict[Any, Any], chunks: Any, like: Array, inputs: Sequence[Any]
) -> Any:
    """Return the same where the user has switched on Dask's array expressions.

    They are experimental, have no public way to make an array from a graph, and take one in which
    everything is that tasks name.
    """
    from dask.array._array_expr._collection import from_graph

    graph = dict(itertools.chain(*(each.__dask_graph__().items() for each in inputs)))
    keys = [(name, *index) for index in itertools.product(*(range(len(n)) for n in chunks))]
    return from_graph(graph | tasks, like, chunks, keys, name)


def name_of_blocks(array: Any) -> str:
    """Return what the keys of blocks begin with; of an expression it is not the array's name."""
    first = next(flatten(array.__dask_keys__()))
    return str(first[0])


def _run(job: Job, place: Any, *inputs: Any) -> Any:
    # Dask brings the threads: kernels with threads of their own would fight them for the cores.
    with serial_kernels():
        return job(place, *inputs)


def _pick(results: tuple[Any, ...], number: int) -> Any:
    return results[number]


class _Reader:
    """Puts the tasks that cut an operand's chunks into a graph, each slice once."""

    def __init__(self, name: str, operand: Slices, graph: dict[Any, Any]) -> None:
        self._name = name
        self._chunks = name_of_blocks(operand.array)
        self._operand = operand
        self._graph = graph
        self._cuts: dict[Any, Any] = {}
        self._pieces = [
            [list(pieces_of(sizes, *interval)) for interval in axis.intervals]
            for sizes, axis in zip(operand.array.chunks, operand.axes, strict=True)
        ]

    def read(self, index: Index) -> Any:
        """Return the task that assembles what the block of this index reads."""
        along = [
            pieces[0 if axis.follows is None else index[axis.follows]]
            for pieces, axis in zip(self._pieces, self._operand.axes, strict=True)
        ]
        keys = [self._cut(pieces) for pieces in itertools.product(*along)]
        if len(keys) == 1:
            return keys[0]
        return (_assemble, keys, tuple(map(len, along)))

    def _cut(self, pieces: tuple[tuple[int, slice, bool], ...]) -> Any:
        chunk = (self._chunks, *(number for number, _, _ in pieces))
        if all(whole for _, _, whole in pieces):
            return chunk
        slices = tuple(part for _, part, _ in pieces)
        known = (chunk, tuple((part.start, part.stop) for part in slices))
        if known not in self._cuts:
            self._cuts[known] = (self._name, len(self._cuts))
            self._graph[self._cuts[known]] = (_slice, chunk, slices)
        return self._cuts[known]


def pieces_of(sizes: tuple[int, ...], start: int, stop: int) -> Iterator[tuple[int, slice, bool]]:
    """Yield the chunks that an interval meets: number, slice, and whether it is all of it."""
    ends = list(itertools.accumulate(sizes))
    for number in range(bisect.bisect_right(ends, start), len(sizes)):
        begin = ends[number] - sizes[number]
        if begin >= stop:
            break
        part = slice(max(start - begin, 0), min(stop - begin, sizes[number]))
        if part.start < part.stop:
            yield number, part, part == slice(0, sizes[number])


def _slice(chunk: Array, slices: tuple[slice, ...]) -> Array:
    part = chunk[slices]
    # A view of a few pixels would keep the whole chunk in memory. It may, where that chunk is only
    # a part of what is kept anyway.
    kept = 2 * part.size > chunk.size or owner_of(chunk).size >= 2 * chunk.size
    return part if kept else part.copy()


def _assemble(parts: list[Array], counts: tuple[int, ...]) -> Array:
    """Put slices side by side: `counts` of them along each axis, in raster order."""
    grid = np.arange(len(parts)).reshape(counts)
    lengths = [
        [parts[number].shape[axis] for number in np.moveaxis(grid, axis, 0).reshape(n, -1)[:, 0]]
        for axis, n in enumerate(counts)
    ]
    begins = [[0, *itertools.accumulate(sizes)] for sizes in lengths]
    shape = tuple(axis[-1] for axis in begins)
    places = [
        tuple(begins[axis][i] for axis, i in enumerate(index)) for index in np.ndindex(counts)
    ]
    view = side_by_side(parts, places, shape)
    if view is not None:
        return view
    whole = np.empty_like(parts[0], shape=shape, order="C")
    for part, place in zip(parts, places, strict=True):
        whole[tuple(slice(b, b + n) for b, n in zip(place, part.shape, strict=True))] = part
    return whole
