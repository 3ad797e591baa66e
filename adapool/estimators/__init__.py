"""Networks that need no training: each can be swapped for a trained one.

Window sizes: `VarianceSizes`, `ScaleSpaceSizes`, `ThicknessSizes`, `StructureTensorSizes` and
`BlobSizes`, the one that `peak_local_max` uses by default. Attention: `SoftmaxAttention` and
`ContrastAttention`. Offsets: `CentroidOffsets`.

They are frozen dataclasses, checked when they are made, with the method ``predict``. Those for
sizes and offsets are given ``(n, *spatial, C)``, images or volumes stacked along the first axis,
channels last; where there are channels, what counts at a pixel is their maximum, as it is in
`peak_local_max`. Lengths are in pixels, or, with `spacing`, in the unit of the voxel sizes that it
names; window sizes and offsets come back in pixels along each axis.
"""

from adapool.estimators._attention import ContrastAttention, SoftmaxAttention
from adapool.estimators._offsets import CentroidOffsets
from adapool.estimators._scale import ScaleSpaceSizes
from adapool.estimators._tensor import StructureTensorSizes
from adapool.estimators._thickness import ThicknessSizes
from adapool.estimators._variance import VarianceSizes

__all__ = [
    "CentroidOffsets",
    "ContrastAttention",
    "ScaleSpaceSizes",
    "SoftmaxAttention",
    "StructureTensorSizes",
    "ThicknessSizes",
    "VarianceSizes",
]
