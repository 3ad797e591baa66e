"""Which rows of a table of peaks are wanted: what sliders leave."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


def chosen(
    table: Mapping[str, Any], snr: float | None, low: float | None, high: float | None
) -> NDArray[np.bool_]:
    """Mark the peaks with a signal to noise from `snr` on and a diameter from `low` to `high`.

    None leaves out nothing, not even what has no number.
    """
    kept = np.ones(len(table["label"]), np.bool_)
    if snr is not None:
        kept &= table["snr"] >= snr
    if low is not None:
        kept &= table["equivalent_diameter"] >= low
    if high is not None:
        kept &= table["equivalent_diameter"] <= high
    return kept
