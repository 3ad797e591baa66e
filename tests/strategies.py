"""Hypothesis strategies: images, windows and networks, in every form that a caller may hand in.

Values come from a short drawn list, spread over the array by a seed: that is fast, shrinks well,
and makes many ties.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

import naive

Array = NDArray[Any]
Shape = tuple[int, ...]
Elements = Callable[[np.dtype[Any]], st.SearchStrategy[Any]]
Answers = Callable[[Shape], st.SearchStrategy[Array]]

# The dtypes of an image and of what is predicted for it. Kernels are compiled for each combination,
# which takes seconds: these have every dtype of an image, and those that networks give. Images
# of one width share kernels of windows of their own size, so that they also share operands.
DTYPES = [
    ("float32", "float32"),
    ("float32", "float64"),
    ("float64", "float64"),
    ("float16", "float16"),
    ("bool", "float32"),
    ("uint8", "int64"),
    ("int8", "float32"),
    ("uint16", "int16"),
    ("int16", "int16"),
    ("int32", "float32"),
    ("uint32", "float64"),
    ("int64", "float64"),
    ("uint64", "uint8"),
]
LABEL_DTYPES = ["int32", "int64", "uint16", "uint64", "int8"]
FLOATS = ["float16", "float32", "float64"]

# Those whose convolutions multiply by matrices. Samples are taken in the same way whatever follows,
# and what follows sees the dtype of the result alone: for the others, products by channel do.
MATRIX_DTYPES = DTYPES[:6]


def dtypes_of_an_example() -> st.SearchStrategy[tuple[str, str]]:
    """One combination of dtypes for all that an example draws."""
    return st.shared(st.sampled_from(DTYPES), key="dtypes")


def operand_dtypes() -> st.SearchStrategy[str]:
    """The dtype of the example's weights, parameters, offsets and masks."""
    return dtypes_of_an_example().map(lambda pair: pair[1])


# Longest axis of an image with so many spatial axes.
LONGEST = {2: 12, 3: 6}
SHORT = {2: 7, 3: 4}


# Elements --------------------------------------------------------------------------------------


def width(dtype: np.dtype[Any]) -> Literal[16, 32, 64]:
    widths: dict[int, Literal[16, 32, 64]] = {2: 16, 4: 32, 8: 64}
    return widths[dtype.itemsize]


def whole(dtype: np.dtype[Any], low: int, high: int) -> st.SearchStrategy[int]:
    """Integers within bounds that the dtype can hold."""
    if dtype.kind == "b":
        return st.integers(0, 1)
    if dtype.kind == "f":
        return st.integers(low, high)
    limits = np.iinfo(dtype)
    return st.integers(max(low, int(limits.min)), min(high, int(limits.max)))


def any_value(dtype: np.dtype[Any]) -> st.SearchStrategy[Any]:
    """Everything that the dtype can hold, NaN and infinities included."""
    if dtype.kind == "f":
        return st.floats(width=width(dtype)) | whole(dtype, -3, 3)
    return whole(dtype, -(2**63), 2**64 - 1) | whole(dtype, -3, 3)


def finite_value(dtype: np.dtype[Any]) -> st.SearchStrategy[Any]:
    """Moderate values, of which no sum of products overflows."""
    if dtype.kind == "f":
        return st.floats(-100, 100, width=width(dtype))
    return whole(dtype, -(10**6), 10**6)


def unit_value(dtype: np.dtype[Any]) -> st.SearchStrategy[Any]:
    """Masks, from 0 to 1."""
    return st.floats(0, 1, width=width(dtype)) if dtype.kind == "f" else whole(dtype, 0, 1)


def small_whole(dtype: np.dtype[Any]) -> st.SearchStrategy[int]:
    """Whole numbers with which float32 computes without rounding."""
    return whole(dtype, -4, 4)


def small_whole_or_not_finite(dtype: np.dtype[Any]) -> st.SearchStrategy[Any]:
    if dtype.kind == "f":
        return small_whole(dtype) | st.sampled_from([np.nan, np.inf, -np.inf])
    return small_whole(dtype)


def size_value(dtype: np.dtype[Any]) -> st.SearchStrategy[Any]:
    """Window sizes: fractions, empty ones, and some far larger than any image."""
    if dtype.kind == "b":
        return st.booleans()
    largest = np.finfo(dtype).max if dtype.kind == "f" else np.iinfo(dtype).max
    sizes = whole(dtype, -1, 12) | whole(dtype, 1, 4) | st.just(largest)
    if dtype.kind == "f":
        sizes |= st.sampled_from([-0.5, 0.5, 0.9995, 1.5, 2.9995]) | st.just(-largest)
    return sizes


def stride_value(dtype: np.dtype[Any]) -> st.SearchStrategy[Any]:
    if dtype.kind == "b":
        return st.just(True)
    largest = np.finfo(dtype).max if dtype.kind == "f" else np.iinfo(dtype).max
    strides = whole(dtype, 1, 4) | st.just(largest)
    return strides | st.sampled_from([1.5, 2.9995]) if dtype.kind == "f" else strides


