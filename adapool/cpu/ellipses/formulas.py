"""Which pixels an ellipse has, compiled for kernels; what these take of one that is turned."""

from __future__ import annotations

from typing import Any

from adapool import _formulas
from adapool._jit import device, kernel
from adapool.cpu._roots import square_root


@device
def _times(a: Any, b: Any) -> Any:
    return a * b


_compiled = _formulas.ellipse_formulas(device, _times, square_root)
share, sheared = _compiled.share, _compiled.sheared
_chords = _compiled.chords

# Pixels of which one task makes the chords.
SOME = 1 << 12


@kernel
def turn(task: int, params: Any, most: Any, chords: Any) -> None:
    """Make height, width, shear and full width of ellipses (n, 4) from their axes and angle (n, 3).

    `most` is what axes are clipped to.
    """
    for i in range(task * SOME, min((task + 1) * SOME, params.shape[0])):
        height, width, shear, whole = _chords(
            min(params[i, 0], most), min(params[i, 1], most), params[i, 2]
        )
        chords[i, 0] = height
        chords[i, 1] = width
        chords[i, 2] = shear
        chords[i, 3] = whole


@device
def size_of(params: Any, row: int, column: int, most: Any) -> Any:
    """Return a size as a float64, not above `most`; an axis without one, of one pixel, has 1."""
    if column < 0:
        return 1.0
    return min(float(params[row, column]), most)


@device
def covers(z: int, y: int, x: int, depth: Any, height: Any, width: Any, shear: Any) -> bool:
    """Whether a pixel is in an ellipse, counted from its centre."""
    shares = share(z, depth) + share(y, height)
    return bool(shares + share(sheared(x, y, shear), width) <= 1)
