"""Sites of an image that is scanned band by band: what one band leaves claimed in the next."""

from __future__ import annotations

from typing import Any

from adapool._jit import kernel


@kernel
def carry_claims(positions: Any, strides: Any, axis: int, claims: Any) -> None:
    """Claim the pixels of a band for sites of earlier ones.

    Parameters
    ----------
    positions, strides : (n, 3) int64
        Of the sites, relative to the band. Strides must not leave the image far behind: they are
        added to positions.
    axis : int
        The axis that the image is cut along; positions along it are negative.
    claims : (row, column), or (1, column) if the image is cut along rows
        Zero; gets how deep the band is claimed from its begin.
    """
    rows, columns = claims.shape
    for i in range(positions.shape[0]):
        begin, stride = positions[i], strides[i]
        left = begin[axis] + stride[axis]
        top, bottom = (begin[1], begin[1] + stride[1]) if axis == 0 else (0, 1)
        for y in range(max(top, 0), min(bottom, rows)):
            for x in range(max(begin[2], 0), min(begin[2] + stride[2], columns)):
                claims[y, x] = max(claims[y, x], left)
