"""Small pictures without text are those in `baseline`; run as a program, this writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plotting.scenes import SHAPE, partition, plot, pooled_maps, scene, sizes_of

pytest.importorskip("matplotlib", reason="pictures need the extra 'plot'")

import matplotlib.pyplot as plt
from matplotlib import style
from matplotlib.testing.compare import compare_images
from matplotlib.text import Text

BASELINE = Path(__file__).parent / "baseline"


def picture_windows(ax: Any) -> None:
    plot.show_windows(scene(), sizes_of(scene()), step=(6, 8), ax=ax)


def picture_positions(ax: Any) -> None:
    plot.show_windows(scene(), [11, (7)], positions=[[9, 9], [16, 24]], ax=ax)


def picture_sites(ax: Any) -> None:
    plot.show_sites(partition(scene(), empty=True), ax=ax)


def picture_offsets(ax: Any) -> None:
    middle = np.array([12.0, 16.0])
    offsets = (middle - np.moveaxis(np.indices(SHAPE), 0, -1)) / 3
    plot.show_offsets(scene(), offsets, step=6, ax=ax)


def picture_taps(ax: Any) -> None:
    offsets = np.tile(np.linspace(-1.5, 1.5, 9)[:, np.newaxis] * [1, -1], (22, 30, 1, 1))
    plot.show_offsets(scene(), offsets.reshape(22, 30, 18), kernel_size=3, step=7, ax=ax)


def picture_attention(ax: Any) -> None:
    weights = np.linspace(0, 1, 3 * 4 * 64).reshape(3, 4, 8, 8)
    plot.show_attention(scene(), weights, ax=ax)


PICTURES = {
    name.removeprefix("picture_"): function
    for name, function in list(globals().items())
    if name.startswith("picture_")
}


def draw(name: str, path: Path) -> None:
    """Draw a picture without text, ticks and colour bars, small."""
    with style.context("default"):
        # Places that are whole pixels: versions of Matplotlib differ in how they lay out.
        figure = plt.figure(figsize=(3.2, 2.4), dpi=80)
        if name == "compare":
            axes = [figure.add_axes((x, 0.25, 0.25, 0.25)) for x in (0, 0.25, 0.5)]
        else:
            axes = [figure.add_axes((0, 0, 1, 1))]
        places = [(ax, ax.get_position(original=True)) for ax in axes]
        if name == "compare":
            plot.compare(scene(), pooled_maps(scene()), anchor=["corner", "center"], axes=axes)
        else:
            PICTURES[name](*axes)
        bars = [image.colorbar for ax in figure.axes for image in ax.images if image.colorbar]
        for bar in bars:
            bar.remove()
        for ax, place in places:  # where they were before they made room for a colour bar
            ax.set_position(place)
        for text in figure.findobj(Text):
            text.set_visible(False)
        for ax in figure.axes:
            ax.set(xticks=[], yticks=[])
        figure.savefig(path)
        plt.close(figure)


@pytest.mark.parametrize("name", [*PICTURES, "compare"])
def test_picture(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.png"
    draw(name, path)
    # A picture without its dots or its scale bar differs by more than 4, a window that is a pixel
    # off by more than 28.
    assert compare_images(str(BASELINE / path.name), str(path), tol=2.5) is None


if __name__ == "__main__":
    BASELINE.mkdir(exist_ok=True)
    for picture in (*PICTURES, "compare"):
        draw(picture, BASELINE / f"{picture}.png")