def exact_offset(dtype: np.dtype[Any]) -> st.SearchStrategy[Any]:
    """Whole numbers, halves and eighths, and some that lead far outside of any image."""
    if dtype.kind != "f":
        return whole(dtype, -5, 5)
    far = 6e4 if dtype.itemsize == 2 else 1e30
    eighths = st.integers(-32, 32).map(lambda n: n / 8)
    return whole(dtype, -3, 3) | eighths | st.sampled_from([-0.5, 0.5, far, -far])


def any_offset(dtype: np.dtype[Any]) -> st.SearchStrategy[Any]:
    if dtype.kind != "f":
        return exact_offset(dtype)
    return exact_offset(dtype) | st.floats(-5, 5, width=width(dtype))


# Arrays ----------------------------------------------------------------------------------------


def _strided(array: Array) -> Array:
    every_other = (slice(None, None, 2),) * array.ndim
    wide = np.zeros([2 * n for n in array.shape], array.dtype)
    wide[every_other] = array
    return wide[every_other]


def _reversed(array: Array) -> Array:
    return np.ascontiguousarray(np.flip(array))[(slice(None, None, -1),) * array.ndim]


def _big_endian(array: Array) -> Array:
    return array.astype(array.dtype.newbyteorder(">"))


def memory_layouts() -> st.SearchStrategy[Callable[[Array], Array]]:
    """Ways to keep the same values in memory."""
    return st.sampled_from(
        [np.ascontiguousarray, _strided, _reversed, np.asfortranarray, _big_endian]
    )


@st.composite
def arrays(
    draw: st.DrawFn, shape: Shape, dtypes: Sequence[str], elements: Elements = finite_value
) -> Array:
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    values = np.array(draw(st.lists(elements(dtype), min_size=2, max_size=12)), dtype)
    spread = np.random.default_rng(draw(st.integers(0, 2**16)))
    array = draw(memory_layouts())(spread.choice(values, shape))
    array.flags.writeable = draw(st.booleans())
    return array


@st.composite
def pixels(draw: st.DrawFn, shape: Shape, elements: Elements = any_value) -> Array:
    """An image's values, in the example's dtype for them."""
    dtype, _ = draw(dtypes_of_an_example())
    return draw(arrays(shape, [dtype], elements))


@st.composite
def operands(draw: st.DrawFn, shape: Shape, elements: Elements = finite_value) -> Array:
    """Weights, parameters, offsets or masks."""
    return draw(arrays(shape, [draw(operand_dtypes())], elements))


def weights(shape: Shape) -> st.SearchStrategy[Array]:
    return operands(shape, finite_value)


def masks(shape: Shape) -> st.SearchStrategy[Array]:
    return operands(shape, unit_value)


def exact_weights(shape: Shape) -> st.SearchStrategy[Array]:
    return operands(shape, small_whole)


def sizes(shape: Shape) -> st.SearchStrategy[Array]:
    return operands(shape, size_value)


