"""Pooling of images from files: their axes and the sizes of their pixels go with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import adapool
from adapool.io._image import Image


def pooled(image: Image, method: str, options: dict[str, Any]) -> Image:
    """Return an image pooled by one of `METHODS`, with its own of `OPTIONS`, or None of each.

    Windows of one size see a lazy image as it is; networks see it frame by frame, in memory.
    """
    if method in WHOLE:
        return WHOLE[method](image, **options)
    frames = []
    for frame in image.frames():
        read = Image(np.asarray(frame), frame.axes, frame.spacing, frame.channels)
        frames.append(BY_FRAMES[method](read, **options))
    if "t" not in image.axes:
        return frames[0]
    stacked = np.stack([each.array for each in frames])
    first = frames[0]
    return Image(stacked, "t" + first.axes, first.spacing, first.channels)


def _max(image: Image, size: tuple[int, ...], stride: tuple[int, ...] | None) -> Image:
    size, stride = _along(image, size, "size"), _along(image, stride or size, "stride")
    pooled = adapool.max_pooling(
        image.array, size, stride=stride, channel_axis=image.channel_axis,
        batch_axis=image.batch_axis,
    )  # fmt: skip
    return _coarser(image, pooled, stride)


def _attention(
    image: Image, size: tuple[int, ...], stride: tuple[int, ...] | None, estimator: str
) -> Image:
    size, stride = _along(image, size, "size"), _along(image, stride or size, "stride")
    channels = 1 if image.channel_axis is None else image.array.shape[image.channel_axis]
    pooled = adapool.attention_pooling(
        image.array, size, getattr(adapool.estimators, estimator)(channels=channels),
        stride=stride, channel_axis=image.channel_axis, batch_axis=image.batch_axis,
    )  # fmt: skip
    return _coarser(image, pooled, stride)


def _dynamic(
    image: Image, size: tuple[int, ...] | None, stride: tuple[int, ...] | None, estimator: str
) -> Image:
    stride = _along(image, stride or (1,), "stride")
    pooled = adapool.dynamic_pooling(
        image.array, getattr(adapool.estimators, estimator)(spacing=image.spacing),
        stride=stride, max_kernel_size=None if size is None else _along(image, size, "size"),
        anchor="center", channel_axis=image.channel_axis,
    )  # fmt: skip
    return _coarser(image, pooled, stride)


def _regions(image: Image, reduction: str | None, budget: int | None) -> Image:
    network = adapool.estimators.ObjectRegions(budget, spacing=image.spacing)
    kind: Any = reduction or "max"
    sites = adapool.region_pooling(
        image.array, network, reduction=kind, channel_axis=image.channel_axis
    )
    return _coarser(image, sites.to_map(), (1,) * len(image.spatial_axes))


def _along(image: Image, numbers: tuple[int, ...], name: str) -> tuple[int, ...]:
    """Return a number for each spatial axis."""
    axes = image.spatial_axes
    if len(numbers) not in (1, len(axes)):
        raise ValueError(
            f"--{name} must be a number, or one for each of the axes {axes}, "
            f"got {','.join(map(str, numbers))}"
        )
    return numbers * len(axes) if len(numbers) == 1 else numbers


def _coarser(image: Image, pooled: Any, stride: tuple[int, ...]) -> Image:
    """Return what was pooled, with pixels as much larger as the stride."""
    spacing = image.spacing and tuple(a * b for a, b in zip(image.spacing, stride, strict=True))
    return Image(pooled, image.axes, spacing, image.channels)


WHOLE: dict[str, Callable[..., Image]] = {"max": _max, "attention": _attention}
BY_FRAMES: dict[str, Callable[..., Image]] = {"dynamic": _dynamic, "regions": _regions}
