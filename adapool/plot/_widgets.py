"""Widgets of Jupyter: the only import of ipywidgets."""

from __future__ import annotations

import io
import math
from typing import Any

import ipywidgets
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image as Pillow
from scipy import ndimage as ndi

from adapool._backends import Array
from adapool._layout import Layout
from adapool._peaks.choice import chosen
from adapool.plot._canvas import GREY, colour_map, limit_axes, show_image
from adapool.plot._marks import MARK, draw_points

# Longer side of the picture, in pixels.
_SIDE = 800
_DPI = 100

# Percentiles between which brightness is shown: a hot pixel would leave the rest black.
_SHOWN = (0.5, 99.8)


class PeakTuner(ipywidgets.VBox):  # type: ignore[misc]
    """What `tune_peaks` returns: two sliders, a count, and the picture.

    Attributes
    ----------
    snr : ipywidgets.FloatLogSlider
        The least signal to noise of the objects that are shown.
    diameters : ipywidgets.FloatRangeSlider
        Their least and largest equivalent diameter.
    picture : ipywidgets.Image
        The image, with a dot and an outline for each.
    """

    def __init__(
        self, layout: Layout, image: Array, table: dict[str, Array], objects: NDArray[np.int32]
    ) -> None:
        self._table, self._objects = table, objects
        self._drawing = Drawing(layout, image)
        self.snr = _least("signal to noise from", table["snr"])
        self.diameters = _range("diameters", table["equivalent_diameter"])
        self._count = ipywidgets.Label()
        self.picture = ipywidgets.Image(format="jpeg")
        sliders = ipywidgets.HBox([self.snr, self.diameters, self._count])
        super().__init__([sliders, self.picture])
        for slider in (self.snr, self.diameters):
            slider.observe(self._update, "value")
        self._update()

    @property
    def kept(self) -> NDArray[np.bool_]:
        """Which of the objects that were found the sliders leave."""
        low, high = self.diameters.value
        # At its end a slider leaves out nothing: its steps may have rounded it.
        return chosen(
            self._table,
            None if self.snr.value <= _end(self.snr) else self.snr.value,
            None if low <= self.diameters.min else low,
            None if high >= self.diameters.max else high,
        )

    @property
    def table(self) -> dict[str, Array]:
        """The rows of `adapool.peak_table` that the sliders leave, with the labels they had."""
        return {name: values[self.kept] for name, values in self._table.items()}

    @property
    def labels(self) -> NDArray[np.int32]:
        """The label image of what the sliders leave."""
        numbers = np.concatenate([[0], np.where(self.kept, self._table["label"], 0)])
        return np.asarray(numbers.astype(np.int32)[self._objects])

    def _update(self, _: Any = None) -> None:
        kept = self.kept
        points = np.stack([self._table[f"index-{axis}"][kept] for axis in range(2)], axis=-1)
        self._count.value = f"{np.count_nonzero(kept)} of {len(kept)} objects"
        self.picture.value = self._drawing.with_marks(self.labels, points)


def _least(name: str, values: Array) -> ipywidgets.FloatLogSlider:
    """Return a slider for the least of values that may differ by powers of ten."""
    known = values[np.isfinite(values) & (values > 0)]
    low, high = (known.min(), known.max()) if len(known) else (0.1, 10.0)
    low, high = math.floor(10 * math.log10(low)) / 10, math.ceil(10 * math.log10(high)) / 10
    return ipywidgets.FloatLogSlider(
        value=10**low, min=low, max=max(high, low + 0.1), step=0.01, description=name,
        readout_format=".3g", style={"description_width": "initial"},
    )  # fmt: skip


def _end(slider: ipywidgets.FloatLogSlider) -> float:
    """Return the value at the lower end, and what rounding may add to it."""
    return float(slider.base**slider.min * (1 + 1e-9))


def _range(name: str, values: Array) -> ipywidgets.FloatRangeSlider:
    low, high = (values.min(), values.max()) if len(values) else (0.0, 1.0)
    step = 10.0 ** math.floor(math.log10(max(high, 1e-30)) - 2)
    low, high = math.floor(low / step) * step, math.ceil(high / step) * step
    return ipywidgets.FloatRangeSlider(
        value=(low, high), min=low, max=max(high, low + step), step=step, description=name,
        readout_format=".3g", style={"description_width": "initial"},
    )  # fmt: skip


class Drawing:
    """An image that is drawn once, and marks that are drawn upon it again and again."""

    def __init__(self, layout: Layout, image: Array) -> None:
        rows, columns = layout.spatial
        scale = _SIDE / max(rows, columns) / _DPI
        self.figure = Figure(figsize=(columns * scale, rows * scale), dpi=_DPI)
        self.canvas = FigureCanvasAgg(self.figure)
        self.axes = self.figure.add_axes((0, 0, 1, 1))
        if layout.channels != 3:
            low, high = np.percentile(image, _SHOWN)
            image = np.clip(image, low, high) if high > low else image
        show_image(self.axes, layout, image, colour_map(GREY))
        self.axes.set_axis_off()
        limit_axes(self.axes, layout.spatial)
        canvas: Any = self.canvas
        canvas.draw()
        self.empty = canvas.copy_from_bbox(self.figure.bbox)

    def with_marks(self, labels: Array, points: Array) -> bytes:
        """Return the picture as JPEG, with outlines and dots."""
        canvas: Any = self.canvas
        canvas.restore_region(self.empty)
        colours = np.asarray(canvas.buffer_rgba())[..., :3]
        shown = labels[np.ix_(*map(_nearest, colours.shape[:2], labels.shape))]
        # Pixel by pixel: as lines of Matplotlib, hundreds of outlines took up to 0.7 s.
        outline = np.zeros(shown.shape, np.bool_)
        for both in ((outline, shown), (outline.T, shown.T)):
            _mark_steps(*both)
        colours[ndi.binary_dilation(outline)] = 0
        colours[outline] = np.multiply(to_rgb(MARK), 255).round()
        draw_points(self.axes, points, MARK)
        (dots,) = self.axes.lines
        self.axes.draw_artist(dots)
        dots.remove()
        file = io.BytesIO()
        # Colours at full resolution, as thin lines need; PNG took three times as long.
        Pillow.fromarray(colours).save(file, "JPEG", quality=92, subsampling=0)
        return file.getvalue()


def _nearest(pixels: int, size: int) -> Array:
    """Return for each pixel of the picture which one of the image it shows."""
    return ((np.arange(pixels) + 0.5) * size / pixels).astype(np.int64)


def _mark_steps(outline: Array, labels: Array) -> None:
    """Mark the pixels on both sides of where labels change down the columns."""
    changes = labels[1:] != labels[:-1]
    outline[1:] |= changes
    outline[:-1] |= changes
