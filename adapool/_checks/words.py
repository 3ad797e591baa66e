"""Keywords that other libraries have, and what is passed here instead."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

# Of `skimage.feature.peak_local_max`.
PEAKS = {
    "min_distance": "pass the size of windows as param_network: 2 * min_distance + 1",
    "footprint": (
        "pass the size of windows as param_network; an estimator with shape='ellipse', or any "
        "network whose attribute footprint is 'ellipse', has ellipses"
    ),
    "threshold_abs": "pass threshold=threshold_abs",
    "threshold_rel": "pass threshold=threshold_rel * image.max()",
    "num_peaks": "peaks come in order of falling value: take the first, as peaks[:num_peaks]",
    "num_peaks_per_label": (
        "peaks come in order of falling value: take the first of each label, labels[tuple(peaks.T)]"
    ),
    "p_norm": "windows are boxes, whose size param_network gives",
    "indices": "pass return_markers=True for an image",
    "feature_map": "pass image",
    "kernel_size": "pass the size of windows as param_network",
    "size": "pass the size of windows as param_network",
}

# Of SciPy, scikit-image and torch for windows.
WINDOWS = {
    "size": "pass kernel_size",
    "block_size": "pass kernel_size",
    "footprint": "windows are boxes: pass kernel_size",
    "strides": "pass stride",
    "pool_size": "pass kernel_size",
    "image": "pass feature_map",
    "input": "pass feature_map",
}
SIZES = {
    "kernel_size": "pass the sizes of windows as param_network: one number for all, if they are",
    "size": "pass the sizes of windows as param_network: one number for all, if they are",
    "sizes": "pass param_network",
    "strides": "pass stride",
    "image": "pass feature_map",
    "input": "pass feature_map",
}
SITES = SIZES | {"footprint": "windows are boxes: pass their sizes as param_network"}
# Of scikit-image and SciPy for labelled regions.
REGIONS = {
    "labels": "pass region_network, which may be a label image",
    "label_image": "pass region_network, which may be a label image",
    "index": "every label from 1 on is a region; the values come in the order of the labels",
    "intensity_image": "pass feature_map",
    "image": "pass feature_map",
    "input": "pass feature_map",
    "properties": "pass reduction: max, min, mean or sum",
    "weights": "pass attention_network, which may be an array",
    "batch_axis": "call it for each image of a stack",
}
CONVOLUTIONS = {
    "weight": "pass conv_weights, of shape (*kernel, C // groups, F)",
    "weights": "pass conv_weights, of shape (*kernel, C // groups, F)",
    "offset": "pass offset_network, which may be an array, with the displacements last",
    "offsets": "pass offset_network, which may be an array, with the displacements last",
    "mask": "pass mask_network, which may be an array, with the taps last",
    "image": "pass feature_map",
    "input": "pass feature_map",
}


def other_words(words: Mapping[str, str]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Refuse keywords of other libraries, saying what to pass instead."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def checked(*args: P.args, **kwargs: P.kwargs) -> R:
            refuse(function, words, kwargs)
            return function(*args, **kwargs)

        return checked

    return decorate


def refuse(function: Callable[..., Any], words: Mapping[str, str], given: Iterable[str]) -> None:
    """Raise TypeError where one of the keywords given is another library's."""
    if not words.keys().isdisjoint(given):
        name = next(name for name in given if name in words)
        raise TypeError(f"{function.__name__} has no argument {name}: {words[name]}")
