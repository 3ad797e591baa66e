"""The picture of the demo: what the network of each method says, and maps with and without it."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from scipy import ndimage
from skimage import filters

import adapool
from adapool import plot
from adapool._backends import Array
from adapool.demo.networks import TAPS, along_structure, label_objects, resemblance, thickness
from adapool.demo.samples import Sample
from adapool.demo.scores import count_beside, label_blocks, share_marked, share_owned
from adapool.estimators import BlobSizes
from adapool.plot._canvas import show_map
from adapool.plot._marks import draw_boundaries

# Pixels between the windows of the maps on a regular grid: alike, so that they can be compared.
STRIDE = 4
PLAIN: dict[str, Any] = {"channel_axis": None}

_COLOURS: dict[str, Any] = {"cmap": "magma", "vmin": 0, "vmax": 1}


@dataclass(frozen=True)
class _Page:
    """A row of three images for each method, and text beside them."""

    sample: Sample
    labels: Array
    size: int  # of windows that are all alike
    fixed: Array  # maxima over them
    figure: Figure
    axes: Array

    def say(self, y: float, text: str, **style: Any) -> None:
        self.figure.text(0.01, y, text, va="top", linespacing=1.35, **{"size": 12} | style)

    def explain(
        self, row: int, question: str, method: str, text: str, titles: Sequence[str]
    ) -> None:
        x, y = ((part.start - 0.5, part.stop - 0.5) for part in self.sample.crop[::-1])
        for ax, each in zip(self.axes[row], titles, strict=True):
            ax.set_title(each, fontsize=12, pad=4)
            ax.set(xlim=x, ylim=y[::-1], xticks=[], yticks=[], xlabel="", ylabel="")
        top = self.axes[row, 0].get_position().y1
        self.say(top, question, size=17, weight="bold")
        self.say(top - 0.024, method, family="monospace")
        self.say(top - 0.044, textwrap.fill(text, 33))

    def outline(self, ax: Any) -> None:
        draw_boundaries(ax, labels=self.labels, color="#1e90ff", linewidth=1)

    def show(self, row: int, *maps: Array, centred: bool = False) -> None:
        for ax, pooled in zip(self.axes[row, 1:], maps, strict=True):
            show_map(ax, pooled, (STRIDE, STRIDE), centered=centred, **_COLOURS)
            self.outline(ax)

    def spill(self, adaptive: Array) -> str:
        """Tell how bright the background becomes, with windows that are alike and others."""
        maps = (self.sample.image, 1), (self.fixed, STRIDE), (adaptive, STRIDE)
        off = self.labels == 0
        before, alike, own = (each[off[::step, ::step]].mean() for each, step in maps)
        became = f"{before:.2f} in the image, becomes {own:.2f}, against {alike:.2f}"
        return f"The mean level between {self.sample.many}, {became} with windows of one size."

    @property
    def spread(self) -> str:
        return f"max_pooling, {self.size} x {self.size} px: {self.sample.many} spread"


def draw(path: Path, sample: Sample, size: int, results: Sequence[Any]) -> None:
    """Draw what all methods give, in the order of the table, and write it as PNG."""
    peaks, regions, boxes, fixed, dynamic, attention, deformed = results
    # Neither pyplot nor a global backend: a caller's matplotlib stays as it is.
    figure = Figure(figsize=(16, 13.2), dpi=100)
    grid = figure.add_gridspec(
        6, 3, height_ratios=[1, 0.04, 1, 1, 1, 1], wspace=0.02, hspace=0.15,
        left=0.205, bottom=0.008, right=0.992, top=0.925,
    )  # fmt: skip
    axes = np.array([[figure.add_subplot(grid[k, i]) for i in range(3)] for k in (0, 2, 3, 4, 5)])
    page = _Page(sample, label_objects(sample.image), size, fixed, figure, axes)
    _head(page, grid[1, 0].get_position(figure).y0)
    _which_shape(page, boxes, regions)
    _how_many(page, peaks)
    _how_large(page, dynamic)
    _what_counts(page, attention)
    _where_to_look(page, deformed)
    figure.savefig(path, format="png")


def _head(page: _Page, below: float) -> None:
    """Write what the picture shows, and what the columns of all rows but the first are."""
    many = page.sample.many
    page.say(0.988, f"Max pooling that adapts to the {many}", size=20, weight="bold")
    shape = " x ".join(map(str, page.sample.image.shape))
    scale = f"Maps have one colour scale, from dark (0) to bright (1); blue outlines: {many}."
    page.say(0.962, f"{page.sample.title}, {shape} pixels; a part is shown. {scale}")
    headings = ("What the network says", "Without it: all alike", "With it: adaptive")
    for x, heading in zip((0.335, 0.599, 0.863), headings, strict=True):
        page.figure.text(x, below, heading, size=14, weight="bold", ha="center", va="bottom")


def _which_shape(page: _Page, boxes: Any, regions: Any) -> None:
    image, many = page.sample.image, page.sample.many
    block = round((image.size / len(boxes.values)) ** 0.5)  # about as many as there are boxes
    blocks = adapool.max_pooling(image, block, ceil_mode=True, **PLAIN)
    partitions = {
        "blocks": (label_blocks(image.shape, block), blocks, block),
        "boxes": (boxes.labels, boxes.to_map(), 1),
        "regions": (regions.labels, regions.to_map(), 1),
    }
    titles = []
    for ax, (name, (windows, pooled, step)) in zip(page.axes[0], partitions.items(), strict=True):
        show_map(ax, pooled, (step, step), **_COLOURS)
        draw_boundaries(ax, windows, color="0.5", linewidth=0.7)
        page.outline(ax)
        titles.append(f"{name}: {share_owned(page.labels, windows):.0%} of {many} own one")
    page.explain(
        0,
        "Which shape?",
        "region_pooling",
        f"About as many values in each: {blocks.size} equal blocks, {len(boxes.values)} boxes "
        f"whose strides follow the {many}, {len(regions.values)} regions in their shape. "
        f"A {page.sample.one} owns the window that it shares half of their union with.",
        titles,
    )


def _how_many(page: _Page, peaks: Array) -> None:
    image, many, size, labels = page.sample.image, page.sample.many, page.size, page.labels
    smooth = ndimage.gaussian_filter(image, size / 6)
    alike = adapool.peak_local_max(smooth, size, threshold=filters.threshold_otsu(smooth))
    own = BlobSizes().predict(image[np.newaxis, ..., np.newaxis])[0]
    plot.show_windows(image, own, positions=peaks, ax=page.axes[1, 0])
    for ax, points in zip(page.axes[1, 1:], (alike, peaks), strict=True):
        plot.show_peaks(image, points, ax=ax)
        page.outline(ax)
    page.explain(
        1, "How many?", "peak_local_max",
        f"A point for each {page.sample.one}, with nothing to set: "
        f"{share_marked(labels, peaks):.0%} of {labels.max()} {many} hold just one, and "
        f"{count_beside(labels, peaks)} points are in none. With windows of {size} x {size} on "
        f"the smoothed image it is {share_marked(labels, alike):.0%} and "
        f"{count_beside(labels, alike)}.",
        (f"windows as large as the {many}", f"one window: {len(alike)} points",
         f"a window for each: {len(peaks)} points"),
    )  # fmt: skip


def _how_large(page: _Page, dynamic: Array) -> None:
    image, many, labels = page.sample.image, page.sample.many, page.labels
    sizes = thickness(image[np.newaxis, ..., np.newaxis])
    middles = ndimage.maximum_position(sizes[0, ..., 0], labels, range(1, labels.max() + 1))
    plot.show_windows(image, sizes, positions=np.array(middles), ax=page.axes[2, 0])
    page.show(2, page.fixed, dynamic, centred=True)
    page.explain(
        2, "How large?", "dynamic_pooling",
        f"No window on the {many} reaches into background, where windows are one pixel. "
        + page.spill(dynamic),
        (f"the largest window within the {many}", page.spread,
         f"windows of 1 to {sizes.max()} px: outlines stay"),
    )  # fmt: skip


def _what_counts(page: _Page, attention: Array) -> None:
    image, size, ax = page.sample.image, page.size, page.axes[3, 0]
    apart = (slice(part.start + size, part.stop - size // 2, 2 * size) for part in page.sample.crop)
    middles = np.mgrid[tuple(apart)].reshape(2, -1).T
    plot.show_windows(image, np.full(len(middles), size), positions=middles, ax=ax)
    for top, left in middles - size // 2:
        window = image[top : top + size, left : left + size]
        weights = resemblance(window.reshape(1, -1)).reshape(size, size)
        place = np.add((left, left + size, top + size, top), -0.5)
        ax.imshow(weights, cmap="viridis", vmin=0, vmax=1, extent=place)
    page.show(3, page.fixed, attention, centred=True)
    page.explain(
        3, "What counts?", "attention_pooling",
        "In each window, values count as far as they resemble the one at its centre. "
        + page.spill(attention),
        ("weights, yellow where like the centre (dot)", page.spread,
         "the same windows, weighted: gaps stay open"),
    )  # fmt: skip


def _where_to_look(page: _Page, deformed: Array) -> None:
    image = page.sample.image
    row_means = ndimage.uniform_filter1d(image, TAPS, mode="constant")
    straight = adapool.max_pooling(row_means, STRIDE, ceil_mode=True, **PLAIN)
    kernel: Any = {"kernel_size": (1, TAPS), "padding": (0, TAPS // 2), "step": TAPS + 1}
    plot.show_offsets(image, along_structure, **kernel, ax=page.axes[4, 0])
    page.show(4, straight, deformed)
    inside = page.labels[STRIDE // 2 :: STRIDE, STRIDE // 2 :: STRIDE] > 0
    after, before = (each[inside].mean() - each[~inside].mean() for each in (deformed, straight))
    page.explain(
        4, "Where to look?", "deformable_conv_and_pool",
        f"A mean of {TAPS} pixels, then maxima over {STRIDE} x {STRIDE}. Turned along the local "
        f"structure, less of the row falls beside the {page.sample.many}: they stand out from "
        f"their surroundings by {after:.2f}, against {before:.2f}.",
        (f"{TAPS} taps, turned along the structure",
         f"the mean of {TAPS} pixels in a row: blurred", "the mean along the structure: sharper"),
    )  # fmt: skip
