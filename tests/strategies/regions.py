"""Labels, weights of pixels, and calls of `region_pooling`."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from .arrays import Array, Shape, arrays, weights
from .elements import any_value, finite_value, whole
from .images import Image, images
from .networks import point_networks

LABEL_DTYPES = ["int32", "int64", "uint16", "uint64", "int8"]


def label_value(dtype: np.dtype[Any]) -> st.SearchStrategy[int]:
    """Labels: few and small ones, some far apart, and 0 for no region."""
    return whole(dtype, 0, 4) | whole(dtype, 0, 40) | whole(dtype, 0, 2**63 - 1)


def labels(shape: Shape) -> st.SearchStrategy[Array]:
    return arrays(shape, LABEL_DTYPES, label_value)


def label_networks(image: Image) -> st.SearchStrategy[Any]:
    """Label images, or what gives them; at each pixel one number, whose axis may lack."""
    return point_networks(image, image.spatial, 1, labels)


@st.composite
def region_weights(draw: st.DrawFn, image: Image) -> Any:
    """Weights of pixels, of each channel or of all, or a network of them; None for no weights."""
    if draw(st.booleans()):
        return None
    outputs = draw(st.sampled_from([1, image.channels]))
    return draw(point_networks(image, image.spatial, outputs, weights))


def finite_or_not(dtype: np.dtype[Any]) -> st.SearchStrategy[Any]:
    """Values of which sums do not overflow, NaN and infinities."""
    if dtype.kind == "f":
        return finite_value(dtype) | st.sampled_from([np.nan, np.inf, -np.inf])
    return finite_value(dtype)


@st.composite
def region_calls(draw: st.DrawFn, slim: bool = False) -> tuple[Image, Any, dict[str, Any]]:
    """An image, labels, and options of `region_pooling`."""
    reduction = draw(st.sampled_from(["max", "min", "mean", "sum"]))
    extremum = reduction in ("max", "min")
    elements = any_value if extremum else finite_or_not
    image = draw(images(elements=elements, batches=False, slim=slim))
    options = {
        "reduction": reduction,
        "attention_network": draw(region_weights(image)),
        "channel_axis": image.channel_axis,
        "return_indices": extremum and draw(st.booleans()),
    }
    return image, draw(label_networks(image)), options
