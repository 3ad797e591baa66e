"""The demo behind ``adapool demo``: every method on a real image, timed and drawn.

Plain functions stand in for trained networks; adapool takes them as they are.
"""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable, Sequence
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from scipy import ndimage
from skimage import color, data, feature, filters, metrics, morphology, segmentation
from tqdm import tqdm  # type: ignore[import-untyped]

import adapool
from adapool import plot
from adapool._backends import Array
from adapool.estimators import BlobSizes, ObjectRegions
from adapool.plot._canvas import show_map
from adapool.plot._marks import draw_boundaries

# Pixels between the windows of the maps on a regular grid: alike, so that they can be compared.
STRIDE = 4
PLAIN: dict[str, Any] = {"channel_axis": None}

# Pixels of the smallest boxes that the image is cut into.
SIDE = 16

# Taps of the line along which `along_structure` sends the deformable convolution.
TAPS = 13


class Sample(NamedTuple):
    """An image (row, column) from 0 to 1, what it shows, and the part to look at closely."""

    title: str
    image: Array
    one: str  # what an object in it is called, and several
    many: str
    crop: tuple[slice, slice]


_IMAGES: dict[str, Callable[[], Sample]] = {
    # Nuclei are blue and membranes brown: unmixed, the blue stain is an image of nuclei alone.
    "immunohistochemistry": lambda: Sample(
        "skimage.data.immunohistochemistry(), the stain of the nuclei",
        color.rgb2hed(data.immunohistochemistry())[..., 0],
        *("nucleus", "nuclei", np.s_[232:328, 176:368]),
    ),
    "coins": lambda: Sample(
        "skimage.data.coins()", data.coins(), "coin", "coins", np.s_[88:232, 94:382]
    ),
}  # scikit-image carries them in its wheel: nothing is downloaded.
NAMES = tuple(_IMAGES)


def load(name: str) -> Sample:
    """Load one of `NAMES`, in float32 and scaled to 0 .. 1; the few extremes saturate."""
    sample = _IMAGES[name]()
    low, high = np.percentile(sample.image, (0.5, 99.5))
    return sample._replace(image=((sample.image - low) / (high - low)).clip(0, 1).astype("f4"))


# --- what stands in for networks ----------------------------------------------------------------


def label_objects(image: Array) -> Array:
    """Label what is brighter than its wider surroundings, cut into objects at its waists."""
    smooth = ndimage.gaussian_filter(image, 1.5) - ndimage.gaussian_filter(image, 30)
    mask = ndimage.binary_fill_holes(smooth > filters.threshold_otsu(smooth.ravel()))
    mask = ndimage.binary_opening(mask, morphology.disk(2))
    depth = ndimage.gaussian_filter(ndimage.distance_transform_edt(mask), 1)
    markers = adapool.peak_local_max(depth, 9, threshold=0, labels=mask, return_markers=True)
    return np.asarray(segmentation.watershed(-depth, markers, mask=mask))


def object_boxes(given: Array) -> Array:
    """Give each pixel a window as large as the object around it, and a stride as large."""
    return np.maximum(BlobSizes().with_strides().predict(given), SIDE)


def thickness(given: Array) -> Array:
    """Give each pixel the size of the largest centred window off the background, 1 on it."""
    reach = ndimage.distance_transform_cdt(label_objects(given[0, ..., 0]) > 0, "chessboard")
    return np.asarray(np.maximum(2 * reach - 1, 1))[np.newaxis, ..., np.newaxis]


