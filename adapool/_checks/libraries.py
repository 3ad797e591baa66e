"""Arrays of other libraries: how each is read, and which are refused.

What NumPy can see is taken as NumPy sees it: lists, pandas, Zarr, memory maps, tensors of JAX and
torch on the host. Only what has a meaning of its own is looked at here, without importing anything.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np


def is_named(value: Any) -> bool:
    """Whether `value` is an array of xarray, whose dimensions have names."""
    return _of_xarray(value, "DataArray", "Variable")


def _of_xarray(value: Any, *kinds: str) -> bool:
    """Whether `value` is of these classes of xarray."""
    xarray = sys.modules.get("xarray")
    if xarray is None:  # before it is imported, nothing can be one
        return False
    # While another thread imports it, some of its names are still missing.
    known = (getattr(xarray, kind, None) for kind in kinds)
    return isinstance(value, tuple(kind for kind in known if kind is not None))


def bare(name: str, value: Any) -> Any:
    """Return the array inside one of xarray; anything else as it is, unless it is refused."""
    if isinstance(value, np.ndarray):
        if isinstance(value, np.ma.MaskedArray):
            raise TypeError(
                f"{name} must be a plain array, got a masked array: "
                f"pass {name}.filled(value) to say what masked elements count as"
            )
        return value
    if is_named(value):
        return value.data
    if _of_xarray(value, "Dataset"):
        raise TypeError(
            f"{name} must be one array, got a {type(value).__name__} of several: pass one of its "
            f"variables, as dataset[{next(iter(value.data_vars), 'name')!r}]"
        )
    if hasattr(value, "__dask_graph__"):  # lazy objects may claim to have any attribute
        return value
    if isinstance(value, type) and _predicts(value):
        raise TypeError(
            f"{name} must be an array, a callable or an object with .predict, got the class "
            f"{value.__name__}: pass an instance, as {value.__name__}()"
        )
    _meant_for(name, value)
    if getattr(value, "requires_grad", False) is True:
        raise TypeError(
            f"{name} must be an array without gradients, got a {type(value).__name__} that "
            f"requires grad: pass {name}.detach()"
        )
    if hasattr(value, "toarray") and not hasattr(value, "__array__"):
        raise TypeError(
            f"{name} must be a dense array, got a {type(value).__name__}: pass {name}.toarray()"
        )
    return value


def named_axes(name: str, value: Any, channel_axis: Any, batch_axis: Any, batches: bool) -> None:
    """Check that axes are taken for what an image from a file says they are."""
    module = sys.modules.get("adapool.io._image")
    if module is None or not isinstance(value, module.Image):
        return
    asked = {"channel_axis": channel_axis}
    if batches:
        asked["batch_axis"] = batch_axis
    for axis, given in asked.items():
        said, ndim = getattr(value, axis), len(value.axes)
        if isinstance(given, (int, np.integer)) and -ndim <= given < ndim:
            given %= ndim
        if given != said:
            raise ValueError(
                f"{axis} must be {said} for an image with the axes {value.axes!r}, got {given}: "
                f"pass {axis}={name}.{axis}, or {name}.array to take them for something else"
            )


# What networks for an argument give. Estimators say which they are for by `meant_for`.
_GIVEN = {
    "param_network": "window sizes",
    "attention_network": "weights",
    "offset_network": "offsets",
    "mask_network": "a mask",
    "region_network": "labels of regions",
}


def _meant_for(name: str, value: Any) -> None:
    """Refuse an estimator of something else, whose numbers would be taken for what they are not."""
    meant = getattr(type(value), "meant_for", name)
    if name in _GIVEN and meant in _GIVEN and meant != name:
        raise TypeError(
            f"{name} must be what gives {_GIVEN[name]}, got {type(value).__name__}, which gives "
            f"{_GIVEN[meant]}: it is for {meant}"
        )


def _predicts(kind: type) -> bool:
    """Whether instances of a class are networks."""
    return any({"predict", "__call__"} & vars(base).keys() for base in kind.__mro__)


def seen_by_numpy(name: str, value: Any) -> Any:
    """Return `value` as NumPy sees it."""
    try:
        return np.asarray(value)
    except ValueError as error:
        raise TypeError(f"{name} must be a rectangular array of numbers, got {error}") from None
    except (
        TypeError,
        RuntimeError,
    ) as error:  # memory is not handed out
        raise TypeError(
            f"{name} must be an array that NumPy can read, got a {type(value).__name__}: {error}"
        ) from None


def order_of_names(name: str, given: tuple[Any, ...], wanted: tuple[Any, ...]) -> None:
    """Check that the spatial dimensions that two arrays share come in the same order."""
    shared = tuple(dim for dim in given if dim in wanted)
    expected = tuple(dim for dim in wanted if dim in shared)
    if shared != expected:
        fixed = iter(expected)
        order = tuple(next(fixed) if dim in shared else dim for dim in given)
        raise ValueError(
            f"{name} must have its dimensions in the order of the image, {wanted}, got {given}: "
            f"pass {name}.transpose{order}"
        )
