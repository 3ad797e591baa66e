"""Beside xarray-spatial's focal maximum: numba as well, with one window for all pixels."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from functools import partial

import numpy as np
import xarray as xr

import adapool

from .cases import Case, image, random_sizes

SIDE = 1024


def xarray_spatial() -> Iterator[Case]:
    """Sizes of their own up to k, against ONE window of k x k."""
    if importlib.util.find_spec("xrspatial") is None:
        print("xarray-spatial is not installed: its section is left out")
        return
    from xrspatial.focal import focal_stats

    x = image(SIDE, SIDE)
    for k in (9, 33):
        yield Case(
            f"dynamic_pooling, {SIDE} x {SIDE} float32, beside xarray-spatial",
            f"int16 sizes in 1..{k}, center",
            partial(
                adapool.dynamic_pooling,
                x,
                random_sizes(x.shape, k),
                anchor="center",
                channel_axis=None,
            ),
            {
                "xarray-spatial, one k x k": partial(
                    focal_stats, xr.DataArray(x, dims=("y", "x")), np.ones((k, k)), ["max"]
                )
            },
            3.0,
        )
