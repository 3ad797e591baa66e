"""How a call may end: with the right answer, or with an error that is allowed."""

from __future__ import annotations

from typing import Any

import dask.array as da
import numpy as np
import xarray
from numpy.typing import NDArray

import adapool
import naive
from compare import SITES_FIELDS, assert_same

from .calls import ARRAYS, Everywhere, truth_of
from .lies import Liar, NetworkError, OnDevice

Array = NDArray[Any]

ALLOWED = (ValueError, TypeError, NetworkError)


def outcome(name: str, arguments: dict[str, Any]) -> str:
    """Call, and return how it ended; anything that is not allowed is raised."""
    held = {key: a.copy() for key, a in arguments.items() if isinstance(a, np.ndarray)}
    try:
        result = getattr(adapool, name)(**arguments)
    except ALLOWED as error:
        return type(error).__name__
    except ImportError:
        # What an array on a GPU needs, and this machine may lack.
        if not any(isinstance(value, OnDevice) for value in arguments.values()):
            raise
        return "ImportError"
    finally:
        for key, copy in held.items():
            np.testing.assert_array_equal(np.asarray(arguments[key]), np.asarray(copy))
    given = arguments.get("feature_map", arguments.get("image"))
    if isinstance(getattr(given, "data", given), da.Array) and name != "peak_local_max":
        return "a lazy result"
    honest = {key: _for_reference(key, value) for key, value in arguments.items()}
    if name == "peak_local_max":
        if honest["param_network"] is None or honest["threshold"] is None:
            return "peaks by rules that have no reference"
        np.testing.assert_array_equal(result, _peaks_of(**honest))
        return "the right answer"
    expected = getattr(naive, name)(**honest)
    if name == "region_pooling" and isinstance(result, tuple):
        _assert_equal(result[1], expected[1])
        result, expected = result[0], expected[0]
    if name in ("dynamic_stride_pooling", "region_pooling"):
        for field in SITES_FIELDS:
            _assert_equal(getattr(result, field), getattr(expected, field))
        _assert_equal(result.to_map(), expected.to_map(), given)
        return "the right answer"
    for got, want in zip(_as_tuple(result), _as_tuple(expected), strict=True):
        _assert_equal(got, want, given)
    return "the right answer"


def _assert_equal(got: Any, want: Any, named: Any = None) -> None:
    """The same values, and the names of `named` where it has some."""
    if isinstance(named, xarray.DataArray):
        assert isinstance(got, xarray.DataArray)
        assert got.dims == named.dims
    assert_same(np.asarray(got), want)


def _peaks_of(
    image: Array,
    param_network: Any,
    threshold: Any,
    channel_axis: Any,
    batch_axis: Any,
    labels: Any,
    **options: Any,
) -> Array:
    """Return the peaks of the reference, which takes a map, and sizes along each axis."""
    native = image.astype(image.dtype.newbyteorder("="))
    axes = [axis for axis in (channel_axis, batch_axis) if axis is not None]
    moved = np.moveaxis(native, axes, range(len(axes)))
    if channel_axis is not None:
        moved = moved.max(axis=0)
    images = moved if batch_axis is not None else moved[np.newaxis]
    spatial = images.shape[1:]
    if callable(param_network):
        param_network = param_network(np.zeros((1, *spatial, 1)))
    deep = _sizes(np.asarray(param_network), spatial, batch_axis is not None)
    found = []
    for number, response in enumerate(images):
        sizes = deep[number % len(deep)][..., : len(spatial)]
        sizes = np.broadcast_to(sizes, (*spatial, len(spatial)))
        # What is not finite lies where no region is: anywhere else it was an error.
        sizes = np.where(np.isfinite(sizes), sizes, 0)
        own = labels
        if labels is not None and labels.ndim > len(spatial):
            place = [axis for axis in range(image.ndim) if axis != _count(channel_axis, image)]
            own = np.take(labels, number, place.index(_count(batch_axis, image)))
        peaks = naive.peak_local_max(response, sizes, threshold, own, **options)
        found.append(np.insert(peaks, 0, number, axis=1) if batch_axis is not None else peaks)
    return np.concatenate(found)


def _count(axis: Any, image: Array) -> Any:
    """Return an axis as counted from the front."""
    return None if axis is None else axis % image.ndim


def _sizes(answer: Array, spatial: tuple[int, ...], batched: bool) -> Array:
    """Return sizes as (batch or 1, *spatial, P), of which the first or the last may lack."""
    if answer.ndim < 2:  # what one pixel has is had by all
        return np.broadcast_to(answer.reshape(-1), (1, *spatial, answer.size))
    for lead in (1,) if batched else (1, 0):
        pixels, last = answer.shape[lead : lead + len(spatial)], answer.shape[lead + len(spatial) :]
        if pixels == spatial and len(last) < 2 and (batched or lead == 0 or len(answer) == 1):
            return answer.reshape(-1, *spatial, *(last or (1,)))
    raise AssertionError(f"sizes of shape {answer.shape} were taken for {spatial}")


def _as_tuple(result: Any) -> tuple[Any, ...]:
    return result if isinstance(result, tuple) else (result,)


def _for_reference(key: str, value: Any) -> Any:
    """Return what the reference takes, which checks nothing."""
    if isinstance(value, Liar):
        return Liar(value.truth, value.lie, value.honest).predict
    if isinstance(value, Everywhere):
        return value.predict
    if key in ARRAYS and truth_of(value) is None and value is not None:
        return np.asarray(value)
    # Numbers as Python's own, which do not overflow.
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else value
