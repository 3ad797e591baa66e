"""The widget for pooling."""

from __future__ import annotations

from typing import Any

import numpy as np
from magicgui.widgets import ComboBox, Container, SpinBox, create_widget
from napari.layers import Image as ImageLayer
from napari.utils.notifications import show_warning
from napari.viewer import Viewer

from adapool.io import Image
from adapool.io._methods import ESTIMATORS, METHODS, OPTIONS
from adapool.io._pooling import pooled
from adapool.napari._layers import axes_of, image_of, placed
from adapool.napari._task import Steps, Task

_REDUCTIONS = ("max", "min", "mean", "sum")


class PoolingWidget(Container):  # type: ignore[misc]
    """Pool a layer; adds the result as a layer in the same place.

    Methods and their options are those of ``adapool pool``: a window has as many pixels along
    each spatial axis as `size` says, and for the dynamic method at most as many.
    """

    def __init__(self, napari_viewer: Viewer) -> None:
        self._viewer = napari_viewer  # by this name napari knows what is wanted
        self.layer: Any = create_widget(annotation=ImageLayer, label="image")
        self.axes = ComboBox(label="axes", choices=self._axes)
        self.method = ComboBox(label="method", choices=METHODS, value="dynamic")
        self.estimator = ComboBox(label="estimator", choices=self._estimators)
        self.size = SpinBox(label="size", value=4, min=1, max=1 << 20)
        self.limited = create_widget(value=False, label="at most as large", annotation=bool)
        self.stride = SpinBox(label="stride", value=2, min=1, max=1 << 20)
        self.reduction = ComboBox(label="reduction", choices=_REDUCTIONS)
        self.budget = SpinBox(label="regions (0: objects)", value=0, min=0, max=1 << 30)
        self.task = Task("Pool", self._steps, self._show)
        super().__init__(
            widgets=[
                self.layer, self.axes, self.method, self.estimator, self.limited, self.size,
                self.stride, self.reduction, self.budget, self.task,
            ]
        )  # fmt: skip
        self.layer.changed.connect(self.axes.reset_choices)
        self.method.changed.connect(self._offer)
        self.limited.changed.connect(self._offer)
        self._offer()

    def _axes(self, _: Any = None) -> tuple[str, ...]:
        return () if self.layer.value is None else axes_of(self.layer.value)

    def _estimators(self, _: Any = None) -> tuple[str, ...]:
        return tuple(ESTIMATORS.get(self.method.value, ()))

    def _offer(self, _: Any = None) -> None:
        """Show the options that the method has."""
        method, known = self.method.value, OPTIONS[self.method.value]
        self.estimator.reset_choices()
        self.estimator.visible = "estimator" in known
        self.limited.visible = method == "dynamic"
        self.size.visible = "size" in known and (method != "dynamic" or self.limited.value)
        self.stride.visible = "stride" in known
        self.reduction.visible = "reduction" in known
        self.budget.visible = "budget" in known

    def _options(self) -> dict[str, Any]:
        method = self.method.value
        limited = method != "dynamic" or self.limited.value
        values = {
            "size": (self.size.value,) if limited else None,
            "stride": (self.stride.value,),
            "reduction": self.reduction.value,
            "budget": self.budget.value or None,
        }
        options = {name: values[name] for name in OPTIONS[method] if name != "estimator"}
        if method in ESTIMATORS:
            options["estimator"] = ESTIMATORS[method][self.estimator.value]
        return options

    def _steps(self) -> tuple[int, Steps] | None:
        layer, axes = self.layer.value, self.axes.value
        if layer is None or axes is None:
            show_warning("adapool: choose a layer with an image of 2 to 5 axes")
            return None
        image, method, options = image_of(layer, axes), self.method.value, self._options()

        def steps() -> Steps:
            frames = []
            for frame in image.frames():
                frames.append(pooled(_in_memory(frame), method, options))
                yield
            return layer, image, method, options, frames

        return len(image.array) if axes.startswith("t") else 1, steps()

    def _show(self, result: Any) -> None:
        layer, image, method, options, frames = result
        array = np.stack([each.array for each in frames]) if "t" in image.axes else frames[0].array
        place = placed(layer, image.axes, image.axes)
        known = [axis for axis in image.axes if not (layer.rgb and axis == "c")]
        sizes = options.get("size") if method in ("max", "attention") else None
        spacing = dict(zip(image.spatial_axes, frames[0].spacing, strict=True))
        for i, axis in enumerate(known):
            if axis in spacing:
                if sizes is not None:
                    # The first value stands for the middle of its window.
                    place["translate"][i] += (sizes[0] - 1) / 2 * place["scale"][i]
                place["scale"][i] = spacing[axis]
        self._viewer.add_image(
            array, name=f"{layer.name} {method}", rgb=layer.rgb, colormap=layer.colormap
            if not layer.rgb else None, **place,
        )  # fmt: skip


def _in_memory(image: Image) -> Image:
    return Image(np.asarray(image), image.axes, image.spacing, image.channels)
