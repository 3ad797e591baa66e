"""Moments of what is bright within labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from adapool._jit import kernel


@kernel
def moments_above(
    values: Any, labels: Any, planes: Any, rows: Any, columns: Any, least: Any, moments: Any
) -> None:
    """Sum 1, the coordinates and their products over what is above a level in each label.

    `planes`, `rows` and `columns` tell which pixel of `labels` each position of `values` lies in;
    `least` holds a level for each label, `moments` is (label, 10), of zeros.
    """
    for z in range(len(planes)):
        for y in range(len(rows)):
            line, bright = labels[planes[z], rows[y]], values[z, y]
            for x in range(len(columns)):
                number = line[columns[x]] - 1
                if number >= 0 and bright[x] > least[number]:
                    own = moments[number]
                    c, b, a = np.float64(z), np.float64(y), np.float64(x)
                    own[0] += 1
                    own[1] += c
                    own[2] += b
                    own[3] += a
                    own[4] += c * c
                    own[5] += b * b
                    own[6] += a * a
                    own[7] += c * b
                    own[8] += c * a
                    own[9] += b * a
