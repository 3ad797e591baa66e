"""One table of calls for device arrays: small enough for a simulator, one row for each option.

The simulator runs it against the naive loops, and so do the tests that need a GPU, with arrays of
every library that is there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

import adapool
import naive

Array = NDArray[Any]


@dataclass(frozen=True)
class Case:
    """A call: arrays among its arguments are sent to the device, networks are wrapped."""

    label: str
    name: str
    arguments: tuple[Any, ...]
    options: dict[str, Any] = field(default_factory=dict)

    def expected(self) -> Any:
        with np.errstate(all="ignore"):
            return getattr(naive, self.name)(*self.arguments, **self.options)

    def actual(self, send: Callable[[Array], Any], fetch: Callable[[Any], Array]) -> Any:
        def place(value: Any) -> Any:
            if isinstance(value, np.ndarray):
                return send(value)
            if callable(value):
                return lambda given: send(value(fetch(given)))
            return value

        arguments = [place(value) for value in self.arguments]
        options = {name: place(value) for name, value in self.options.items()}
        return self.call(arguments, options, send)

    def call(
        self, arguments: list[Any], options: dict[str, Any], send: Callable[[Any], Any]
    ) -> Any:
        """Call adapool on arrays that have been sent."""
        return getattr(adapool, self.name)(*arguments, **options)


@dataclass(frozen=True)
class Gradient(Case):
    """Gradients of a call by all of its arguments, in the order of their names."""

    def cotangent(self) -> Array:
        with np.errstate(all="ignore"):
            value = getattr(naive, self.name)(*self.arguments, **self.options)
        values = value.values if isinstance(value, naive.Sites) else value
        # Whole numbers: no sum depends on its order.
        return np.random.default_rng(0).integers(-3, 4, values.shape).astype(np.float32)

    def names(self) -> list[str]:
        """Arguments that have gradients."""
        return sorted(self._found())

    def _found(self) -> dict[str, Array]:
        reference = getattr(naive.gradients, self.name)
        found: dict[str, Array] = reference(self.cotangent(), *self.arguments, **self.options)
        return found

    def expected(self) -> Any:
        found = self._found()
        wide = any(getattr(a, "dtype", None) == np.float64 for a in self.arguments)
        dtype = np.float64 if wide else np.float32
        return tuple(found[name].astype(dtype) for name in sorted(found))

    def call(
        self, arguments: list[Any], options: dict[str, Any], send: Callable[[Any], Any]
    ) -> Any:
        function = getattr(adapool, self.name)
        _, pullback = adapool.vjp(function, *arguments, **options)
        found = pullback(send(self.cotangent()))
        return tuple(found[name] for name in sorted(found))


def image(shape: tuple[int, ...], dtype: str = "float32", seed: int = 0) -> Array:
    """Few values, so that there are ties; a NaN and infinities where there can be."""
    array = np.random.default_rng(seed).integers(0, 9, shape).astype(dtype)
    if array.dtype.kind == "f":
        array.flat[[array.size - 1, array.size // 2, array.size // 3]] = np.nan, -np.inf, np.inf
    return array


def whole(shape: tuple[int, ...], low: int, high: int, dtype: str = "float32") -> Array:
    return np.random.default_rng(len(shape) + high).integers(low, high, shape).astype(dtype)


def middling(windows: Array) -> Array:
    """An attention network: the first value of each window decides about all."""
    return np.where(np.nan_to_num(windows[:, :4]) > 4, 0.25, 0.5)


def cases() -> list[Case]:
    """Return all calls."""
    return [
        *fixed(),
        *attention(),
        *dynamic(),
        *ellipses(),
        *strides(),
        *regions(),
        *convolutions(),
        *fused(),
        *gradients(),
    ]


def fixed() -> list[Case]:
    def case(label: str, array: Array, *arguments: Any, **options: Any) -> Case:
        return Case(f"max {label}", "max_pooling", (array, *arguments), options)

    two, three = (5, 7, 3), (3, 4, 5, 2)
    return [
        case("blocks", image(two), 2),
        case("overlap", image(two), 3, stride=1),
        case("overlap, padding, ceil", image(two), 3, stride=2, padding=1, ceil_mode=True),
        case("dilation", image(two), 2, stride=1, dilation=3),
        case("empty windows", image((2, 3, 1)), 2, padding=1, dilation=(3, 4)),
        case("indices", image(two), 3, stride=1, padding=1, return_indices=True),
        case("volume", image(three), 2, stride=1),
        case("volume indices", image(three), 2, padding=1, return_indices=True),
        case("uint8", image(two, "uint8"), 3, stride=2),
        case("bool", image(two, "bool"), 3, stride=1, return_indices=True),
        case("float16", image(two, "float16"), 3, stride=1),
        case("float64 blocks", image(two, "float64"), 2),
        case("int64", image(two, "int64"), 3, stride=1),
        case("uint16 no channels", image((5, 7), "uint16"), 2, channel_axis=None),
        # Beyond twelve pixels windows are pooled along one axis after the other.
        case("twelve", image((13, 14, 3)), 12, stride=1, padding=2),
        case("wide", image((15, 16, 3)), 13, stride=1),
        case(
            "wide, stride, padding, ceil",
            image((16, 18)),
            13,
            stride=4,
            padding=5,
            ceil_mode=True,
            channel_axis=None,
        ),
        case("wide, dilation", image((11, 12, 2)), 3, stride=1, dilation=4, padding=1),
        case("wide volume, uint8", image((4, 14, 13, 1), "uint8"), (3, 13, 13), stride=(1, 2, 1)),
        case("wide rows, one column", image((15, 5, 2)), (13, 1), stride=(1, 2)),
        case("channels and batch moved", image((2, 5, 3, 6)), 2, channel_axis=0, batch_axis=2),
    ]


def attention() -> list[Case]:
    def case(label: str, array: Array, *arguments: Any, **options: Any) -> Case:
        return Case(f"attention {label}", "attention_pooling", (array, *arguments), options)

    pixels = whole((5, 7), 1, 9) / 8
    deep = whole((5, 7, 3), 1, 9) / 8
    per_window = whole((2, 3, 2, 2), 1, 9) / 8
    return [
        case("per pixel", image((5, 7, 3)), 2, pixels),
        case("per pixel, overlap", image((5, 7, 3)), 3, pixels, stride=1, padding=1),
        case("per channel, overlap", image((5, 7, 3)), 3, deep, stride=2, padding=1),
        case("per channel, indices", image((5, 7, 3)), 2, deep, return_indices=True),
        case("wide, per pixel", image((14, 15, 2)), 13, whole((14, 15), 1, 9) / 8, stride=2),
        case("wide, per channel", image((14, 15, 2)), 13, whole((14, 15, 2), 1, 9) / 8, stride=1),
        case("per window", image((5, 7, 3)), 2, per_window),
        case("network", image((5, 7, 3)), 2, middling, return_indices=True),
        case("network, bool", image((5, 7), "bool"), 2, middling, channel_axis=None),
        case("float64 weights", image((5, 7, 1)), 2, pixels.astype("float64"), stride=1),
        case("integers", image((5, 7, 2), "int32"), 2, whole((5, 7), 0, 4, "int8"), padding=1),
        case("batch", image((2, 5, 7, 1)), 2, whole((1, 5, 7), 1, 5), batch_axis=0, stride=1),
        case("volume", image((2, 3, 4, 2)), 2, whole((2, 3, 4), 1, 5), stride=1, dilation=1),
    ]


def dynamic() -> list[Case]:
    def case(label: str, array: Array, *arguments: Any, **options: Any) -> Case:
        return Case(f"dynamic {label}", "dynamic_pooling", (array, *arguments), options)

    square, own = whole((6, 8, 1), -1, 7), whole((6, 8, 2), -1, 9)
    return [
        case("squares", image((6, 8, 2)), square),
        case("squares, centered, indices", image((6, 8, 1)), square, anchor="center",
             return_indices=True),
        case("rectangles", image((6, 8, 2)), own, anchor="center"),
        case("rectangles, indices", image((6, 8, 1)), own, return_indices=True, stride=(1, 3)),
        case("saturating", image((6, 8, 1)), np.where(own > 5, 1e30, own).astype("float32")),
        case("strides ignored, limit", image((6, 8, 1)), whole((6, 8, 4), 1, 9), stride=2,
             max_kernel_size=(2, 5)),
        case("volume of cubes", image((4, 4, 5, 1)), whole((4, 4, 5), 0, 5)),
        case("thin volume", image((2, 5, 6, 1)), whole((2, 5, 6), 0, 7), anchor="center"),
        case("volume of boxes, indices", image((3, 4, 5, 1)), whole((3, 4, 5, 3), 0, 6),
             return_indices=True),
        case("uint8, int16 sizes", image((6, 8), "uint8"), own.astype("int16"),
             channel_axis=None),
        case("float64 sizes", image((6, 8, 1), "int64"), own.astype("float64")),
        case("network", image((6, 8, 1)), lambda rows: np.nan_to_num(rows % 5)),
        case("batch", image((6, 2, 8, 1), "float16"), whole((2, 6, 8, 1), 0, 5), batch_axis=1),
    ]  # fmt: skip


def ellipses() -> list[Case]:
    def case(label: str, array: Array, sizes: Array, **options: Any) -> Case:
        options = {"footprint": "ellipse", **options}
        return Case(f"ellipse {label}", "dynamic_pooling", (array, sizes), options)

    round_ones, own = whole((6, 8, 1), -1, 9), whole((6, 8, 2), -1, 11)
    turned = np.concatenate([own + 0.37, whole((6, 8, 1), -9, 9) / 7], -1)
    return [
        case("discs", image((6, 8, 2)), round_ones),
        case("discs, indices", image((6, 8, 1)), round_ones, return_indices=True, stride=(1, 3)),
        case("along the axes", image((6, 8, 1), "uint8"), own + 0.25, return_indices=True),
        case("whole numbers", image((6, 8, 1), "int64"), own.astype("int16")),
        case("turned", image((6, 8, 1)), turned, return_indices=True),
        case("turned, limit", image((6, 8, 2)), turned.astype("float64"), max_kernel_size=(5, 7)),
        case("saturating", image((6, 8, 1)), np.where(own > 5, 1e30, own).astype("float32")),
        case("balls", image((4, 4, 5, 1)), whole((4, 4, 5), 0, 6), return_indices=True),
        case("ellipsoids", image((3, 4, 5, 1)), whole((3, 4, 5, 3), 0, 8) / 2),
        case("batch", image((6, 2, 8, 1), "float16"), whole((2, 6, 8, 1), 0, 7), batch_axis=1),
    ]  # fmt: skip


def strides() -> list[Case]:
    def case(label: str, array: Array, *arguments: Any, **options: Any) -> Case:
        return Case(f"sites {label}", "dynamic_stride_pooling", (array, *arguments), options)

    def params(shape: tuple[int, ...], axes: int, least: int) -> Array:
        return np.concatenate([whole((*shape, axes), least, 6), whole((*shape, axes), 1, 4)], -1)

    return [
        case("image", image((6, 7, 2)), params((6, 7), 2, 1)),
        case("dropped", image((6, 7), "uint8"), params((6, 7), 2, -1), channel_axis=None),
        case("volume", image((2, 4, 5, 1)), params((2, 4, 5), 3, 1), anchor="center"),
        case("float16", image((2, 6, 7), "float16"), params((6, 7), 2, 0), channel_axis=0,
             max_kernel_size=2),
    ]  # fmt: skip


def regions() -> list[Case]:
    def case(label: str, array: Array, *arguments: Any, **options: Any) -> Case:
        return Case(f"regions {label}", "region_pooling", (array, *arguments), options)

    def labels(shape: tuple[int, ...], dtype: str = "int32", step: int = 1) -> Array:
        return np.random.default_rng(7).integers(0, 4, shape).astype(dtype) * step

    indices: dict[str, Any] = {"return_indices": True}
    ring = np.pad(np.zeros((2, 3), np.int32), 2, constant_values=1)
    pixels = whole((6, 7), 1, 9) / 8
    return [
        case("maxima", image((6, 7, 2)), labels((6, 7))),
        case("indices", image((6, 7, 2)), labels((6, 7)), **indices),
        case("minima", image((6, 7, 2)), labels((6, 7)), reduction="min", **indices),
        case("minima, uint64", image((6, 7), "uint64"), labels((6, 7), "uint8"), reduction="min",
             channel_axis=None),
        case("float64", image((6, 7, 1), "float64"), labels((6, 7), "int64"), **indices),
        case("bool", image((6, 7), "bool"), labels((6, 7), "uint16"), channel_axis=None),
        case("float16", image((6, 7), "float16"), labels((6, 7)), channel_axis=None),
        case("int16, gaps", image((6, 7), "int16"), labels((6, 7), step=5), channel_axis=None),
        case("far gaps", image((6, 7, 1)), labels((6, 7), "int64", 1 << 40)),
        case("one far label", image((6, 7, 1)), labels((6, 7), "uint64", (1 << 63) // 3 * 2)),
        case("no region", image((6, 7, 1)), np.zeros((6, 7), np.int32)),
        case("a ring", image((6, 7, 1)), ring),
        case("means", image((6, 7, 2), "uint8"), labels((6, 7)), reduction="mean"),
        case("sums", image((6, 7, 2)), labels((6, 7)), reduction="sum"),
        case("weights", image((6, 7, 2)), labels((6, 7)), attention_network=pixels, **indices),
        case("weighted sums", image((6, 7, 2), "int32"), labels((6, 7)), reduction="sum",
             attention_network=whole((1, 6, 7, 2), 0, 4)),
        case("networks", image((6, 7, 1)), lambda x: np.nan_to_num(x[..., 0] % 3).astype("int32"),
             attention_network=lambda x: np.nan_to_num(x % 2)),
        case("volume", image((2, 4, 5, 1)), labels((2, 4, 5)), **indices),
        case("volume, channels first", image((2, 3, 4, 5)), labels((3, 4, 5)), channel_axis=0),
    ]  # fmt: skip


def offsets(shape: tuple[int, ...], dtype: str = "float32") -> Array:
    """Eighths of a pixel, some of them far outside."""
    array = whole(shape, -20, 21) / 8
    array.flat[::7] = 6e4
    return array.astype(dtype)


def convolution(label: str, array: Array, filters: Array, moves: Any, **options: Any) -> Case:
    return Case(f"deform {label}", "deformable_conv", (array, filters, moves), options)


def convolutions() -> list[Case]:
    case = convolution
    small = image((4, 5, 4))
    kernel = whole((2, 2, 4, 3), -2, 3)
    moves = offsets((1, 3, 4, 8))
    return [
        case("linear", small, kernel, moves),
        case("padding, mask, bias", small, kernel, offsets((1, 5, 6, 8)), padding=1,
             mask_network=whole((1, 5, 6, 4), 0, 3), bias=whole((3,), 0, 3)),
        case("shared, strides", small, kernel, offsets((3, 2, 2)), stride=(1, 2)),
        case("groups", small, whole((2, 2, 2, 4), -2, 3), moves, groups=2),
        case("offset groups", small, kernel, offsets((1, 3, 4, 16)), offset_groups=2),
        case("depthwise", small, whole((2, 2, 1, 4), -2, 3), moves, groups=4),
        case("nearest", small, kernel, moves, interpolation="nearest", max_offset=1.5),
        case("one product", small, whole((4,), -2, 3), offsets((4, 5, 2))),
        case("float16 offsets", small, whole((4,), -2, 3), offsets((4, 5, 2), "float16"),
             max_offset=(1.3, 2)),
        case("one channel", image((4, 5)), whole((2, 2, 1, 1), -2, 3), moves, channel_axis=None),
        case("uint8", image((4, 5, 3), "uint8"), whole((2, 2, 3, 1), -2, 3, "int8"),
             offsets((1, 3, 4, 8), "float64")),
        case("float64", image((4, 5, 1), "float64"), whole((2, 2, 1, 1), -2, 3), moves),
        case("rounded", image((4, 5, 1), "int16"), whole((1, 1, 1, 1), -2, 3, "int64"),
             offsets((4, 5, 2))),
        case("volume", image((2, 3, 4, 2)), whole((2, 1, 2, 2, 2), -2, 3),
             offsets((1, 1, 3, 3, 12))),
        case("batch", image((2, 4, 5, 1)), whole((1, 1, 1, 2), -2, 3), offsets((1, 4, 5, 2)),
             batch_axis=0, mask_network=whole((2, 4, 5, 1), 0, 3)),
    ]  # fmt: skip


def fused() -> list[Case]:
    def case(label: str, array: Array, *arguments: Any, **options: Any) -> Case:
        return Case(f"fused {label}", "deformable_conv_and_pool", (array, *arguments), options)

    kernel = whole((2, 2, 2, 3), -2, 3)
    moves = offsets((1, 4, 5, 8))
    return [
        case("blocks", image((5, 6, 2)), kernel, moves, 2),
        case("indices", image((5, 6, 2)), kernel, moves, 2, pool_stride=1, pool_padding=1,
             ceil_mode=True, return_indices=True),
        case("one product", image((5, 6, 2)), whole((2,), -2, 3), offsets((5, 6, 2)), 3,
             pool_stride=1),
    ]  # fmt: skip


def gradients() -> list[Case]:
    def case(label: str, name: str, *arguments: Any, **options: Any) -> Case:
        return Gradient(f"gradient {label}", name, arguments, options)

    two, three = whole((5, 6, 4), -4, 5), whole((3, 4, 4, 2), -4, 5)
    kernel, moves = whole((2, 2, 4, 3), -2, 3), whole((1, 4, 5, 8), -12, 13) / 4
    return [
        case("max", "max_pooling", two, 3, stride=1, padding=1),
        case("max uint8", "max_pooling", image((5, 6), "uint8"), 2, channel_axis=None),
        case("attention per pixel", "attention_pooling", two, 2, whole((5, 6), 1, 9) / 8, stride=1),
        case("attention per window", "attention_pooling", three, 2,
             whole((1, 2, 2, 2, 2, 2), 1, 9)),
        case("dynamic", "dynamic_pooling", two, whole((5, 6, 2), -1, 5), stride=2),
        case("fractional", "dynamic_pooling", two, whole((5, 6, 2), 0, 20) / 4, fractional=True),
        case("fractional volume", "dynamic_pooling", three, whole((3, 4, 4), 2, 12) / 4,
             fractional=True, anchor="center", max_kernel_size=2),
        case("sites", "dynamic_stride_pooling", two,
             np.concatenate([whole((5, 6, 2), 1, 5), whole((5, 6, 2), 1, 4)], -1)),
        case("regions", "region_pooling", two, whole((5, 6), 0, 4).astype("int32"),
             attention_network=whole((5, 6), 1, 9) / 8),
        case("regions, means", "region_pooling", three,
             whole((3, 4, 4), 0, 4).astype("int32"), reduction="mean",
             attention_network=whole((3, 4, 4, 2), 1, 9) / 8),
        case("deformable", "deformable_conv", two, kernel, moves),
        case("deformable, mask, bias", "deformable_conv", two, kernel,
             whole((1, 6, 7, 16), -12, 13) / 4, padding=1, offset_groups=2, max_offset=2,
             mask_network=whole((1, 6, 7, 8), 0, 3), bias=whole((3,), 0, 3)),
        case("deformable groups", "deformable_conv", two, whole((2, 2, 2, 4), -2, 3), moves,
             groups=2),
        case("deformable depthwise", "deformable_conv", two, whole((2, 2, 1, 4), -2, 3), moves,
             groups=4, mask_network=whole((1, 4, 5, 4), 0, 3)),
        case("deformable shared", "deformable_conv", two, kernel, moves[..., :2].copy()),
        case("deformable volume", "deformable_conv", three, whole((2, 1, 2, 2, 2), -2, 3),
             whole((1, 2, 4, 3, 12), -6, 7) / 2),
        case("one product", "deformable_conv", two, whole((4,), -2, 3),
             whole((5, 6, 2), -8, 9) / 2, mask_network=whole((1, 5, 6, 1), 0, 3)),
        case("fused", "deformable_conv_and_pool", two, kernel, moves, 2, pool_stride=1),
        case("float64", "deformable_conv", two.astype("float64"), kernel, moves),
    ]  # fmt: skip
