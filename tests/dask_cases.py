"""How an array becomes Dask's, at any chunking, and how a lazy result is held against another."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import dask
import dask.array as da
import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage as ndi

from compare import assert_same

Array = NDArray[Any]

few = settings(max_examples=25)


@st.composite
def chunkings(draw: st.DrawFn, shape: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """Uneven chunks along each axis, down to single elements, some of them empty."""
    chunks = []
    for length in shape:
        cuts = draw(st.lists(st.integers(0, length), max_size=min(length, 4)))
        bounds = [0, *sorted(cuts), length]
        chunks.append(tuple(int(n) for n in np.diff(bounds)))
    return tuple(chunks)


@st.composite
def chunked(draw: st.DrawFn, array: Array) -> Any:
    return da.from_array(array, chunks=draw(chunkings(array.shape)))


@st.composite
def perhaps_chunked(draw: st.DrawFn, operand: Any) -> Any:
    """An array as Dask's, or as it is; networks as they are."""
    if isinstance(operand, np.ndarray) and draw(st.booleans()):
        return draw(chunked(operand))
    return operand


@dataclass(frozen=True)
class Local:
    """A network of numbers per pixel that looks `reach` pixels far."""

    outputs: int
    reach: int
    least: int = 0
    dtype: str = "float32"

    def __call__(self, images: Array) -> Array:
        values = np.nan_to_num(images.astype(np.float64).max(axis=-1), posinf=9, neginf=-9)
        size = (1, *(2 * self.reach + 1 for _ in values.shape[1:]))
        near = ndi.maximum_filter(np.round(values) % 13, size, mode="nearest")
        answer = np.stack([(near + k) % 5 + self.least for k in range(self.outputs)], -1)
        return answer.astype(self.dtype)


def assert_lazily_same(lazy: Any, expected: Any) -> None:
    """Metadata that is right before anything is computed, and then the same result."""
    lazies, wanted = ((a,) if not isinstance(a, tuple) else a for a in (lazy, expected))
    assert len(lazies) == len(wanted)
    for array in lazies:
        assert isinstance(array, da.Array)
    for array, want, got in zip(
        lazies, wanted, dask.compute(*lazies, scheduler="synchronous"), strict=True
    ):
        assert array.dtype == want.dtype
        assert array.shape == want.shape
        assert_same(got, want)
    for array in lazies:
        blocks = dask.compute(*array.to_delayed().ravel(), scheduler="synchronous")
        assert [block.shape for block in blocks] == list(itertools.product(*array.chunks))
