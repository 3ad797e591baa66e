"""Networks that need no training: each can be swapped for a trained one.

Window sizes: `VarianceSizes`, `ScaleSpaceSizes`, `ThicknessSizes`, `StructureTensorSizes` and
`BlobSizes`, the one that `peak_local_max` uses by default. Attention: `SoftmaxAttention` and
`ContrastAttention`. Offsets: `CentroidOffsets`. Regions: `ObjectRegions`, for `region_pooling`.

They are frozen dataclasses, checked when they are made, with the method ``predict``. Those for
sizes and offsets are given ``(n, *spatial, C)``, images or volumes stacked along the first axis,
channels last; where there are channels, what counts at a pixel is their maximum, as it is in
`peak_local_max`. Lengths are in pixels, or, with `spacing`, in the unit of the voxel sizes that it
names; window sizes and offsets come back in pixels along each axis.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
