"""Otsu's threshold, at any scale."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.filters import threshold_otsu

# Up to this range of integers each is counted in a bin of its own. scikit-image does that for every
# range, which takes gigabytes for an image of int32.
_COUNTED = 1 << 16


def otsu(values: NDArray[Any]) -> float:
    """Return Otsu's threshold of finite values that are not all alike."""
    values = values.ravel()  # three columns would be taken for colours
    if values.dtype.kind != "f":
        if int(values.max()) - int(values.min()) < _COUNTED:
            return float(threshold_otsu(values))
        values = values.astype(np.float64)
    # Scaled by a power of two, which changes no digit: the squares of large values overflow.
    exponent = int(np.frexp(np.abs(values).max())[1])
    return float(np.ldexp(threshold_otsu(np.ldexp(values, -exponent)), exponent))
