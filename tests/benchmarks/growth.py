"""How the cost of dynamic windows grows with window, image and threads."""

from __future__ import annotations

import scipy.ndimage as ndi

import adapool

from .cases import image, random_sizes, smooth_sizes
from .timing import seconds

Points = list[tuple[float, float]]


def curves() -> dict[str, dict[str, Points]]:
    """Return the curves of each panel of the picture, in milliseconds."""
    return {
        "largest window (2048 x 2048 float32)": _by_window(),
        "side of the image (windows up to 33)": _by_image(),
        "threads (2048 x 2048, windows up to 33)": _by_threads(),
    }


def _measure(side: int, most: int) -> dict[str, float]:
    x = image(side, side)
    random, smooth = (make(x.shape, most) for make in (random_sizes, smooth_sizes))
    best = seconds(
        {
            "random windows": lambda: adapool.dynamic_pooling(x, random, channel_axis=None),
            "smooth windows": lambda: adapool.dynamic_pooling(x, smooth, channel_axis=None),
            "SciPy, one window": lambda: ndi.maximum_filter(x, most),
        }
    )
    return {name: 1e3 * time for name, time in best.items()}


def _gather(measured: dict[int, dict[str, float]]) -> dict[str, Points]:
    names = next(iter(measured.values()))
    return {name: [(at, times[name]) for at, times in measured.items()] for name in names}


def _by_window() -> dict[str, Points]:
    return _gather({most: _measure(2048, most) for most in (3, 5, 9, 17, 33, 65, 129, 257)})


def _by_image() -> dict[str, Points]:
    return _gather({side: _measure(side, 33) for side in (64, 256, 1024, 4096)})


def _by_threads() -> dict[str, Points]:
    measured = {}
    try:
        for threads in range(1, adapool.get_num_threads() + 1):
            adapool.set_num_threads(threads)
            measured[threads] = _measure(2048, 33)
    finally:
        adapool.set_num_threads(None)
    for times in measured.values():
        del times["SciPy, one window"]  # which has one thread
    return _gather(measured)