@st.composite
def sizes_and_strides(draw: st.DrawFn, shape: Shape) -> Array:
    half = (*shape[:-1], shape[-1] // 2)
    halves = [draw(operands(half, value)) for value in (size_value, stride_value)]
    return draw(memory_layouts())(np.concatenate(halves, axis=-1))


def exact_offsets(shape: Shape) -> st.SearchStrategy[Array]:
    return operands(shape, exact_offset)


def any_offsets(shape: Shape) -> st.SearchStrategy[Array]:
    return operands(shape, any_offset)


# Images ----------------------------------------------------------------------------------------


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


# Windows ---------------------------------------------------------------------------------------


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


# Networks --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rule:
    """A callable network: each row gets one of two answers, after one of the row's own values."""

    answers: tuple[Array, Array]
    probe: int
    threshold: float

    def __call__(self, rows: Array) -> Array:
        values = rows.reshape(len(rows), -1)
        seen = values[:, self.probe % values.shape[1]]
        return np.stack([self.answers[int(value > self.threshold)] for value in seen])


@dataclass(frozen=True)
class SameForAll:
    """A callable network that has one row for all, or one number for each row."""

    answer: Array
    squeezed: bool

    def __call__(self, rows: Array) -> Array:
        return np.full(len(rows), self.answer.item()) if self.squeezed else self.answer[np.newaxis]


@dataclass(frozen=True)
class Predictor:
    """An object with `.predict`, which wins over calling it."""

    rule: Callable[[Array], Array]

    def predict(self, rows: Array) -> Array:
        return self.rule(rows)

    def __call__(self, rows: Array) -> Array:
        raise AssertionError(f"called, not asked to predict {rows.shape}")


FORMS = ["array", "rule", "same for all"]


@st.composite
def predictors(
    draw: st.DrawFn, form: str, row: Shape, answers: Answers, squeezable: bool = False
) -> Any:
    """A callable or an object with `.predict`, whose answer to each row has shape `row`."""
    rule: Callable[[Array], Array]
    if form == "rule":
        pair = (draw(answers(row)), draw(answers(row)))
        rule = Rule(pair, draw(st.integers(0, 50)), draw(st.sampled_from([-1.0, 0.0, 0.5, 2.0])))
    else:
        squeezed = squeezable and math.prod(row) == 1 and draw(st.booleans())
        rule = SameForAll(draw(answers(row)), squeezed)
    return draw(st.sampled_from([rule, Predictor(rule)]))


@st.composite
def point_networks(
    draw: st.DrawFn, image: Image, points: Shape, outputs: int, answers: Answers
) -> Any:
    """A network with so many outputs at each of the points: parameters, offsets or masks."""
    row = (*points, outputs)
    form = draw(st.sampled_from(FORMS))
    if form != "array":
        return draw(predictors(form, row, answers))
    if image.batch_axis is not None:
        return draw(answers((draw(st.sampled_from([1, image.batch])), *row)))
    array = draw(answers((1, *row)))
    shapes = [(1, *row), row, points] if outputs == 1 else [(1, *row), row]
    return array.reshape(draw(st.sampled_from(shapes)))


@st.composite
def attention_networks(
    draw: st.DrawFn, image: Image, fixed: Windows, answers: Answers = weights
) -> Any:
    form = draw(st.sampled_from(FORMS))
    taps = math.prod(fixed.kernel)
    if form != "array":
        outputs = draw(st.sampled_from([taps, taps * image.channels]))
        return draw(predictors(form, (outputs,), answers, squeezable=True))
    per_window = (*fixed.sites, *fixed.kernel)
    shape = draw(st.sampled_from([image.spatial, per_window]))
    if draw(st.booleans()):
        shape = (*shape, image.channels)
    if image.batch_axis is not None:
        shape = (draw(st.sampled_from([1, image.batch])), *shape)
    return draw(answers(shape))


@st.composite
def param_networks(draw: st.DrawFn, image: Image) -> Any:
    """Sizes: one for all axes, one for each, or sizes and strides."""
    axes = len(image.spatial)
    outputs = draw(st.sampled_from([1, axes, 2 * axes]))
    answers = sizes_and_strides if outputs == 2 * axes else sizes
    return draw(point_networks(image, image.spatial, outputs, answers))


def stride_networks(image: Image) -> st.SearchStrategy[Any]:
    """Sizes and strides."""
    return point_networks(image, image.spatial, 2 * len(image.spatial), sizes_and_strides)


def label_value(dtype: np.dtype[Any]) -> st.SearchStrategy[int]:
    """Labels: few and small ones, some far apart, and 0 for no region."""
    return whole(dtype, 0, 4) | whole(dtype, 0, 40) | whole(dtype, 0, 2**63 - 1)


def labels(shape: Shape) -> st.SearchStrategy[Array]:
    return arrays(shape, LABEL_DTYPES, label_value)


def label_networks(image: Image) -> st.SearchStrategy[Any]:
    """Label images, or what gives them; at each pixel one number, whose axis may lack."""
    return point_networks(image, image.spatial, 1, labels)


@st.composite
def region_weights(draw: st.DrawFn, image: Image) -> Any:
    """Weights of pixels, of each channel or of all, or a network of them; None for no weights."""
    if draw(st.booleans()):
        return None
    outputs = draw(st.sampled_from([1, image.channels]))
    return draw(point_networks(image, image.spatial, outputs, weights))


def finite_or_not(dtype: np.dtype[Any]) -> st.SearchStrategy[Any]:
    """Values of which sums do not overflow, NaN and infinities."""
    if dtype.kind == "f":
        return finite_value(dtype) | st.sampled_from([np.nan, np.inf, -np.inf])
    return finite_value(dtype)


@st.composite
def region_calls(draw: st.DrawFn, slim: bool = False) -> tuple[Image, Any, dict[str, Any]]:
    """An image, labels, and options of `region_pooling`."""
    reduction = draw(st.sampled_from(["max", "min", "mean", "sum"]))
    extremum = reduction in ("max", "min")
    elements = any_value if extremum else finite_or_not
    image = draw(images(elements=elements, batches=False, slim=slim))
    options = {
        "reduction": reduction,
        "attention_network": draw(region_weights(image)),
        "channel_axis": image.channel_axis,
        "return_indices": extremum and draw(st.booleans()),
    }
    return image, draw(label_networks(image)), options


def anchors() -> st.SearchStrategy[Any]:
    return st.sampled_from(["corner", "center"])


def max_kernel_sizes(spatial: Shape) -> st.SearchStrategy[Any]:
    return st.none() | st.integers(1, 6) | st.tuples(*[st.integers(1, 6)] * len(spatial))


# Deformable convolutions -----------------------------------------------------------------------


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
