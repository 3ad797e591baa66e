"""The table of what is measured: work, peer, and the ratio that is wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import cv2
import numpy as np
import scipy.ndimage as ndi
import torch
from numpy.typing import NDArray
from skimage.measure import block_reduce, regionprops_table

import adapool

from . import deform
from .timing import Call

Array = NDArray[Any]


@dataclass(frozen=True)
class Case:
    """Work that adapool and its peers are timed on.

    Attributes
    ----------
    group, name : str
        Section of the report, and what is done there.
    ours : callable
    peers : dict of callables
        The first is the one that `wanted` refers to.
    wanted : float
        How many times faster than the first peer adapool is meant to be.
    """

    group: str
    name: str
    ours: Call
    peers: dict[str, Call] = field(default_factory=dict)
    wanted: float = 1.0


SizeMaker = Callable[[tuple[int, ...], int, str], Array]
Section = Callable[[], Iterator[Case]]

KERNELS = (5, 9, 33, 65)


def random_sizes(shape: tuple[int, ...], most: int, dtype: str = "int16") -> Array:
    """Return a size of 1 to `most` for each pixel and axis, none like its neighbour."""
    rng = np.random.default_rng(1)
    return rng.integers(1, most + 1, (*shape, len(shape))).astype(dtype)


def smooth_sizes(shape: tuple[int, ...], most: int, dtype: str = "int16") -> Array:
    """Return sizes of 1 to `most` that vary slowly over the image."""
    noise = np.random.default_rng(2).random((*(n // 64 + 4 for n in shape), len(shape)))
    zoom = [n / m for n, m in zip(shape, noise.shape[:-1], strict=True)]
    maps = [ndi.zoom(noise[..., axis], zoom, order=3) for axis in range(len(shape))]
    stack = np.stack(maps, axis=-1)
    unit = (stack - stack.min()) / np.ptp(stack)
    return np.ascontiguousarray(1 + unit * (most - 1)).astype(dtype)


def image(*shape: int, dtype: str = "float32") -> Array:
    """Return noise: no window size, no direction is easier than another."""
    values = np.random.default_rng(0).random(shape, dtype=np.float32)
    return values if dtype == "float32" else (values * 250).astype(dtype)


def dynamic() -> Iterator[Case]:
    """Per-pixel windows against ONE fixed window, the easier job."""
    x = image(2048, 2048)
    makers: dict[str, tuple[SizeMaker, float]] = {
        "random": (random_sizes, 4.0),
        "smooth": (smooth_sizes, 5.0),
    }
    for kind, (make, wanted) in makers.items():
        for dtype, anchor in (("int16", "corner"), ("float32", "center")):
            for k in KERNELS:
                sizes = make(x.shape, k, dtype)
                yield Case(
                    f"dynamic_pooling, 2048 x 2048 float32, {kind} windows",
                    f"{dtype} sizes in 1..{k}, {anchor}",
                    partial(_dynamic, x, sizes, anchor=anchor),
                    {
                        "SciPy, one k x k": partial(ndi.maximum_filter, x, k),
                        "OpenCV, one k x k": partial(cv2.dilate, x, np.ones((k, k), np.uint8)),
                    },
                    wanted,
                )


def discs() -> Iterator[Case]:
    """Discs of their own sizes, beside boxes of the same sizes and ONE fixed disc."""
    x = image(2048, 2048)
    for kind, make in (("random", random_sizes), ("smooth", smooth_sizes)):
        for k in (5, 9, 17, 33):
            sizes = make(x.shape, k, "float32")[..., 0]
            reach = k // 2
            grid = np.indices((2 * reach + 1,) * 2) - reach
            disc = ((2 * grid / k) ** 2).sum(axis=0) <= 1
            yield Case(
                f"dynamic_pooling, 2048 x 2048 float32, {kind} discs",
                f"float32 sizes in 1..{k}",
                partial(adapool.dynamic_pooling, x, sizes, footprint="ellipse", channel_axis=None),
                {
                    "boxes of these sizes": partial(_dynamic, x, sizes, anchor="center"),
                    "SciPy, one disc": partial(ndi.maximum_filter, x, footprint=disc),
                },
                1.0,
            )


def dynamic_dtypes() -> Iterator[Case]:
    """Speed for every dtype, on random windows."""
    for dtype in ("uint8", "uint16", "float32", "float64"):
        x = image(2048, 2048, dtype=dtype)
        yield Case(
            "dynamic_pooling, 2048 x 2048, random windows in 1..33, by dtype",
            dtype,
            partial(_dynamic, x, random_sizes(x.shape, 33)),
            {"SciPy, one 33 x 33": partial(ndi.maximum_filter, x, 33)},
            3.0,
        )


def dynamic_volume() -> Iterator[Case]:
    """Per-voxel windows in a volume."""
    x = image(128, 256, 256)
    for k in (9, 17):
        yield Case(
            "dynamic_pooling, 128 x 256 x 256 float32, random windows",
            f"int16 sizes in 1..{k}",
            partial(_dynamic, x, random_sizes(x.shape, k)),
            {"SciPy, one k x k x k": partial(ndi.maximum_filter, x, k)},
            2.5,
        )


def strides() -> Iterator[Case]:
    """Sites against the dense map of the same windows."""
    x = image(4096, 4096)
    for name, sizes in {
        "all 4": np.full((4096, 4096, 2), 4, np.int16),
        "smooth in 4..32": 3 + smooth_sizes(x.shape, 29),
        "random in 4..16": 3 + random_sizes(x.shape, 13),
    }.items():
        params = np.concatenate([sizes, sizes], axis=-1)
        yield Case(
            "dynamic_stride_pooling, 4096 x 4096 float32, strides equal to sizes",
            name,
            partial(adapool.dynamic_stride_pooling, x, params, channel_axis=None),
            {"dense dynamic_pooling": partial(_dynamic, x, sizes)},
        )


def blobs(shape: tuple[int, int], count: int, radius: int) -> Array:
    """Return labels of disks around random points, parted where they meet; half of it is 0."""
    points = np.zeros(shape, np.int32)
    places = np.random.default_rng(3).choice(points.size, count, replace=False)
    points.flat[places] = np.arange(1, count + 1)
    distance, nearest = ndi.distance_transform_edt(points == 0, return_indices=True)
    labels: Array = np.where(distance < radius, points[tuple(nearest)], 0)
    return labels


def regions() -> Iterator[Case]:
    """Values of labelled regions, against SciPy and scikit-image."""
    x, labels = image(2048, 2048), blobs((2048, 2048), 5000, 14)
    index = np.arange(1, labels.max() + 1)
    far = labels.astype(np.int64) << 40
    group = "region_pooling, 2048 x 2048, 5,000 regions"
    functions = {"max": ndi.maximum, "min": ndi.minimum, "mean": ndi.mean, "sum": ndi.sum_labels}
    for dtype in ("float32", "uint8"):
        pixels = image(2048, 2048, dtype=dtype)
        for reduction in ("max", "mean") if dtype == "uint8" else functions:
            yield Case(
                group,
                f"{reduction}, {dtype}",
                partial(_regions, pixels, labels, reduction),
                {"SciPy": partial(functions[reduction], pixels, labels, index)},
                4.0 if reduction in ("max", "min") else 1.0,
            )
    names = ("intensity_max",)
    yield Case(
        group,
        "max, float32, beside a table",
        partial(_regions, x, labels, "max"),
        {"regionprops_table": partial(regionprops_table, labels, x, properties=names)},
        20.0,
    )
    yield Case(
        group,
        "max, float32, labels multiplied by 2**40",
        partial(_regions, x, far, "max"),
        {"SciPy": partial(ndi.maximum, x, far, index << 40)},
        4.0,
    )


def attention() -> Iterator[Case]:
    """Products with given weights, against torch's product and maximum."""
    for shape, k in (((4096, 4096, 1), 4), ((2048, 2048, 4), 4), ((1024, 1024, 64), 2)):
        x = image(*shape)
        for name, w in {"per pixel": image(*shape[:2]), "per channel": image(*shape)}.items():
            deep = w.reshape(*shape[:2], -1)
            last, last_weights = (
                torch.from_numpy(array).permute(2, 0, 1)[np.newaxis] for array in (x, deep)
            )
            first, first_weights = last.contiguous(), last_weights.contiguous()
            # A copy moves each byte twice: one of half the size moves what the pooling reads.
            source = np.ones((x.size + w.size) // 2, np.float32)
            yield Case(
                "attention_pooling, float32, weights given",
                f"{shape}, k = {k}, weights {name}",
                partial(adapool.attention_pooling, x, k, w),
                {
                    "torch, channels first": partial(_torch_product, first, first_weights, k),
                    "torch, channels last": partial(_torch_product, last, last_weights, k),
                    "copyto, as many bytes": partial(np.copyto, np.empty_like(source), source),
                },
                4.0,
            )


def maximum() -> Iterator[Case]:
    """Fixed windows of small integers."""
    for dtype in ("uint8", "uint16"):
        x = image(4096, 4096, dtype=dtype)
        as_float = torch.from_numpy(x.astype(np.float32))[None, None]
        for k in (2, 3, 8):
            yield Case(
                "max_pooling, 4096 x 4096",
                f"{dtype}, k = {k}",
                partial(adapool.max_pooling, x, k, channel_axis=None),
                {
                    "OpenCV dilate, sliced": partial(_dilate_and_slice, x, k),
                    "torch on float32": partial(torch.nn.functional.max_pool2d, as_float, k),
                    "block_reduce": partial(block_reduce, x, (k, k), np.max),
                },
            )


def _regions(x: Array, labels: Array, reduction: Any) -> Any:
    return adapool.region_pooling(x, labels, reduction=reduction, channel_axis=None)


def _dynamic(x: Array, sizes: Array, anchor: Any = "corner") -> Any:
    return adapool.dynamic_pooling(x, sizes, anchor=anchor, channel_axis=None)


def _torch_product(x: torch.Tensor, weights: torch.Tensor, k: int) -> torch.Tensor:
    return torch.nn.functional.max_pool2d(x * weights, k)


def _dilate_and_slice(x: Array, k: int) -> Array:
    return np.ascontiguousarray(cv2.dilate(x, np.ones((k, k), np.uint8))[::k, ::k])


def deformable() -> Iterator[Case]:
    """3 x 3 with a mask, against onnxruntime, torchvision, and a plain convolution."""
    for channels, filters, size, wanted in (
        (1, 1, 1024, 1.5),
        (3, 16, 512, 1.5),
        (16, 16, 512, 3.0),
        (64, 64, 256, 2.0),
        (256, 256, 64, 1.2),
    ):
        problem = deform.Problem.random(channels, filters, size)
        yield Case(
            "deformable_conv, 3 x 3 with mask, float32",
            f"C = {channels}, F = {filters}, {size} x {size}",
            problem.adapool,
            {
                "onnxruntime": problem.onnxruntime(),
                "torchvision": problem.torchvision(),
                "plain conv2d": problem.conv2d(),
            },
            wanted,
        )


def gradients() -> Iterator[Case]:
    """The way back alone, once the value is there; all gradients of a convolution."""
    for size, channels, k, stride in (
        (1024, 1, 2, 2), (512, 16, 2, 2), (512, 16, 3, 1), (512, 64, 3, 2),
    ):  # fmt: skip
        x = image(size, size, channels)
        value, pullback = adapool.vjp(adapool.max_pooling, x, k, stride=stride)
        cotangent = image(*value.shape)
        yield Case(
            "gradients of max_pooling, float32",
            f"{size} x {size} x {channels}, k = {k}, stride {stride}",
            partial(pullback, cotangent),
            {
                "torch, channels first": _torch_back(x, cotangent, k, stride, False),
                "torch, channels last": _torch_back(x, cotangent, k, stride, True),
            },
        )
    for channels, filters, size in ((3, 16, 512), (64, 64, 256)):
        problem = deform.Problem.random(channels, filters, size)
        yield Case(
            "gradients of deformable_conv, 3 x 3 with mask, float32",
            f"C = {channels}, F = {filters}, {size} x {size}",
            problem.pullback(),
            {"torchvision": problem.torchvision_pullback(), "adapool, the value": problem.adapool},
            3.0,
        )


def _torch_back(x: Array, cotangent: Array, k: int, stride: int, last: bool) -> Call:
    order = torch.channels_last if last else torch.contiguous_format
    given, back = (
        torch.from_numpy(np.moveaxis(array, -1, 0)[np.newaxis].copy()).to(memory_format=order)
        for array in (x, cotangent)
    )
    given.requires_grad_()
    pooled = torch.nn.functional.max_pool2d(given, k, stride)
    return lambda: torch.autograd.grad(pooled, given, back, retain_graph=True)


SECTIONS: tuple[Section, ...] = (
    dynamic,
    discs,
    dynamic_dtypes,
    dynamic_volume,
    strides,
    regions,
    attention,
    maximum,
    deformable,
    gradients,
)