def resemblance(windows: Array) -> Array:
    """Weigh the values of square windows (n, K) by how they resemble those at the centre."""
    side = round(windows.shape[1] ** 0.5)
    # The mean of a few pixels, rather than one, which may be noise.
    middle = slice(side // 2 - side // 8, side // 2 + side // 8 + 1)
    centre = windows.reshape(-1, side, side)[:, middle, middle].mean(axis=(1, 2))
    # 0.25 is a difference beyond which a pixel no longer resembles another.
    return np.asarray(np.exp(-(((windows - centre[:, np.newaxis]) / 0.25) ** 2)))


def along_structure(given: Array) -> Array:
    """Move the taps of a row, each by a (row, column), to where it lies along the structure."""
    rows, mixed, columns = feature.structure_tensor(given[0, ..., 0], sigma=3, order="rc")
    across = np.arctan2(2 * mixed, rows - columns) / 2  # against the row axis
    along = np.stack([-np.sin(across), np.cos(across)], axis=-1)[..., np.newaxis, :]
    offsets = (np.arange(TAPS)[:, np.newaxis] - TAPS // 2) * (along - [0, 1])
    return np.asarray(offsets.reshape(1, *rows.shape, 2 * TAPS))


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
    _draw(output, sample, size, results)
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


def label_blocks(shape: tuple[int, ...], size: int) -> Array:
    """Return the partition into square blocks, numbered from 1 on."""
    row, column = np.indices(shape) // size
    return np.asarray(1 + row * (column.max() + 1) + column)


def share_owned(labels: Array, windows: Array) -> float:
    """Return the share of objects that a window is like: as an intersection over union, 0.5.

    Label 0 is background in one, and stands for no window in the other.
    """
    shared = metrics.contingency_table(labels, windows).toarray()
    either = shared.sum(axis=1, keepdims=True) + shared.sum(axis=0) - shared
    alike = shared >= either / 2
    return float(alike[1:, 1:].any(axis=1).mean())


def share_marked(labels: Array, points: Array) -> float:
    """Return the share of objects that hold just one point."""
    held = np.bincount(labels[tuple(points.T)], minlength=labels.max() + 1)
    return float((held[1:] == 1).mean())


def count_beside(labels: Array, points: Array) -> int:
    """Return how many points lie in no object."""
    return int((labels[tuple(points.T)] == 0).sum())


def _draw(path: Path, sample: Sample, size: int, results: Sequence[Any]) -> None:
    """Draw for each method what its network says, what comes out without it, and with it."""
    title, image, one, many, crop = sample
    peaks, regions, boxes, fixed, dynamic, attention, deformed = results
    labels = label_objects(image)
    # Neither pyplot nor a global backend: a caller's matplotlib stays as it is.
    figure = Figure(figsize=(16, 13.2), dpi=100)
    grid = figure.add_gridspec(
        6, 3, height_ratios=[1, 0.04, 1, 1, 1, 1], wspace=0.02, hspace=0.15,
        left=0.205, bottom=0.008, right=0.992, top=0.925,
    )  # fmt: skip
    axes = np.array([[figure.add_subplot(grid[k, i]) for i in range(3)] for k in (0, 2, 3, 4, 5)])
    say = partial(figure.text, 0.01, va="top", linespacing=1.35, size=12)
    outline = partial(draw_boundaries, labels=labels, color="#1e90ff", linewidth=1)

    def explain(row: int, question: str, method: str, text: str, titles: Sequence[str]) -> None:
        x, y = ((part.start - 0.5, part.stop - 0.5) for part in crop[::-1])
        for ax, each in zip(axes[row], titles, strict=True):
            ax.set_title(each, fontsize=12, pad=4)
            ax.set(xlim=x, ylim=y[::-1], xticks=[], yticks=[], xlabel="", ylabel="")
        top = axes[row, 0].get_position().y1
        say(top, question, size=17, weight="bold")
        say(top - 0.024, method, family="monospace")
        say(top - 0.044, textwrap.fill(text, 33))

    def show(row: int, *maps: Array, centred: bool = False) -> None:
        for ax, pooled in zip(axes[row, 1:], maps, strict=True):
            steps = (STRIDE, STRIDE)
            show_map(ax, pooled, steps, centered=centred, cmap="magma", vmin=0, vmax=1)
            outline(ax)

    def spill(adaptive: Array) -> str:
        maps = (image, 1), (fixed, STRIDE), (adaptive, STRIDE)
        before, alike, own = (each[labels[::step, ::step] == 0].mean() for each, step in maps)
        became = f"{before:.2f} in the image, becomes {own:.2f}, against {alike:.2f}"
        return f"The mean level between {many}, {became} with windows of one size."

    say(0.988, f"Max pooling that adapts to the {many}", size=20, weight="bold")
    shape = " x ".join(map(str, image.shape))
    scale = f"Maps have one colour scale, from dark (0) to bright (1); blue outlines: {many}."
    say(0.962, f"{title}, {shape} pixels; a part is shown. {scale}")
    headings = ("What the network says", "Without it: all alike", "With it: adaptive")
    middle = grid[1, 0].get_position(figure).y0
    for x, heading in zip((0.335, 0.599, 0.863), headings, strict=True):
        figure.text(x, middle, heading, size=14, weight="bold", ha="center", va="bottom")

    block = round((image.size / len(boxes.values)) ** 0.5)  # about as many as there are boxes
    blocks = adapool.max_pooling(image, block, ceil_mode=True, **PLAIN)
    partitions = {
        "blocks": (label_blocks(image.shape, block), blocks, block),
        "boxes": (boxes.labels, boxes.to_map(), 1),
        "regions": (regions.labels, regions.to_map(), 1),
    }
    titles = []
    for ax, (name, (windows, pooled, step)) in zip(axes[0], partitions.items(), strict=True):
        show_map(ax, pooled, (step, step), cmap="magma", vmin=0, vmax=1)
        draw_boundaries(ax, windows, color="0.5", linewidth=0.7)
        outline(ax)
        titles.append(f"{name}: {share_owned(labels, windows):.0%} of {many} own one")
    explain(
        0,
        "Which shape?",
        "region_pooling",
        f"About as many values in each: {blocks.size} equal blocks, {len(boxes.values)} boxes "
        f"whose strides follow the {many}, {len(regions.values)} regions in their shape. A {one} "
        "owns the window that it shares half of their union with.",
        titles,
    )

    smooth = ndimage.gaussian_filter(image, size / 6)
    level = filters.threshold_otsu(smooth)
    alike = adapool.peak_local_max(smooth, size, threshold=level)
    own = BlobSizes().predict(image[np.newaxis, ..., np.newaxis])[0]
    plot.show_windows(image, own, positions=peaks, ax=axes[1, 0])
    for ax, points in zip(axes[1, 1:], (alike, peaks), strict=True):
        plot.show_peaks(image, points, ax=ax)
        outline(ax)
    explain(
        1, "How many?", "peak_local_max",
        f"A point for each {one}, with nothing to set: {share_marked(labels, peaks):.0%} of "
        f"{labels.max()} {many} hold just one, and {count_beside(labels, peaks)} points are in "
        f"none. With windows of {size} x {size} on the smoothed image it is "
        f"{share_marked(labels, alike):.0%} and {count_beside(labels, alike)}.",
        (f"windows as large as the {many}", f"one window: {len(alike)} points",
         f"a window for each: {len(peaks)} points"),
    )  # fmt: skip

    sizes = thickness(image[np.newaxis, ..., np.newaxis])
    middles = np.array(
        ndimage.maximum_position(sizes[0, ..., 0], labels, range(1, labels.max() + 1))
    )
    plot.show_windows(image, sizes, positions=middles, ax=axes[2, 0])
    spread = f"max_pooling, {size} x {size} px: {many} spread"
    show(2, fixed, dynamic, centred=True)
    explain(
        2, "How large?", "dynamic_pooling",
        f"No window on the {many} reaches into background, where windows are one pixel. "
        + spill(dynamic),
        (f"the largest window within the {many}", spread,
         f"windows of 1 to {sizes.max()} px: outlines stay"),
    )  # fmt: skip

    apart = (slice(part.start + size, part.stop - size // 2, 2 * size) for part in crop)
    middles = np.mgrid[tuple(apart)].reshape(2, -1).T
    plot.show_windows(image, np.full(len(middles), size), positions=middles, ax=axes[3, 0])
    for top, left in middles - size // 2:
        window = image[top : top + size, left : left + size]
        weights = resemblance(window.reshape(1, -1)).reshape(size, size)
        place = np.add((left, left + size, top + size, top), -0.5)
        axes[3, 0].imshow(weights, cmap="viridis", vmin=0, vmax=1, extent=place)
    show(3, fixed, attention, centred=True)
    explain(
        3, "What counts?", "attention_pooling",
        "In each window, values count as far as they resemble the one at its centre. "
        + spill(attention),
        ("weights, yellow where like the centre (dot)", spread,
         "the same windows, weighted: gaps stay open"),
    )  # fmt: skip

    row_means = ndimage.uniform_filter1d(image, TAPS, mode="constant")
    straight = adapool.max_pooling(row_means, STRIDE, ceil_mode=True, **PLAIN)
    kernel: Any = {"kernel_size": (1, TAPS), "padding": (0, TAPS // 2), "step": TAPS + 1}
    plot.show_offsets(image, along_structure, **kernel, ax=axes[4, 0])
    show(4, straight, deformed)
    inside = labels[STRIDE // 2 :: STRIDE, STRIDE // 2 :: STRIDE] > 0
    after, before = (each[inside].mean() - each[~inside].mean() for each in (deformed, straight))
    explain(
        4, "Where to look?", "deformable_conv_and_pool",
        f"A mean of {TAPS} pixels, then maxima over {STRIDE} x {STRIDE}. Turned along the local "
        f"structure, less of the row falls beside the {many}: they stand out from their "
        f"surroundings by {after:.2f}, against {before:.2f}.",
        (f"{TAPS} taps, turned along the structure",
         f"the mean of {TAPS} pixels in a row: blurred", "the mean along the structure: sharper"),
    )  # fmt: skip
    figure.savefig(path, format="png")
