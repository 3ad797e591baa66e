"""Frozen window geometry: kernel, stride, padding, dilation, output shape.

Everything is a triple (plane, row, column); a 2-D image has one plane, a kernel of one plane, and
no padding along it. Tap ``t`` of output ``o`` is at pixel ``o * stride + origin + t * dilation``.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from adapool._backends import Array, Triple
from adapool._checks import arguments
from adapool._layout import to_triple

_MOST = (1 << 63) - 1


@dataclass(frozen=True)
class Windows:
    """Windows of one size on a regular grid over a volume.

    `begin` is where that volume begins in the image that it is a block of. `partial` says that it
    is larger than the block: it has the whole rows of the image.
    """

    volume: Triple
    kernel: Triple
    stride: Triple
    dilation: Triple
    origin: Triple
    outputs: Triple
    begin: Triple = (0, 0, 0)
    partial: bool = False

    @classmethod
    def points(cls, volume: Triple) -> Windows:
        """Return a window of one position at each position of a volume."""
        one, zero = (1, 1, 1), (0, 0, 0)
        return cls(volume, one, one, one, zero, volume)

    @property
    def taps(self) -> int:
        """Number of positions in a window."""
        return math.prod(self.kernel)

    @property
    def pixels(self) -> int:
        """Number of positions in the volume."""
        return math.prod(self.volume)

    @property
    def count(self) -> int:
        """Number of windows on one volume."""
        return math.prod(self.outputs)

    @functools.cached_property
    def span(self) -> Triple:
        """Extent of a window along each axis, holes of the dilation included."""
        return _triple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True))

    @property
    def covers_volume(self) -> bool:
        """Whether every position of the volume, as far as it matters, is in some window."""
        return self.partial or all(
            d == 1 and s <= k and (o - 1) * s + start + k >= size
            for size, k, s, d, start, o in zip(
                self.volume,
                self.kernel,
                self.stride,
                self.dilation,
                self.origin,
                self.outputs,
                strict=True,
            )
        )

    def empty_outputs(self, axis: int) -> list[int]:
        """Return the outputs along an axis none of whose taps is inside the volume.

        Only dilation lets a window straddle the image: its padding is at most half of it.
        """
        size, kernel, dilation = self.volume[axis], self.kernel[axis], self.dilation[axis]
        if dilation == 1:
            return []
        starts = (o * self.stride[axis] + self.origin[axis] for o in range(self.outputs[axis]))
        return [
            output
            for output, start in enumerate(starts)
            if not any(0 <= start + tap * dilation < size for tap in range(kernel))
        ]

    def block(
        self, first: Triple, outputs: Triple, halo: Triple = (0, 0, 0)
    ) -> tuple[Windows, Triple]:
        """Restrict to a block of outputs; return its windows and where its input begins.

        The block's input is the part of the volume that its windows reach, and `halo` around it.
        """
        if outputs == self.outputs and self._reaches_ends():
            return self, (0, 0, 0)
        starts = [o * s + p for o, s, p in zip(first, self.stride, self.origin, strict=True)]
        low = _triple(
            min(max(start - more, 0), size - 1)
            for start, more, size in zip(starts, halo, self.volume, strict=True)
        )
        high = _triple(
            max(min(start + (n - 1) * s + span + more, size), begin + 1)
            for start, n, s, span, more, size, begin in zip(
                starts, outputs, self.stride, self.span, halo, self.volume, low, strict=True
            )
        )
        block = replace(
            self,
            volume=_triple(h - begin for h, begin in zip(high, low, strict=True)),
            origin=_triple(start - begin for start, begin in zip(starts, low, strict=True)),
            outputs=outputs,
            begin=_triple(b + begin for b, begin in zip(self.begin, low, strict=True)),
        )
        return block, low

    def _reaches_ends(self) -> bool:
        """Whether the first windows begin where the volume does, and the last end with it."""
        return all(
            begin <= 0 and begin + (n - 1) * s + span >= size
            for begin, n, s, span, size in zip(
                self.origin, self.outputs, self.stride, self.span, self.volume, strict=True
            )
        )

    def blocks(self, most: int) -> Iterator[tuple[Triple, Triple]]:
        """Cut the outputs into blocks whose input has at most `most` positions, if one can.

        Yields the first output and the number of outputs of each block, in raster order.
        """
        size = list(self.outputs)
        if math.prod(self._reach(size)) <= most:
            yield (0, 0, 0), self.outputs
            return
        while math.prod(self._reach(size)) > most and max(size) > 1:
            # Cut planes first, then rows: long runs of columns are what kernels are fast on.
            axis = next(axis for axis in range(3) if size[axis] > 1)
            size[axis] = -(-size[axis] // 2)
        for first in itertools.product(
            *(range(0, total, step) for total, step in zip(self.outputs, size, strict=True))
        ):
            yield (
                _triple(first),
                _triple(
                    min(step, total - begin)
                    for step, total, begin in zip(size, self.outputs, first, strict=True)
                ),
            )

    def _reach(self, outputs: list[int]) -> Triple:
        return _triple(
            min((n - 1) * s + span, size)
            for n, s, span, size in zip(outputs, self.stride, self.span, self.volume, strict=True)
        )


def in_whole(indices: Array, block: Triple, begin: Triple, whole: Triple) -> Array:
    """Turn flat indices into a block, or -1, into flat indices into the volume that holds it."""
    rest, column = np.divmod(indices, block[2])
    plane, row = np.divmod(rest, block[1])
    moved = ((plane + begin[0]) * whole[1] + row + begin[1]) * whole[2] + column + begin[2]
    return np.where(indices < 0, indices, moved)


def pooling_windows(
    spatial: tuple[int, ...],
    kernel_size: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil_mode: Any,
    prefix: str = "",
) -> Windows:
    """Check the arguments of a pooling and return its windows.

    `prefix` is what the names of the stride and the padding begin with, for the messages.
    """
    ndim = len(spatial)
    kernel = arguments.integers("kernel_size", kernel_size, ndim, least=1)
    strides = (
        kernel if stride is None else arguments.integers(f"{prefix}stride", stride, ndim, least=1)
    )
    pads = arguments.integers(f"{prefix}padding", padding, ndim, least=0)
    dilations = arguments.integers("dilation", dilation, ndim, least=1)
    arguments.at_most_half(f"{prefix}padding", pads, kernel)
    windows = _windows(
        spatial, kernel, strides, pads, dilations, arguments.flag("ceil_mode", ceil_mode)
    )
    arguments.some_output("kernel_size", windows.span[-ndim:], windows.outputs, spatial, pads)
    return windows


def conv_windows(
    spatial: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: Any,
    padding: Any,
    dilation: Any,
    name: str = "conv_weights",
) -> Windows:
    """Check the arguments of a convolution and return its windows.

    `name` is the argument whose shape has the kernel in it, for the messages.
    """
    ndim = len(spatial)
    strides = arguments.integers("stride", stride, ndim, least=1)
    pads = arguments.integers("padding", padding, ndim, least=0)
    dilations = arguments.integers("dilation", dilation, ndim, least=1)
    windows = _windows(spatial, kernel, strides, pads, dilations, ceil_mode=False)
    span = windows.span[-ndim:]
    arguments.some_output(name, span, windows.outputs, spatial, pads)
    return windows


def size_limits(spatial: tuple[int, ...], max_kernel_size: Any) -> Triple:
    """Check `max_kernel_size`; return what sizes along plane, row, column can be clipped to."""
    return covering_limits(kernel_limits(max_kernel_size, len(spatial)), spatial)


def covering_limits(limits: tuple[int, ...], spatial: tuple[int, ...]) -> Triple:
    """Lower limits along plane, row, column to what reaches all of an image.

    A window of ``2 n + 2`` covers an axis of length n from anywhere, under either anchor.
    """
    return to_triple(tuple(min(m, 2 * n + 2) for m, n in zip(limits, spatial, strict=True)), 1)


def kernel_limits(max_kernel_size: Any, ndim: int) -> tuple[int, ...]:
    """Check `max_kernel_size`; None means what an int64 holds."""
    if max_kernel_size is None:
        return (_MOST,) * ndim
    return arguments.integers("max_kernel_size", max_kernel_size, ndim, least=1)


def size_columns(ndim: int, width: int) -> Triple:
    """Return which of `width` values is the size along plane, row, column; -1 means size 1."""
    return to_triple((0,) * ndim if width == 1 else tuple(range(ndim)), -1)


def ellipse_widths(ndim: int) -> tuple[int, ...]:
    """Return how many numbers may say how large an ellipse is; strides may follow the axes."""
    return (1, 2, 3, 4) if ndim == 2 else (1, 3, 6)


def is_turned(ndim: int, width: int) -> bool:
    """Whether these are the lengths of the axes of an ellipse and its orientation."""
    return (ndim, width) == (2, 3)


@functools.lru_cache(maxsize=64)  # otherwise a fifth of the time of a call on a small image
def _windows(
    spatial: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    padding: tuple[int, ...],
    dilation: tuple[int, ...],
    ceil_mode: bool,
) -> Windows:
    outputs = tuple(
        windows_along(*axis, ceil_mode)
        for axis in zip(spatial, kernel, stride, padding, dilation, strict=True)
    )
    return Windows(
        volume=to_triple(spatial, 1),
        kernel=to_triple(kernel, 1),
        stride=to_triple(stride, 1),
        dilation=to_triple(dilation, 1),
        origin=to_triple(tuple(-p for p in padding), 0),
        outputs=to_triple(outputs, 1),
    )


def windows_along(
    size: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool
) -> int:
    """Count the windows along an axis, by the rule of torch."""
    room = size + 2 * padding - dilation * (kernel - 1) - 1
    if not ceil_mode:
        return room // stride + 1
    count = -(-room // stride) + 1
    # A window must start inside the image or its left padding.
    return count - 1 if (count - 1) * stride >= size + padding else count


def _triple(values: Any) -> Triple:
    first, second, third = values
    return first, second, third
