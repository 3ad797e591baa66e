"""What a backend computes: the functions that the package of each kind of array has."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import Any, Protocol, cast

import numpy as np

from adapool._backends import Array, Pooled, Triple, backend_of
from adapool._convolution import ConvGradients, ConvKernel, ConvWanted, Sampling
from adapool._regions import Measured
from adapool._weights import AttentionWeights, WindowWeights
from adapool._windows import Windows


class Kernels(Protocol):
    """What a backend computes, on canonical arrays.

    Attributes
    ----------
    TRUNCATES_ANY_SUM : bool
        Whether "truncate" can add base and offset in float16, with bases counted in the whole
        image for a block of it. Otherwise `as_summed` changes the offsets beforehand.
    """

    TRUNCATES_ANY_SUM: bool

    def max_pooling(self, image: Array, geometry: Windows, with_indices: bool) -> Pooled: ...

    def gather_windows(self, image: Array, geometry: Windows, first: int, n: int) -> Array: ...

    def attention_pooling(
        self,
        image: Array,
        weights: Iterable[AttentionWeights],
        geometry: Windows,
        dtype: np.dtype[Any],
        with_indices: bool,
        into: Pooled | None = None,
    ) -> Pooled: ...

    def dynamic_pooling(
        self,
        image: Array,
        sizes: Array,
        columns: Triple,
        limits: Triple,
        centered: bool,
        stride: Triple,
        with_indices: bool,
    ) -> Pooled: ...

    def ellipse_pooling(
        self,
        image: Array,
        sizes: Array,
        columns: Triple,
        most: Triple,
        turned: bool,
        stride: Triple,
        with_indices: bool,
    ) -> Pooled: ...

    def find_sites(
        self, params: Array, limits: tuple[int, ...]
    ) -> tuple[Array, Array, Array, Array]: ...

    def pool_sites(
        self,
        image: Array,
        positions: Array,
        sizes: Array,
        columns: Triple,
        centered: bool,
        with_indices: bool = False,
    ) -> Pooled: ...

    def find_regions(self, labels: Array) -> tuple[Array, Array]: ...

    def renumber_regions(self, owner: Array, ranks: Array) -> Array: ...

    def repeat_owners(self, owner: Array, channels: int) -> Array: ...

    def pool_regions(
        self,
        image: Array,
        weights: Array | None,
        owner: Array,
        count: int,
        reduction: str,
        product: np.dtype[Any],
    ) -> Measured: ...

    def middle_pixels(self, owner: Array, measured: Measured) -> Array: ...

    def deformable_conv(
        self,
        image: Array,
        kernel: ConvKernel,
        windows: Windows,
        sampling: Sampling,
        dtype: np.dtype[Any],
    ) -> Array: ...

    def deformable_conv_and_pool(
        self,
        image: Array,
        kernel: ConvKernel,
        windows: Windows,
        sampling: Sampling,
        dtype: np.dtype[Any],
        pool: Windows,
        with_indices: bool,
    ) -> Pooled: ...

    # --- gradients ------------------------------------------------------------------------------

    def zeros(self, like: Array, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array: ...

    def scatter_winners(
        self,
        values: Array,
        winners: Array,
        target: Triple,
        windows: Windows | None = None,
        *,
        onto: Array | None = None,
    ) -> Array: ...

    def times_winners(self, values: Array, source: Array, winners: Array) -> Array: ...

    def times(self, values: Array, factors: Array) -> Array: ...

    def winning_taps(self, winners: Array, windows: Windows, rows: int) -> Array: ...

    def pick_weights(
        self,
        weights: WindowWeights,
        winners: Array,
        windows: Windows,
        dtype: np.dtype[Any],
        picked: Array | None,
    ) -> Array: ...

    def corner_sizes(self, params: Array, limits: tuple[int, ...], corner: int) -> Array: ...

    def add_corner(
        self,
        maxima: Array,
        params: Array,
        limits: tuple[int, ...],
        corner: int,
        stride: Triple,
        dtype: np.dtype[Any],
        total: Array | None,
    ) -> Array: ...

    def pull_corner(
        self,
        cotangent: Array,
        image: Array,
        winners: Array,
        params: Array,
        limits: tuple[int, ...],
        corner: int,
        stride: Triple,
        of_params: Array | None,
    ) -> tuple[Array, Array]: ...

    def deformable_vjp(
        self,
        image: Array,
        kernel: ConvKernel,
        windows: Windows,
        sampling: Sampling,
        dtype: np.dtype[Any],
        cotangent: Array,
        pool: tuple[Windows, Array | None] | None,
        wanted: ConvWanted,
    ) -> ConvGradients: ...


def kernels_of(array: Any) -> Kernels:
    """Return the kernels for an array, imported when first asked for."""
    return cast(Kernels, importlib.import_module(backend_of(array).package))
