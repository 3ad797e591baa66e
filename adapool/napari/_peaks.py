"""The widget for peaks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas
from magicgui.widgets import (
    CheckBox,
    ComboBox,
    Container,
    FloatRangeSlider,
    FloatSlider,
    FloatSpinBox,
    Label,
    create_widget,
)
from napari.layers import Image as ImageLayer
from napari.utils.notifications import show_warning
from napari.viewer import Viewer

from adapool._peaks.choice import chosen
from adapool.io import Image
from adapool.io._peaks import peaks_of
from adapool.napari._layers import axes_of, image_of, placed
from adapool.napari._task import Steps, Task

_COLOUR = "#ffb000"


class PeaksWidget(Container):  # type: ignore[misc]
    """Find the objects of a layer, and choose among them.

    Adds a layer of points, whose features are the columns of `adapool.peak_table`, and one of
    labels with the same numbers. The knobs of the search act when it is made; the sliders below
    choose among what it found, at once. Lengths are in the units of the layer's scale.
    """

    def __init__(self, napari_viewer: Viewer) -> None:
        self._viewer = napari_viewer  # by this name napari knows what is wanted
        self._found: Found | None = None
        self.layer: Any = create_widget(annotation=ImageLayer, label="image")
        self.axes = ComboBox(label="axes", choices=self._axes)
        self.sensitivity = FloatSpinBox(label="sensitivity", value=1, min=0.1, max=100, step=0.1)
        self.min_size = FloatSpinBox(label="smallest", value=0, min=0, max=1e9, step=1)
        self.max_size = FloatSpinBox(label="largest (0: any)", value=0, min=0, max=1e9, step=1)
        self.dark = CheckBox(text="dark objects")
        self.task = Task("Find peaks", self._steps, self._show)
        self.snr = FloatSlider(label="SNR from", min=0, max=1, value=0)
        self.diameters = FloatRangeSlider(label="diameters", min=0, max=1, value=(0, 1))
        self.count = Label(value="")
        self._sliders = Container(widgets=[self.snr, self.diameters, self.count], visible=False)
        super().__init__(
            widgets=[
                self.layer, self.axes, self.sensitivity, self.min_size, self.max_size, self.dark,
                self.task, self._sliders,
            ]
        )  # fmt: skip
        self.layer.changed.connect(self.axes.reset_choices)
        self.snr.changed.connect(self._choose)
        self.diameters.changed.connect(self._choose)

    def _axes(self, _: Any = None) -> tuple[str, ...]:
        return () if self.layer.value is None else axes_of(self.layer.value)

    def _knobs(self) -> dict[str, Any]:
        """Return the keywords of `BlobSizes` that are not as they are by default."""
        knobs: dict[str, Any] = {}
        if self.sensitivity.value != 1:
            knobs["sensitivity"] = self.sensitivity.value
        if self.min_size.value > 0:
            knobs["min_size"] = self.min_size.value
        if self.max_size.value > 0:
            knobs["max_size"] = self.max_size.value
        return knobs

    def _steps(self) -> tuple[int, Steps] | None:
        layer, axes = self.layer.value, self.axes.value
        if layer is None or axes is None:
            show_warning("adapool: choose a layer with an image of 2 to 5 axes")
            return None
        image, knobs, dark = image_of(layer, axes), self._knobs(), self.dark.value
        total = image.array.shape[axes.index("t")] if "t" in axes else 1

        def steps() -> Steps:
            frames = []
            for frame in image.frames():
                frames.append(peaks_of(frame, knobs, dark))
                yield
            return Found(layer, image, frames)

        return total, steps()

    def _show(self, found: Found) -> None:
        """Add the layers, and set the sliders to all that there is."""
        self._found = None
        snr, diameters = (found.table[name].to_numpy() for name in ("snr", "equivalent_diameter"))
        # Most of the range is for the faint half: what is brighter is not what is in question.
        known = snr[np.isfinite(snr)]
        self.snr.max = 2 * float(np.median(known)) if len(known) else 1.0
        self.snr.value = 0
        low, high = (diameters.min(), diameters.max()) if len(diameters) else (0.0, 1.0)
        self.diameters.max = float(np.nextafter(high, np.inf))
        self.diameters.min = float(min(low, self.diameters.max / 2))
        self.diameters.value = (self.diameters.min, self.diameters.max)
        found.add_to(self._viewer)
        self._found = found
        self._sliders.visible = True
        self._choose()

    def _choose(self, _: Any = None) -> None:
        found = self._found
        if found is None:
            return
        low, high = self.diameters.value
        kept = chosen(
            found.table,
            self.snr.value or None,
            low if low > self.diameters.min else None,
            high if high < self.diameters.max else None,
        )
        self.count.value = f"{np.count_nonzero(kept)} of {len(kept)} objects"
        found.choose(kept)


class Found:
    """Peaks of a layer: a table, a label image for each frame, and the layers that show them."""

    def __init__(self, layer: Any, image: Image, frames: list[tuple[dict[str, Any], Any]]) -> None:
        self.layer, self.image = layer, image
        tables = [pandas.DataFrame(table) for table, _ in frames]
        if "t" in image.axes:
            for number, table in enumerate(tables):
                table.insert(0, "frame", number)
        self.table = pandas.concat(tables, ignore_index=True)
        self.objects = [np.asarray(objects) for _, objects in frames]

    def add_to(self, viewer: Viewer) -> None:
        """Add a layer of labels and one of points above it."""
        image, table = self.image, self.table
        axes = "".join(axis for axis in image.axes if axis != "c")
        place = placed(self.layer, image.axes, axes)
        spacing = np.array(image.spacing)
        centre = table[[f"centroid-{i}" for i in range(len(spacing))]].to_numpy() / spacing
        if "t" in axes:
            centre = np.column_stack([table["frame"], centre])
        self.labels = viewer.add_labels(
            self._labels(np.ones(len(table), np.bool_)),
            name=f"{self.layer.name} objects", opacity=0.4, **place,
        )  # fmt: skip
        # In the plane of their centre alone: in others, napari draws circles as if voxels were
        # cubes. With points in cubes, its slider would go in steps of a row, and not of a plane.
        self.points = viewer.add_points(
            centre, features=table, name=f"{self.layer.name} peaks",
            size=table["equivalent_diameter"].to_numpy() / spacing[-1],
            face_color="transparent", border_color=_COLOUR, border_width=0.08,
            **place,
        )  # fmt: skip

    def choose(self, kept: Any) -> None:
        """Show some of the peaks."""
        self.points.shown = kept
        self.labels.data = self._labels(kept)

    def _labels(self, kept: Any) -> Any:
        """Return label images of the peaks that are kept."""
        frames: list[Any] = []
        first = 0
        for objects in self.objects:
            count = self._count(len(frames))
            numbers = np.concatenate([[0], self.table["label"][first : first + count]])
            numbers[1:][~kept[first : first + count]] = 0
            frames.append(numbers.astype(np.int32)[objects])
            first += count
        return np.stack(frames) if "t" in self.image.axes else frames[0]

    def _count(self, frame: int) -> int:
        if "frame" not in self.table:
            return len(self.table)
        return int(np.count_nonzero(self.table["frame"] == frame))
