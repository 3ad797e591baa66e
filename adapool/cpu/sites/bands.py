"""Sites of an image that is scanned band by band: what one band leaves claimed in the next."""

from __future__ import annotations

from typing import Any

from adapool._jit import kernel

# A pixel that no site of an earlier band has claimed.
FREE = -2


@kernel
def carry_claims(
    positions: Any, strides: Any, numbers: Any, axis: int, claims: Any, owner: Any
) -> None:
    """Claim the pixels of a band for sites of earlier ones.

    Parameters
    ----------
    positions, strides : (n, 3) int64
        Of the sites, the oldest first, relative to the band. Strides must not leave the image far
        behind: they are added to positions.
    numbers : (n,) int32
        What pixels are claimed for.
    axis : int
        The axis that the image is cut along; positions along it are negative.
    claims : (plane, row, column) int64
        Zero; of length 1 along `axis`. Gets how deep the band is claimed from its begin.
    owner : (plane, row, column) int32
        Full of `FREE`; gets the number of the first site that claims each pixel.
    """
    depth, height, width = owner.shape
    for i in range(positions.shape[0]):
        begin, stride = positions[i], strides[i]
        left = begin[axis] + stride[axis]
        for z in range(max(begin[0], 0), min(begin[0] + stride[0], depth)):
            for y in range(max(begin[1], 0), min(begin[1] + stride[1], height)):
                for x in range(max(begin[2], 0), min(begin[2] + stride[2], width)):
                    if owner[z, y, x] == FREE:
                        owner[z, y, x] = numbers[i]
                    if axis == 0:
                        claims[0, y, x] = max(claims[0, y, x], left)
                    else:
                        claims[z, 0, x] = max(claims[z, 0, x], left)
