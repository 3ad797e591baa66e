"""The picture of the demo: for each method what its network says, and what comes of it."""

from __future__ import annotations

import textwrap
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from adapool.demo import networks
from adapool.demo.rows import ROWS, Scene
from adapool.demo.running import Pooled
from adapool.demo.samples import Sample

_INCHES = 16, 10.8
_DPI = 100

# The panels, in fractions of the figure: captions stand to the left of them, headings above.
_GRID = {
    "left": 0.205,
    "right": 0.992,
    "top": 0.885,
    "bottom": 0.01,
    "wspace": 0.02,
    "hspace": 0.15,
}
_CAPTION_LEFT = 0.01
_CAPTION_CHARACTERS = 33
_HEADINGS = ("What the network says", "Without it: all alike", "With it: adaptive")


def write_figure(path: Path, sample: Sample, pooled: Pooled) -> None:
    """Draw the picture, and write it as PNG."""
    # Neither pyplot nor a global backend: a caller's matplotlib stays as it is.
    figure = Figure(figsize=_INCHES, dpi=_DPI)
    FigureCanvasAgg(figure)
    rows, columns = sample.image.shape
    figure.text(
        _CAPTION_LEFT,
        0.985,
        f"Max pooling that adapts to the {sample.many}",
        size=20,
        weight="bold",
        va="top",
    )
    figure.text(
        _CAPTION_LEFT,
        0.952,
        f"{sample.title}: a part of {rows} x {columns} pixels. "
        "The maps have one colour scale, from dark (0) to bright (1).",
        size=12,
        va="top",
    )
    grid = figure.add_gridspec(len(ROWS), len(_HEADINGS), **_GRID)
    scene = Scene(sample, pooled, networks.label_objects(sample.image))
    for row, draw in enumerate(ROWS):
        axes = [figure.add_subplot(grid[row, column]) for column in range(len(_HEADINGS))]
        said, without, with_it = axes
        caption = draw(said, without, with_it, scene)
        top = axes[0].get_position(original=True).y1
        text = textwrap.fill(caption.text, _CAPTION_CHARACTERS)
        figure.text(_CAPTION_LEFT, top, caption.question, size=17, weight="bold", va="top")
        figure.text(
            _CAPTION_LEFT, top - 0.03, caption.method, size=12, family="monospace", va="top"
        )
        figure.text(_CAPTION_LEFT, top - 0.055, text, size=12, va="top", linespacing=1.35)
        if row == 0:
            for ax, heading in zip(axes, _HEADINGS, strict=True):
                box = ax.get_position(original=True)
                figure.text(
                    (box.x0 + box.x1) / 2, 0.912, heading, size=14, weight="bold", ha="center"
                )
    figure.savefig(path, format="png")
