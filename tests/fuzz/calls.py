"""Calls: honest ones, and those of which up to three arguments have been replaced."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

import adapool
import naive
import strategies as some

from .hostile import NUMBERS, SHAPERS, SMALL_NUMBERS, VALUES
from .lies import LIES, Liar

Array = NDArray[Any]

NETWORKS = (
    "region_network",
    "attention_network",
    "param_network",
    "offset_network",
    "mask_network",
)
ARRAYS = ("feature_map", "image", "labels", "conv_weights", "bias", *NETWORKS)


@st.composite
def honest_calls(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A public function, and arguments that it takes."""
    name = draw(st.sampled_from([n for n in adapool.__all__ if hasattr(naive, n) and n != "Sites"]))
    if name.startswith("deformable"):
        case = draw(
            some.convolutions(
                elements=some.small_whole_or_not_finite,
                weight_answers=some.exact_weights,
                offset_answers=some.exact_offsets,
                mask_answers=some.exact_weights,
                slim=draw(st.booleans()),
            )
        )
        names = ("feature_map", "conv_weights", "offset_network")
        arguments = dict(zip(names, case.arguments, strict=True)) | case.options
        if name == "deformable_conv_and_pool":
            pool = draw(some.windows(case.sites, largest_dilation=1))
            arguments |= {
                "kernel_size": pool.kernel,
                "pool_stride": pool.options.get("stride"),
                "pool_padding": pool.options["padding"],
                "ceil_mode": pool.options["ceil_mode"],
                "return_indices": draw(st.booleans()),
            }
        return name, arguments
    if name == "region_pooling":
        image, labels, arguments = draw(some.region_calls(slim=draw(st.booleans())))
        return name, {"feature_map": image.array, "region_network": labels, **arguments}
    image = draw(some.images(batches=name != "dynamic_stride_pooling", slim=draw(st.booleans())))
    if name == "peak_local_max":
        return name, draw(peaks_of(image))
    arguments = {"feature_map": image.array, "channel_axis": image.channel_axis}
    if name == "dynamic_stride_pooling":
        arguments["param_network"] = draw(some.stride_networks(image))
        arguments["anchor"] = draw(some.anchors())
        arguments["max_kernel_size"] = draw(some.max_kernel_sizes(image.spatial))
        return name, arguments
    arguments |= {"batch_axis": image.batch_axis, "return_indices": draw(st.booleans())}
    if name == "dynamic_pooling":
        arguments["param_network"] = draw(some.param_networks(image))
        arguments["anchor"] = draw(some.anchors())
        arguments["max_kernel_size"] = draw(some.max_kernel_sizes(image.spatial))
        arguments["stride"] = draw(st.integers(1, 4))
        if draw(st.booleans()):
            arguments["footprint"] = "ellipse"
            arguments["anchor"] = None
        return name, arguments
    fixed = draw(some.windows(image.spatial))
    arguments |= {"kernel_size": fixed.kernel, **fixed.options}
    if name == "attention_pooling":
        arguments["attention_network"] = draw(some.attention_networks(image, fixed))
    return name, arguments


@dataclass(frozen=True)
class Everywhere:
    """A network that gives one size for all pixels of whatever part of an image it is given."""

    size: int

    def predict(self, given: Array) -> Array:
        return np.full(given.shape[:-1], self.size)


@st.composite
def peaks_of(draw: st.DrawFn, image: some.Image) -> dict[str, Any]:
    """Arguments of `peak_local_max`; beyond labels an image may hold NaN."""
    sizes = some.arrays((*image.spatial, 1), ["float32", "int16"], some.size_value)
    labels = draw(st.none() | some.arrays(image.spatial, ["int64", "uint8"], some.unit_value))
    array = image.array
    if labels is not None and array.dtype.kind == "f" and draw(st.booleans()):
        moved = [a for a in (image.channel_axis, image.batch_axis) if a is not None]
        array = np.moveaxis(array.copy(), moved, range(len(moved)))
        array[..., labels == 0] = np.nan
        array = np.moveaxis(array, range(len(moved)), moved)
    return {
        "image": array,
        "param_network": draw(sizes | st.integers(0, 5).map(Everywhere) | st.integers(0, 5)),
        "threshold": draw(st.sampled_from([-np.inf, 0, 1.5])),
        "labels": labels,
        "exclude_border": draw(st.booleans() | st.integers(0, 2)),
        "channel_axis": image.channel_axis,
        "batch_axis": image.batch_axis,
    }


def truth_of(network: Any) -> Callable[[Array], Array] | None:
    """How a network answers; None for an array."""
    if isinstance(network, some.Predictor):
        return network.rule
    if isinstance(network, Everywhere):
        return network.predict
    return network if callable(network) else None


@st.composite
def hostile_calls(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A call of which up to three arguments have been replaced."""
    name, arguments = draw(honest_calls())
    for _ in range(draw(st.sampled_from([0, 1, 1, 2, 3]))):
        victim = draw(st.sampled_from(sorted(arguments)))
        value = arguments[victim]
        truth = truth_of(value) if victim in NETWORKS else None
        if truth is not None and draw(st.booleans()):
            lie = draw(st.sampled_from(sorted(LIES)))
            arguments[victim] = Liar(truth, lie, draw(st.sampled_from([0, 0, 1, 2])))
        elif (
            victim in ARRAYS
            and isinstance(value, np.ndarray)
            and value.ndim
            and draw(st.booleans())
        ):
            arguments[victim] = draw(st.sampled_from(SHAPERS))(value)
        elif victim in ARRAYS:
            arguments[victim] = draw(st.sampled_from(VALUES))
        else:
            numbers = SMALL_NUMBERS if victim == "kernel_size" else NUMBERS
            arguments[victim] = draw(st.sampled_from(numbers))
    return name, arguments
