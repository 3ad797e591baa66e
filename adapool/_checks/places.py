"""Where arrays are: in memory, on a GPU, in chunks of Dask, and what goes with what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

Axes = tuple[int, ...]


def is_dask(value: Any) -> bool:
    """Whether `value` is a Dask array, told without importing Dask.

    By the protocol of Dask's collections. Arrays of xarray have its methods too, but a graph only
    where they hold a Dask array.
    """
    return hasattr(value, "_meta") and hasattr(value, "chunks") and is_lazy(value)


def is_lazy(value: Any) -> bool:
    """Whether `value` is a collection of Dask, of any kind."""
    if not hasattr(value, "__dask_graph__") or isinstance(value, type):
        return False
    graph = value.__dask_graph__
    return callable(graph) and graph() is not None


def on_device(value: Any) -> bool:
    """Whether `value` is an array in the memory of a GPU, of whatever library."""
    # The second name is that of numba's own arrays, which have no interface in its simulator.
    return hasattr(value, "__cuda_array_interface__") or hasattr(value, "__cuda_ndarray__")


def chunks_on_device(value: Any) -> bool:
    """Whether `value` is on a device, or is a Dask array whose chunks are."""
    return on_device(value._meta if is_dask(value) else value)


def same_place(name: str, value: Any, given: Any) -> None:
    """Check that a network leaves its result where its input was."""
    if on_device(value) != on_device(given):
        places = ("in host memory", "on the device")
        raise TypeError(
            f"{name} must give an array {places[on_device(given)]}, where the feature map is, "
            f"got a {type(value).__name__} {places[on_device(value)]}"
        )


def in_memory(name: str, *arrays: Any) -> None:
    """Check that what goes with a feature map in memory is in memory too."""
    if any(is_dask(array) for array in arrays):
        raise TypeError(
            f"{name} must be in memory where feature_map is, got a Dask array: "
            f"pass {name}.compute(), or a Dask array as feature_map"
        )


def not_lazy(name: str, result: Any) -> None:
    """Check that a network that was given an array in memory returned one in memory."""
    if is_dask(result):
        raise TypeError(
            f"{name} must give an array in memory for one in memory, got a Dask array: "
            f"let it return result.compute()"
        )


def needed_on_dask(name: str, value: Any) -> None:
    """Check that the reach of windows is known before anything is computed."""
    if value is None:
        raise ValueError(
            f"{name} must be given, and finite, where feature_map is a Dask array: it says how far "
            "beyond a chunk its windows reach"
        )


def networks_need_the_grid(name: str, outputs: Axes, spatial: Axes) -> NoReturn:
    """Report a network whose predictions would not be for the pixels of the chunk it is given."""
    raise ValueError(
        f"{name} must be an array where the output grid of a Dask image is not its pixels, got a "
        f"network for the grid {outputs} of the image {spatial}: predict the whole grid first, or "
        "choose stride and padding that keep the shape"
    )


def mixed_places(on_device: Sequence[str], on_host: Sequence[str]) -> NoReturn:
    """Report arrays of which some are on the device, and some are not."""
    raise TypeError(
        f"arrays must be all on the device or all in host memory, got {', '.join(on_device)} on "
        f"the device and {', '.join(on_host)} in host memory: copy one side over, as "
        "cupy.asarray or torch's .cuda() and .cpu() do (.map_blocks(cupy.asarray) on Dask arrays)"
    )


def several_devices(devices: dict[str, int]) -> NoReturn:
    """Report arrays on several GPUs: the first one says where all of it is computed."""
    (first, here), *others = devices.items()
    name, device = next(other for other in others if other[1] != here)
    raise ValueError(
        f"arrays must be on one GPU, {name} is on GPU {device} and {first} on GPU {here}: copy "
        f"{name} to GPU {here}, as torch's .to() does, or cupy.asarray in cupy.cuda.Device({here})"
    )


def no_cuda(name: str, reason: str, fix: str) -> NoReturn:
    """Report a device array that nothing here can compute on."""
    raise ImportError(f"{name} is an array on a GPU, and {reason}: {fix}")


def no_backend(name: str, kind: str, fix: str) -> NoReturn:
    """Report an array that no backend computes on."""
    raise TypeError(f"{name} must be a NumPy array, got a {kind}: {fix}")
