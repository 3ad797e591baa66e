"""Arguments of deformable convolutions, with any option."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from .arrays import Answers, Array, Shape, any_offsets, arrays, masks, weights
from .elements import MATRIX_DTYPES, Elements, dtypes_of_an_example, finite_value, small_whole
from .images import SHORT, Image, images, windows
from .networks import point_networks


@dataclass(frozen=True)
class Convolution:
    """Arguments of a deformable convolution, and the shape of its output."""

    image: Image
    weights: Array
    offsets: Any
    options: dict[str, Any]
    sites: Shape

    @property
    def arguments(self) -> tuple[Any, Any, Any]:
        return self.image.array, self.weights, self.offsets


def divisors(number: int) -> st.SearchStrategy[int]:
    return st.sampled_from([n for n in range(1, number + 1) if number % n == 0])


@st.composite
def convolutions(
    draw: st.DrawFn,
    elements: Elements = finite_value,
    weight_answers: Answers = weights,
    offset_answers: Answers = any_offsets,
    mask_answers: Answers | None = masks,
    slim: bool = False,
) -> Convolution:
    """With any option, and either form of weights; without `mask_answers` just one product."""
    image = draw(images(elements=elements, longest=SHORT, slim=slim))
    dtypes = draw(dtypes_of_an_example())
    by_channel = dtypes not in MATRIX_DTYPES
    one_tap = mask_answers is None or (by_channel and image.channels == 1) or draw(st.booleans())
    largest_kernel = 1 if one_tap else 3
    fixed = draw(windows(image.spatial, largest_kernel, pooling=False))
    offset_groups = draw(divisors(image.channels))
    options = fixed.options | image.axes | {"offset_groups": offset_groups}
    options["interpolation"] = draw(st.sampled_from([None, "linear", "nearest", "truncate"]))
    options["max_offset"] = draw(max_offsets(len(image.spatial)))

    filters = image.channels
    shape: Shape = (image.channels,)
    if not one_tap:
        groups = image.channels if by_channel else draw(divisors(image.channels))
        filters = groups
        if image.channel_axis is not None and not by_channel:
            filters *= draw(st.integers(1, 2))
        shape = (*fixed.kernel, image.channels // groups, filters)
        options["groups"] = groups
    taps = offset_groups * math.prod(fixed.kernel)
    axes = len(image.spatial)
    outputs = draw(st.sampled_from([axes, taps * axes]))
    offsets = draw(point_networks(image, fixed.sites, outputs, offset_answers))
    if mask_answers is not None and draw(st.booleans()):
        options["mask_network"] = draw(point_networks(image, fixed.sites, taps, mask_answers))
    if mask_answers is not None and draw(st.booleans()):
        # One that is wider than all the rest makes the result wider, too: once is enough.
        wide = dtypes in (("float32", "float32"), ("float64", "float64"))
        biases = ["float32", "float64"] if wide else ["float32"]
        options["bias"] = draw(arrays((filters,), biases, small_whole))
    return Convolution(image, draw(weight_answers(shape)), offsets, options, fixed.sites)


def max_offsets(axes: int) -> st.SearchStrategy[Any]:
    one = st.sampled_from([0, 0.5, 1, 1.5, 3])
    return st.none() | one | st.tuples(*[one] * axes)
