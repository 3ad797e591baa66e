"""The demo behind ``adapool demo``: every method on a real image, timed and drawn."""

from __future__ import annotations

import time
from collections.abc import Callable
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm  # type: ignore[import-untyped]

import adapool
from adapool._backends import Array
from adapool.demo.networks import (
    TAPS,
    along_structure,
    label_objects,
    object_boxes,
    resemblance,
    thickness,
)
from adapool.demo.picture import PLAIN, STRIDE, draw
from adapool.demo.samples import NAMES, load
from adapool.demo.scores import label_blocks, share_marked, share_owned
from adapool.estimators import ObjectRegions

__all__ = [
    "NAMES",
    "TAPS",
    "along_structure",
    "label_blocks",
    "label_objects",
    "load",
    "object_boxes",
    "resemblance",
    "run",
    "share_marked",
    "share_owned",
    "thickness",
]


def run(image: str, output: Path, *, quick: bool = False) -> str:
    """Pool one of the images `NAMES`, draw the picture as PNG, and return the table.

    Every method is called twice, as the first call may compile; only once if it is to be quick.
    """
    sample = load(image)
    # A square as large as the median object, of an odd width.
    size = int(np.median(np.bincount(label_objects(sample.image).flat)[1:]) ** 0.5) // 2 * 2 + 1
    # Centred windows: half of one reaches over the border.
    centred = {"kernel_size": size, "stride": STRIDE, "padding": size // 2}
    mean = np.full((1, TAPS, 1, 1), 1 / TAPS, np.float32)
    line = {"conv_weights": mean, "kernel_size": STRIDE, "padding": (0, TAPS // 2)}
    budget = len(adapool.dynamic_stride_pooling(sample.image, object_boxes, **PLAIN).values)
    calls: list[tuple[Callable[..., Any], Any, dict[str, Any]]] = [
        (adapool.peak_local_max, None, {}),
        (adapool.region_pooling, ObjectRegions(budget), {}),
        (adapool.dynamic_stride_pooling, object_boxes, {}),
        (adapool.max_pooling, None, centred),
        (adapool.dynamic_pooling, thickness, {"anchor": "center", "stride": STRIDE}),
        (adapool.attention_pooling, resemblance, centred),
        (adapool.deformable_conv_and_pool, along_structure, line | {"ceil_mode": True}),
    ]
    # Silent unless it takes longer than a second, as it does while functions are compiled.
    bar = tqdm(calls, desc="adapool demo", unit="method", delay=1, leave=False)
    times = 1 if quick else 2
    results, lines = zip(*(_timed(sample.image, times, *call) for call in bar), strict=True)
    draw(output, sample, size, results)
    headings = ["method", "input", "output", "dtype", *["first ms", "second ms"][:times]]
    rows = [[*headings, "of it network"], *lines]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows.insert(1, ["-" * width for width in widths])
    # Words are read from the left, numbers from the right.
    form = "  ".join(f"{{:{'<' if i < 4 else '>'}{width}}}" for i, width in enumerate(widths))
    return "\n".join(form.format(*row).rstrip() for row in rows)


def _timed(
    image: Array,
    times: int,
    function: Callable[..., Any],
    network: Any,
    options: dict[str, Any],
) -> tuple[Any, list[str]]:
    """Call adapool so many times; return the result, and the line of the table."""
    totals, predicting = [], [0.0]
    predict = getattr(network, "predict", network)

    def watched(given: Array) -> Array:
        begin = time.perf_counter()
        predicted: Array = predict(given)
        predicting[-1] += time.perf_counter() - begin
        return predicted

    if network is not None:
        names = [name for name in signature(function).parameters if name.endswith("_network")]
        options = options | {names[0]: watched}
    for _ in range(times):
        predicting.append(0)
        begin = time.perf_counter()
        result = function(image, **PLAIN, **options)
        totals.append(time.perf_counter() - begin)
    values = getattr(result, "values", result)  # of sites
    shapes = [" x ".join(map(str, array.shape)) for array in (image, values)]
    taken = [f"{1e3 * each:.1f}" for each in totals]
    of_network = "-" if network is None else f"{1e3 * predicting[-1]:.1f}"
    return result, [function.__name__, *shapes, str(values.dtype), *taken, of_network]
