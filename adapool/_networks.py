"""Networks: an array, a callable or an object with ``.predict`` -> checked arrays.

Networks always see channel-last, C-contiguous, read-only arrays, whatever the layout of the
feature map is.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from adapool._backends import Array, backend_of
from adapool._checks import libraries, places, predictions
from adapool._layout import Layout
from adapool._windows import Windows


def is_network(network: Any) -> bool:
    """Whether `network` predicts, as opposed to an array that was predicted before."""
    return callable(network) or hasattr(network, "predict")


def predict(name: str, network: Any, given: Array) -> Array:
    """Call a network on a read-only array and return what it gives; ``.predict`` wins.

    Device libraries have no read-only arrays: there a network is trusted.
    """
    network = libraries.bare(name, network)
    backend = backend_of(given)
    backend.protect(given)
    call = network.predict if hasattr(network, "predict") else network
    result = libraries.bare(name, call(backend.as_given(given)))
    places.same_place(name, result, given)
    places.not_lazy(name, result)
    return predictions.network_result(name, result)


def counted_dtype(name: str, network: Any) -> np.dtype[Any]:
    """Return the dtype that a factor counts as in a result: integers and networks as float32."""
    if is_network(network):
        return np.dtype(np.float32)
    array = network if isinstance(network, np.ndarray) else None
    dtype = (predictions.network_result(name, network) if array is None else array).dtype
    return dtype if dtype.kind == "f" else np.dtype(np.float32)


def everywhere(array: Any, grid: tuple[int, ...], widths: Sequence[int]) -> Any:
    """Return what is one number, or what one point has, for all points: (1, *grid, width).

    Any other array stays as it is.
    """
    if len(array.shape) > 1 or (array.shape or (1,)) not in [(width,) for width in widths]:
        return array
    if not places.is_dask(array):
        array = backend_of(array).to_host(array)
    return np.broadcast_to(array.reshape(-1), (1, *grid, array.size))


def grid_form(
    name: str,
    shape: tuple[int, ...],
    layout: Layout,
    grid: tuple[int, ...],
    widths: Sequence[int],
) -> tuple[tuple[int, ...], int]:
    """Check the shape of a prediction for a grid; return its leading axes, and its width."""
    leads = _leading_axes(layout)
    for lead in leads:
        for width in widths:
            # Where one value is due, its axis may be missing: scikit-learn squeezes it away.
            if shape == (*lead, *grid, width) or (width == 1 and shape == (*lead, *grid)):
                return lead, width
    wanted = ", ".join(map(str, (*leads[0], *grid)))
    options = " or ".join(map(str, sorted(set(widths))))
    fix = ""
    if name == "param_network" and tuple(widths) == (2 * layout.ndim,):
        fix = _with_strides(shape, [(*lead, *grid) for lead in leads], layout.ndim)
    predictions.wrong_shape(name, shape, f"({wanted}, P) with P = {options}", fix)


def _with_strides(shape: tuple[int, ...], points: Sequence[tuple[int, ...]], ndim: int) -> str:
    """Say how sizes alone, where they are, get the strides that are due."""
    ways = {
        (): f"numpy.stack([sizes] * {2 * ndim}, axis=-1)",
        (1,): f"numpy.repeat(sizes, {2 * ndim}, axis=-1)",
        (ndim,): "numpy.concatenate([sizes, sizes], axis=-1)",
    }
    way = next((ways[last] for last in ways for lead in points if shape == lead + last), "")
    if not way:
        return ""
    return (
        ": those are sizes, and strides are due after them; an estimator gives both by "
        f".with_strides(), and of an array {way} makes strides that are equal"
    )


def _leading_axes(layout: Layout) -> list[tuple[int, ...]]:
    """Return the leading axes that a prediction may have; one prediction may serve all images."""
    if layout.batch_axis is None:
        return [(1,), ()]
    return [(layout.batch,), (1,)]


# --- attention ----------------------------------------------------------------------------------


class AttentionForm(NamedTuple):
    """What the axes of attention weights are.

    `lead` is the batch, where there is one; `tail` the channels, where each has its own weights.
    """

    lead: tuple[int, ...]
    per_pixel: bool
    tail: tuple[int, ...]


def attention_form(shape: tuple[int, ...], layout: Layout, windows: Windows) -> AttentionForm:
    """Check the shape of attention weights given as an array, and return its form."""
    ndim, channels = layout.ndim, layout.channels
    per_window = windows.outputs[-ndim:] + windows.kernel[-ndim:]
    batched = layout.batch_axis is not None
    per_pixel = len(shape) - batched in (ndim, ndim + 1)
    inner = layout.spatial if per_pixel else per_window
    leads = [(layout.batch,), (1,)] if batched else [()]
    for lead, tail in itertools.product(leads, [(), (channels,)]):
        if shape == (*lead, *inner, *tail):
            return AttentionForm(lead, per_pixel, tail)
    predictions.wrong_shape(
        "attention_network",
        shape,
        f"{(*leads[0], *layout.spatial)} for a weight per pixel or {(*leads[0], *per_window)} for "
        f"weights per window, with C = {channels} appended for weights per channel",
    )
