"""Dynamic windows that are all alike, and what the places of the maxima cost."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import cv2
import numpy as np

import adapool

from .cases import KERNELS, Case, image, random_sizes, smooth_sizes


def alike() -> Iterator[Case]:
    """One size everywhere, given for each pixel, against a function that is told one size."""
    x = image(2048, 2048)
    for dtype, anchor in (("int16", "corner"), ("float32", "center")):
        for k in (3, *KERNELS):
            sizes = np.full((*x.shape, 2), k, dtype)
            yield Case(
                "dynamic_pooling, 2048 x 2048 float32, windows all alike",
                f"{dtype} sizes, all {k}, {anchor}",
                partial(adapool.dynamic_pooling, x, sizes, anchor=anchor, channel_axis=None),
                {"OpenCV, one k x k": partial(cv2.dilate, x, np.ones((k, k), np.uint8))},
                0.5,
            )


def winners() -> Iterator[Case]:
    """With the places of the maxima, against the maxima alone."""
    for kind, make in {"random": random_sizes, "smooth": smooth_sizes}.items():
        for dtype in ("uint8", "float32", "float64"):
            x = image(2048, 2048, dtype=dtype)
            call = partial(adapool.dynamic_pooling, x, make(x.shape, 33), channel_axis=None)
            yield Case(
                "dynamic_pooling, 2048 x 2048, windows in 1..33, return_indices=True",
                f"{dtype}, {kind}",
                partial(call, return_indices=True),
                {"values alone": call},
                0.5,
            )
