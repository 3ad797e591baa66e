"""Windows of one size: the maximum, and the maximum of value times weight."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from adapool._backends import Array, Pooled, Triple
from adapool._checks import predictions
from adapool._kernels import Kernels
from adapool._layout import Layout
from adapool._networks import attention_form, counted_dtype, is_network
from adapool._plans.base import (
    Gradients,
    Kept,
    PooledGrid,
    begin_of,
    box_of,
    lengths_of,
    whole_of,
)
from adapool._plans.operands import Box, Operand, Weights
from adapool._plans.weights import weights_of_network
from adapool._weights import AttentionWeights, PixelWeights, WindowWeights
from adapool._windows import Windows


@dataclass(frozen=True)
class FixedPlan(PooledGrid):
    """Windows of one size, and what follows from where they are."""

    windows: Windows

    filters = None

    @property
    def reads_windows_alone(self) -> bool:
        """Whether nothing is read but the values, and the weights, in windows."""
        return True

    @property
    def outputs(self) -> Triple:
        """Shape of the output grid."""
        return self.windows.outputs

    @property
    def step(self) -> Triple:
        """Pixels between windows."""
        return self.windows.stride

    @property
    def reads(self) -> Box:
        """What the windows reach."""
        return box_of(self.windows.begin, self.windows.volume)

    @property
    def kept(self) -> Box:
        """All that is computed."""
        return box_of((0, 0, 0), self.windows.outputs)

    @property
    def indexed(self) -> Box:
        """Indices refer to the image."""
        return self.reads

    def _to_image(self, kernels: Kernels, image: Array, values: Array, winners: Array) -> Array:
        """Add values to the pixels that won, each its own."""
        target = len(image), self.windows.pixels, image.shape[-1]
        return kernels.scatter_winners(values, winners, target, self.windows).reshape(image.shape)


@dataclass(frozen=True)
class MaxPlan(FixedPlan):
    """The maximum over windows of one size."""

    name = "max-pooling"
    splits_channels = True
    operands = ()
    differentiable = ("feature_map",)

    def block(self, box: Box) -> MaxPlan:
        """Return the plan of a block of windows."""
        return replace(self, windows=self.windows.block(begin_of(box), lengths_of(box))[0])

    def compute(self, kernels: Kernels, image: Array) -> Pooled:
        """Pool."""
        return kernels.max_pooling(image, self.windows, self.with_indices)

    def forward(self, kernels: Kernels, image: Array) -> tuple[Pooled, Kept]:
        """Pool; keep the winners."""
        pooled = kernels.max_pooling(image, self.windows, True)
        return self.shown(pooled), (pooled[1],)

    def backward(
        self, kernels: Kernels, kept: Kept, cotangent: Array, wanted: Collection[str], image: Array
    ) -> Gradients:
        """Hand values on to the winners."""
        if "feature_map" not in wanted:
            return {}
        return {"feature_map": self._to_image(kernels, image, cotangent, kept[0])}


class _Form(NamedTuple):
    """The shape (rows, taps, depth) of a batch of weights, and whether it was given as (rows,)."""

    rows: int
    depth: int
    squeezed: bool

    @classmethod
    def of(cls, batch: WindowWeights) -> _Form:
        """Return that of a batch."""
        rows, _, depth = batch.values.shape
        return cls(rows, depth, batch.squeezed)


@dataclass(frozen=True)
class AttentionPlan(FixedPlan):
    """The maximum of value times weight over windows of one size.

    Weights are an operand where they were given; a network is asked for them by `compute`, window
    by window in batches of bounded memory.
    """

    image_dtype: np.dtype[Any]
    network: Any
    weights: Weights | None

    name = "attention-pooling"
    differentiable = ("feature_map", "attention_network")

    @classmethod
    def of(
        cls, layout: Layout, windows: Windows, network: Any, with_indices: bool
    ) -> AttentionPlan:
        """Check what gives weights."""
        dtype = np.result_type(layout.dtype, counted_dtype("attention_network", network))
        if is_network(network):
            predictions.channels_of(network, layout.channels)
            return cls(dtype, with_indices, windows, layout.dtype, network, None)
        array = predictions.network_result("attention_network", network)
        form = attention_form(array.shape, layout, windows)
        weights = Weights(
            "attention_network",
            array,
            lead=len(form.lead),
            per_channel=bool(form.tail),
            dtype=array.dtype,
            box=whole_of(windows.volume if form.per_pixel else windows.outputs),
            windows=None if form.per_pixel else windows,
        )
        return cls(dtype, with_indices, windows, layout.dtype, None, weights)

    @property
    def reads_windows_alone(self) -> bool:
        """Not where a network is given windows, nor with indices: then all weights are checked."""
        return self.network is None and not self.with_indices

    @property
    def operands(self) -> tuple[Operand | None, ...]:
        """The weights, where they were given."""
        return () if self.weights is None else (self.weights,)

    @property
    def splits_channels(self) -> bool:
        """Networks see all channels of a window."""
        return self.network is None

    def block(self, box: Box) -> AttentionPlan:
        """Return the plan of a block of windows."""
        windows = self.windows.block(begin_of(box), lengths_of(box))[0]
        weights = self.weights
        if weights is not None:
            pixels = box_of(windows.begin, windows.volume)
            weights = weights.on(pixels if weights.windows is None else box)
        return replace(self, windows=windows, weights=weights)

    def compute(self, kernels: Kernels, image: Array, weights: Array | None = None) -> Pooled:
        """Pool products with weights."""
        batches = self._batches(kernels, image, weights)
        return kernels.attention_pooling(
            image, batches, self.windows, self.dtype, self.with_indices
        )

    def forward(
        self, kernels: Kernels, image: Array, weights: Array | None = None
    ) -> tuple[Pooled, Kept]:
        """Pool; keep the winners, and of what a network gave the weights of these and no others."""
        pooled: Pooled | None = None
        picked: Array | None = None
        given: list[_Form] = []
        for batch in self._batches(kernels, image, weights):
            pooled = kernels.attention_pooling(
                image, [batch], self.windows, self.dtype, True, into=pooled
            )
            if weights is None:
                assert isinstance(batch, WindowWeights)
                picked = self._picked(kernels, batch, pooled[1], pooled[0].dtype, picked)
                given.append(_Form.of(batch))
        assert pooled is not None
        return self.shown(pooled), (pooled[1], picked, given)

    def backward(
        self,
        kernels: Kernels,
        kept: Kept,
        cotangent: Array,
        wanted: Collection[str],
        image: Array,
        weights: Array | None = None,
    ) -> Gradients:
        """Hand values on to the winners and to their weights, each times the other."""
        winners, picked, given = kept if weights is None else (kept[0], None, [])
        per_pixel = self.weights is not None and self.weights.windows is None
        if weights is not None and not per_pixel:
            [batch] = self._batches(kernels, image, weights)
            assert isinstance(batch, WindowWeights)
            picked = self._picked(kernels, batch, winners, cotangent.dtype, None)
            given = [_Form.of(batch)]
        found = {}
        if "feature_map" in wanted:
            scaled = (
                kernels.times_winners(cotangent, weights, winners)
                if weights is not None and per_pixel
                else kernels.times(cotangent, picked)
            )
            found["feature_map"] = self._to_image(kernels, image, scaled, winners)
        if "attention_network" in wanted:
            values = kernels.times_winners(cotangent, image, winners)
            if weights is not None and per_pixel:
                target = len(weights), self.windows.pixels, weights.shape[-1]
                of_weights = kernels.scatter_winners(values, winners, target, self.windows)
            else:
                of_weights = self._to_windows(kernels, values, winners, given)
            found["attention_network"] = of_weights
        return found

    def _picked(
        self, kernels: Kernels, batch: WindowWeights, winners: Any, dtype: Any, into: Array | None
    ) -> Array:
        """Return the weights of winners."""
        return kernels.pick_weights(batch, winners, self.windows, dtype, into)

    def _to_windows(
        self, kernels: Kernels, values: Array, winners: Array, given: Sequence[_Form]
    ) -> Array:
        """Add values to the taps that won: (windows, taps * 1 or channels).

        One row stands for all windows where each batch of weights had one.
        """
        windows, total = self.windows, len(winners) * self.windows.count
        alike = all(form.rows == 1 for form in given)
        rows = 1 if alike else given[0].rows if len(given) == 1 else total
        depth = max(form.depth for form in given)
        if rows < total:
            # Sums over many windows, in their order: float32 would lose digits.
            values = values.astype(np.float64)
        places = kernels.winning_taps(winners, windows, rows)
        # One image: rows count the windows of all items.
        flat = 1, -1, winners.shape[-1]
        target = 1, rows * windows.taps, depth
        found = kernels.scatter_winners(values.reshape(*flat), places.reshape(*flat), target)
        squeezed = all(form.squeezed for form in given)
        return found.reshape(rows) if squeezed else found.reshape(rows, windows.taps * depth)

    def _batches(
        self, kernels: Kernels, image: Array, weights: Array | None
    ) -> Iterator[AttentionWeights]:
        if weights is None:
            bools = self.image_dtype == np.bool_
            yield from weights_of_network(self.network, kernels, image, self.windows, bools)
        elif self.weights is not None and self.weights.windows is None:
            yield PixelWeights(weights)
        else:
            yield WindowWeights(0, len(image) * self.windows.count, weights)
