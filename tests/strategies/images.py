"""Images with batch and channels anywhere, and windows that fit them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from hypothesis import strategies as st

import naive

from .arrays import Array, Shape, arrays
from .elements import Elements, any_value, dtypes_of_an_example

# Longest axis of an image with so many spatial axes.
LONGEST = {2: 12, 3: 6}
SHORT = {2: 7, 3: 4}


@dataclass(frozen=True)
class Image:
    """An array, and which of its axes are the batch, the space and the channels."""

    array: Array
    channel_axis: int | None
    batch_axis: int | None
    batch: int
    spatial: Shape
    channels: int

    @property
    def axes(self) -> dict[str, Any]:
        return {"channel_axis": self.channel_axis, "batch_axis": self.batch_axis}


@st.composite
def images(
    draw: st.DrawFn,
    dtypes: Sequence[str] | None = None,
    elements: Elements = any_value,
    longest: dict[int, int] = LONGEST,
    batches: bool = True,
    slim: bool = False,
) -> Image:
    """`slim` images are a pixel long along some axes, or all."""
    axes = draw(st.sampled_from(sorted(longest)))
    lengths = [st.integers(1, longest[axes])] * axes
    if slim:
        lengths = [draw(st.sampled_from([st.just(1), length])) for length in lengths]
    spatial = tuple(draw(length) for length in lengths)
    batch = draw(st.none() | st.integers(1, 3)) if batches else None
    channels = draw(st.none() | st.integers(1, 4))
    ndim = axes + (batch is not None) + (channels is not None)
    added = [size for size in (batch, channels) if size is not None]
    places = draw(st.permutations(range(ndim)))[: len(added)]
    shape = list(spatial)
    for place, size in sorted(zip(places, added, strict=True)):
        shape.insert(place, size)
    image_dtype, _ = draw(dtypes_of_an_example())
    signed = [place - ndim if draw(st.booleans()) else place for place in places]
    return Image(
        array=draw(arrays(tuple(shape), dtypes or [image_dtype], elements)),
        channel_axis=None if channels is None else signed[-1],
        batch_axis=None if batch is None else signed[0],
        batch=batch or 1,
        spatial=spatial,
        channels=channels or 1,
    )


def per_axis(values: Sequence[Any]) -> st.SearchStrategy[Any]:
    """A value for each axis, as one number where they are all alike."""
    alike = len(set(values)) == 1
    return st.sampled_from([tuple(values), values[0]]) if alike else st.just(tuple(values))


class AxisOptions(NamedTuple):
    """Options of windows along one axis."""

    kernel: int
    stride: int
    padding: int
    dilation: int

    def outputs(self, length: int, ceil_mode: bool) -> int:
        return naive.output_length(length, *self, ceil_mode)


@dataclass(frozen=True)
class Windows:
    """Windows that leave an output; no stride among the options means that of the kernel."""

    kernel: Shape
    options: dict[str, Any]
    sites: Shape


@st.composite
def windows(
    draw: st.DrawFn,
    spatial: Shape,
    largest_kernel: int = 4,
    largest_dilation: int = 3,
    pooling: bool = True,
) -> Windows:
    """`pooling` bounds the padding, and adds `ceil_mode` and strides that default to the kernel."""
    own_stride = not pooling or draw(st.booleans())
    ceil_mode = pooling and draw(st.booleans())

    def along_axis(kernel: int) -> st.SearchStrategy[AxisOptions]:
        strides = st.integers(1, 4) if own_stride else st.just(kernel)
        paddings = st.integers(0, kernel // 2 if pooling else 3)
        dilations = st.integers(1, largest_dilation)
        return st.builds(AxisOptions, st.just(kernel), strides, paddings, dilations)

    chosen: list[AxisOptions] = []
    for length in spatial:
        options = st.integers(1, largest_kernel).flatmap(along_axis)
        chosen.append(draw(options.filter(partial(_leaves_an_output, length, ceil_mode))))
    kernel, stride, padding, dilation = zip(*chosen, strict=True)
    named: dict[str, Any] = {
        "padding": draw(per_axis(padding)),
        "dilation": draw(per_axis(dilation)),
    }
    if own_stride:
        named["stride"] = draw(per_axis(stride))
    if pooling:
        named["ceil_mode"] = ceil_mode
    sites = (axis.outputs(n, ceil_mode) for axis, n in zip(chosen, spatial, strict=True))
    return Windows(kernel, named, tuple(sites))


def _leaves_an_output(length: int, ceil_mode: bool, options: AxisOptions) -> bool:
    return options.outputs(length, ceil_mode) > 0
