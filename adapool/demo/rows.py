"""The rows of the picture, one a method: what its network says, without it, and with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from numpy.lib.stride_tricks import sliding_window_view
from scipy.spatial import distance

from adapool._backends import Array
from adapool.demo import networks, panels, scores
from adapool.demo.running import STRIDE, Pooled
from adapool.demo.samples import Sample

# Windows of attention that are drawn: more of them would hide the image.
_WINDOWS_SHOWN = 10

Draw = Callable[[Axes, Axes, Axes, "Scene"], "Caption"]


@dataclass(frozen=True)
class Scene:
    """All that a row is drawn from."""

    sample: Sample
    pooled: Pooled
    labels: Array

    @property
    def given(self) -> Array:
        """The image in the shape in which adapool gives it to networks."""
        return self.sample.image[np.newaxis, ..., np.newaxis]

    def lattice(self, spacing: int) -> Array:
        """Return the regularly spaced (row, column) positions in the crop."""
        axes = []
        for part in self.sample.crop:
            count = max(1, (part.stop - part.start) // spacing)
            edges = np.linspace(part.start, part.stop, count + 1)
            axes.append(((edges[1:] + edges[:-1]) / 2).astype(int))
        return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)


@dataclass(frozen=True)
class Caption:
    """The words to the left of a row."""

    question: str
    method: str
    text: str


def draw_sites(said: Axes, without: Axes, with_it: Axes, scene: Scene) -> Caption:
    """Draw the partition into sites, and into blocks of about the same number."""
    sample, pooled, labels = scene.sample, scene.pooled, scene.labels
    sites = pooled.sites.labels
    blocks = scores.label_blocks(labels.shape, pooled.block)

    panels.draw_image(said, sample.image)
    panels.draw_boundaries(said, sites, sample.crop, panels.SAID, 1.4)
    panels.draw_map(without, pooled.blocks, pooled.block)
    panels.draw_map(with_it, pooled.sites.to_map())
    for ax, windows in ((without, blocks), (with_it, sites)):
        panels.draw_boundaries(ax, windows, sample.crop, "0.5", 0.7)
        panels.draw_boundaries(ax, labels, sample.crop)
    size = f"{pooled.block} x {pooled.block} px"
    total = labels.max()
    panels.frame(said, f"the box of each {sample.one}: window and stride", sample.crop)
    panels.frame(
        without, f"{pooled.blocks.size} blocks, {size}: {sample.many} merged, cut", sample.crop
    )
    panels.frame(
        with_it, f"{sites.max()} windows for {total} {sample.many}; grey: none", sample.crop
    )
    return Caption(
        "How far apart?",
        "dynamic_stride_pooling",
        f"Each site claims the box of a {sample.one}; background gets no window. "
        f"{scores.alone(labels, sites)} of {total} {sample.many} (blue) have a window to "
        f"themselves, against {scores.alone(labels, blocks)} in about as many equal blocks.",
    )


def draw_dynamic(said: Axes, without: Axes, with_it: Axes, scene: Scene) -> Caption:
    """Draw windows of their own size, and windows of one size."""
    sample, pooled = scene.sample, scene.pooled
    sizes = networks.thickness(scene.given)[0, ..., 0]
    centres = scores.innermost(sizes, scene.labels)

    panels.draw_image(said, sample.image)
    panels.draw_windows(said, centres, sizes)
    _draw_centered_maps(without, with_it, scene, pooled.dynamic)
    panels.frame(said, f"the largest window within the {sample.many}", sample.crop)
    panels.frame(with_it, f"windows of 1 to {sizes.max()} px: outlines stay", sample.crop)
    return Caption(
        "How large?",
        "dynamic_pooling",
        f"No window on the {sample.many} reaches into background, where windows are one pixel. "
        + _spill(scene, pooled.dynamic),
    )


def draw_attention(said: Axes, without: Axes, with_it: Axes, scene: Scene) -> Caption:
    """Draw the weights in some windows, and the same windows unweighted."""
    sample, pooled = scene.sample, scene.pooled

    panels.draw_image(said, sample.image)
    centres = scene.lattice(3 * pooled.size // 2)
    windows = sliding_window_view(sample.image, (pooled.size, pooled.size))
    windows = windows[tuple((centres - pooled.size // 2).T)]
    weights = networks.resemblance(windows.reshape(len(centres), -1)).reshape(windows.shape)
    # Windows whose weights differ most: those with equal weights show nothing.
    for number in np.argsort(weights.std(axis=(1, 2)))[-_WINDOWS_SHOWN:]:
        panels.draw_weights(said, centres[number], weights[number])
    _draw_centered_maps(without, with_it, scene, pooled.attention)
    panels.frame(said, "weights in some windows: like the centre (dot)?", sample.crop)
    panels.frame(with_it, "the same windows, weighted: gaps stay open", sample.crop)
    return Caption(
        "What counts?",
        "attention_pooling",
        "In each window, values count as far as they resemble the one at its centre. "
        + _spill(scene, pooled.attention),
    )


def draw_deformable(said: Axes, without: Axes, with_it: Axes, scene: Scene) -> Caption:
    """Draw where the taps of a filter look, and the same filter undeformed."""
    sample, pooled = scene.sample, scene.pooled
    offsets = networks.along_structure(scene.given)[0]
    centres = scores.innermost(networks.thickness(scene.given)[0, ..., 0], scene.labels)
    others = scene.lattice(networks.TAPS)
    clear = distance.cdist(others, centres).min(axis=1) > networks.TAPS
    others = others[clear & (scene.labels[tuple(others.T)] > 0)]
    points = np.concatenate([centres, others])
    row_of_taps = np.arange(networks.TAPS) - networks.TAPS // 2
    taps = points[:, np.newaxis] + np.stack([0 * row_of_taps, row_of_taps], axis=-1)
    taps = taps + offsets[tuple(points.T)].reshape(taps.shape)

    panels.draw_image(said, sample.image)
    panels.draw_taps(said, taps)
    panels.draw_map(without, pooled.straight, STRIDE)
    panels.draw_map(with_it, pooled.deformed, STRIDE)
    panels.frame(said, f"{networks.TAPS} taps, turned along the structure", sample.crop)
    panels.frame(without, f"the mean of {networks.TAPS} pixels in a row: blurred", sample.crop)
    panels.frame(with_it, "the mean along the structure: sharper", sample.crop)
    before, after = (
        scores.prominence(scene.labels, pooled_map, STRIDE)
        for pooled_map in (pooled.straight, pooled.deformed)
    )
    return Caption(
        "Where to look?",
        "deformable_conv_and_pool",
        f"A mean of {networks.TAPS} pixels, then maxima over {STRIDE} x {STRIDE}. Turned along the "
        f"local structure, less of the row falls beside the {sample.many}: they stand out from "
        f"their surroundings by {after:.2f}, against {before:.2f}.",
    )


ROWS: tuple[Draw, ...] = (draw_sites, draw_dynamic, draw_attention, draw_deformable)


def _draw_centered_maps(without: Axes, with_it: Axes, scene: Scene, adaptive: Array) -> None:
    """Draw the map of windows of one size, and an adaptive one on the same grid."""
    sample, pooled = scene.sample, scene.pooled
    for ax, pooled_map in ((without, pooled.fixed), (with_it, adaptive)):
        panels.draw_map(ax, pooled_map, STRIDE, centered=True)
        panels.draw_boundaries(ax, scene.labels, sample.crop)
    size = f"{pooled.size} x {pooled.size} px"
    panels.frame(without, f"max_pooling, {size}: {sample.many} spread", sample.crop)


def _spill(scene: Scene, adaptive: Array) -> str:
    image, fixed, own = (
        scores.level_between(scene.labels, pooled_map, step)
        for pooled_map, step in (
            (scene.sample.image, 1),
            (scene.pooled.fixed, STRIDE),
            (adaptive, STRIDE),
        )
    )
    return (
        f"The mean level between {scene.sample.many}, {image:.2f} in the image, becomes "
        f"{own:.2f}, against {fixed:.2f} with windows of one size."
    )
