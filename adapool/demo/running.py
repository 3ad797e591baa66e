"""The demo's calls of adapool: each method once cold and once warm, against the clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import adapool
from adapool._backends import Array
from adapool.demo import networks

# Pixels between the windows of the maps on a regular grid: alike, so that they can be compared.
STRIDE = 4


@dataclass(frozen=True)
class Timing:
    """What one method did, and how long it took."""

    method: str
    input: tuple[int, ...]
    output: tuple[int, ...]
    dtype: np.dtype[Any]
    windows: int
    first_ms: float
    second_ms: float
    network_ms: float  # of the second call


@dataclass(frozen=True)
class Pooled:
    """What the methods made of an image.

    Attributes
    ----------
    sites : Sites
        Of :func:`adapool.dynamic_stride_pooling`, one for each object.
    block : int
        Size of the blocks that cut the image into about as many windows as there are sites.
    blocks : array
        Maxima of these blocks.
    size : int
        Width in pixels of the windows of `fixed` and `attention`.
    fixed, dynamic, attention, straight, deformed : array
        Maps with a window each `STRIDE` pixels.
    """

    sites: adapool.Sites
    block: int
    blocks: Array
    size: int
    fixed: Array
    dynamic: Array
    attention: Array
    straight: Array
    deformed: Array


class _Stopwatch:
    """A network that adds up how long it is at work."""

    def __init__(self, network: Callable[[Array], Array]) -> None:
        self._network = network
        self.seconds = 0.0

    def __call__(self, given: Array) -> Array:
        begin = time.perf_counter()
        result = self._network(given)
        self.seconds += time.perf_counter() - begin
        return result


class _Runner:
    """Calls adapool twice, keeps the times, and moves a progress bar on after each call."""

    def __init__(self, image: Array, advance: Callable[[], object]) -> None:
        self._image = image
        self._advance = advance
        self.timings: list[Timing] = []

    def __call__(self, function: Callable[..., Any], **arguments: Any) -> Any:
        """Return what the function makes of the image; callable arguments are its networks."""
        watches = {name: _Stopwatch(value) for name, value in arguments.items() if callable(value)}
        arguments |= watches
        first, _ = self._call(function, arguments)
        before = sum(watch.seconds for watch in watches.values())
        second, result = self._call(function, arguments)
        predicting = sum(watch.seconds for watch in watches.values()) - before
        values = result.values if isinstance(result, adapool.Sites) else result
        self.timings.append(
            Timing(
                method=function.__name__,
                input=self._image.shape,
                output=values.shape,
                dtype=values.dtype,
                windows=values.size,  # there is one channel
                first_ms=1e3 * first,
                second_ms=1e3 * second,
                network_ms=1e3 * predicting,
            )
        )
        return result

    def _call(self, function: Callable[..., Any], arguments: dict[str, Any]) -> tuple[float, Any]:
        """Return the seconds of a call, and the result."""
        begin = time.perf_counter()
        result = function(self._image, channel_axis=None, **arguments)
        seconds = time.perf_counter() - begin
        self._advance()
        return seconds, result


# Steps of `pool`: two calls of five methods.
STEPS = 10


def pool(image: Array, advance: Callable[[], object]) -> tuple[Pooled, list[Timing]]:
    """Pool an image with each method and without, and time the methods.

    Parameters
    ----------
    image : (row, column) array
        What to pool.
    advance : callable
        Called after each of `STEPS` steps.
    """
    run = _Runner(image, advance)
    size = networks.typical_width(image)
    # Centered windows: those at the border reach half their size beyond it.
    centered: dict[str, Any] = {"kernel_size": size, "stride": STRIDE, "padding": size // 2}
    line = np.full((1, networks.TAPS, 1, 1), 1 / networks.TAPS, np.float32)
    filtered: dict[str, Any] = {
        "conv_weights": line,
        "padding": (0, networks.TAPS // 2),
        "kernel_size": STRIDE,
        "ceil_mode": True,
    }

    fixed = run(adapool.max_pooling, **centered)
    attention = run(adapool.attention_pooling, attention_network=networks.resemblance, **centered)
    dynamic = run(
        adapool.dynamic_pooling,
        param_network=networks.thickness,
        anchor="center",
        stride=STRIDE,
    )
    sites = run(adapool.dynamic_stride_pooling, param_network=networks.object_boxes)
    deformed = run(
        adapool.deformable_conv_and_pool, offset_network=networks.along_structure, **filtered
    )

    block = round((image.size / len(sites.values)) ** 0.5)
    pooled = Pooled(
        sites=sites,
        block=block,
        blocks=adapool.max_pooling(image, block, ceil_mode=True, channel_axis=None),
        size=size,
        fixed=fixed,
        dynamic=dynamic,
        attention=attention,
        # Without displacements, a deformable convolution is a plain one.
        straight=adapool.deformable_conv_and_pool(
            image, offset_network=np.zeros((*image.shape, 2)), channel_axis=None, **filtered
        ),
        deformed=deformed,
    )
    return pooled, run.timings
