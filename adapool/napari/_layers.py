"""Between layers of napari and images with axes."""

from __future__ import annotations

from typing import Any

from adapool.io import Image

# What the axes of a layer may be, by their number; the first is taken until another is chosen.
AXES = {2: ("yx",), 3: ("zyx", "tyx", "cyx"), 4: ("tzyx", "czyx", "tcyx"), 5: ("tczyx",)}


def axes_of(layer: Any) -> tuple[str, ...]:
    """Return what the axes of an image layer may be."""
    if layer.rgb:
        return tuple(f"{axes}c" for axes in AXES.get(layer.ndim, ()) if "c" not in axes)
    return AXES.get(layer.ndim, ())


def image_of(layer: Any, axes: str) -> Image:
    """Return the image of a layer: the finest level of a pyramid, spacing from its scale."""
    array = layer.data[0] if layer.multiscale else layer.data
    along = dict(zip(_displayed(axes, layer), layer.scale, strict=True))
    spacing = tuple(abs(float(along[axis])) for axis in axes if axis in "zyx")
    return Image(array, axes, spacing)


def placed(layer: Any, axes: str, wanted: str) -> dict[str, Any]:
    """Return where in the world an image with some of the axes of a layer is."""
    kept = [i for i, axis in enumerate(_displayed(axes, layer)) if axis in wanted]
    return {
        "scale": [float(layer.scale[i]) for i in kept],
        "translate": [float(layer.translate[i]) for i in kept],
        "units": [layer.units[i] for i in kept],
    }


def _displayed(axes: str, layer: Any) -> str:
    """Return the axes that napari knows: colours are none."""
    return axes.replace("c", "") if layer.rgb else axes
