"""The table of what is measured: work, peer, and the ratio that is wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
import scipy.ndimage as ndi
import torch
from numpy.typing import NDArray
from skimage.measure import block_reduce

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


Maker = Callable[[], Iterator[Case]]

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
    makers = {"random": (random_sizes, 3.0), "smooth": (smooth_sizes, 5.0)}
    for kind, (make, wanted) in makers.items():
        for dtype, anchor in (("int16", "corner"), ("float32", "center")):
            for k in KERNELS:
                sizes = make(x.shape, k, dtype)
                box = np.ones((k, k), np.uint8)
                yield Case(
                    f"dynamic_pooling, 2048 x 2048 float32, {kind} windows",
                    f"{dtype} sizes in 1..{k}, {anchor}",
                    lambda s=sizes, a=anchor: adapool.dynamic_pooling(
                        x, s, anchor=a, channel_axis=None
                    ),
                    {
                        "SciPy, one k x k": lambda k=k: ndi.maximum_filter(x, k),
                        "OpenCV, one k x k": lambda b=box: cv2.dilate(x, b),
                    },
                    wanted,
                )


def dynamic_dtypes() -> Iterator[Case]:
    """Speed for every dtype, on random windows."""
    for dtype in ("uint8", "uint16", "float32", "float64"):
        x = image(2048, 2048, dtype=dtype)
        sizes = random_sizes(x.shape, 33)
        yield Case(
            "dynamic_pooling, 2048 x 2048, random windows in 1..33, by dtype",
            dtype,
            lambda x=x, s=sizes: adapool.dynamic_pooling(x, s, channel_axis=None),
            {"SciPy, one 33 x 33": lambda x=x: ndi.maximum_filter(x, 33)},
            3.0,
        )


def dynamic_volume() -> Iterator[Case]:
    """Per-voxel windows in a volume."""
    x = image(128, 256, 256)
    for k in (9, 17):
        sizes = random_sizes(x.shape, k)
        yield Case(
            "dynamic_pooling, 128 x 256 x 256 float32, random windows",
            f"int16 sizes in 1..{k}",
            lambda s=sizes: adapool.dynamic_pooling(x, s, channel_axis=None),
            {"SciPy, one k x k x k": lambda k=k: ndi.maximum_filter(x, k)},
            2.0,
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
            lambda p=params: adapool.dynamic_stride_pooling(x, p, channel_axis=None),
            {
                "dense dynamic_pooling": lambda s=sizes: adapool.dynamic_pooling(
                    x, s, channel_axis=None
                )
            },
        )


def attention() -> Iterator[Case]:
    """Products with given weights, against torch's product and maximum."""
    for shape, k in (((4096, 4096, 1), 4), ((2048, 2048, 4), 4), ((1024, 1024, 64), 2)):
        x = image(*shape)
        for name, w in {"per pixel": image(*shape[:2]), "per channel": image(*shape)}.items():
            deep = w.reshape(*shape[:2], -1)
            last = torch.from_numpy(x).permute(2, 0, 1)[None]
            last_weights = torch.from_numpy(deep).permute(2, 0, 1)[None]
            first, first_weights = last.contiguous(), last_weights.contiguous()
            copy = np.empty(x.size + w.size, np.float32)
            source = np.ones_like(copy)
            yield Case(
                "attention_pooling, float32, weights given",
                f"{shape}, k = {k}, weights {name}",
                lambda x=x, k=k, w=w: adapool.attention_pooling(x, k, w),
                {
                    "torch, channels first": lambda a=first, b=first_weights, k=k: (
                        torch.nn.functional.max_pool2d(a * b, k)
                    ),
                    "torch, channels last": lambda a=last, b=last_weights, k=k: (
                        torch.nn.functional.max_pool2d(a * b, k)
                    ),
                    # Reads and writes as many bytes each as the pooling reads.
                    "copyto, half its bytes": lambda c=copy, s=source: np.copyto(
                        c[: c.size // 2], s[: s.size // 2]
                    ),
                },
                4.0,
            )


def maximum() -> Iterator[Case]:
    """Fixed windows of small integers."""
    for dtype in ("uint8", "uint16"):
        x = image(4096, 4096, dtype=dtype)
        as_float = torch.from_numpy(x.astype(np.float32))[None, None]
        for k in (2, 3, 8):
            box = np.ones((k, k), np.uint8)
            yield Case(
                "max_pooling, 4096 x 4096",
                f"{dtype}, k = {k}",
                lambda x=x, k=k: adapool.max_pooling(x, k, channel_axis=None),
                {
                    "OpenCV dilate, sliced": lambda x=x, b=box, k=k: np.ascontiguousarray(
                        cv2.dilate(x, b)[::k, ::k]
                    ),
                    "torch on float32": lambda a=as_float, k=k: torch.nn.functional.max_pool2d(
                        a, k
                    ),
                    "block_reduce": lambda x=x, k=k: block_reduce(x, (k, k), np.max),
                },
            )


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


SECTIONS: tuple[Maker, ...] = (
    dynamic,
    dynamic_dtypes,
    dynamic_volume,
    strides,
    attention,
    maximum,
    deformable,
)
