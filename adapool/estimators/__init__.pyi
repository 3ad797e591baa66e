__all__ = [
    "BlobSizes",
    "CentroidOffsets",
    "ContrastAttention",
    "ObjectRegions",
    "ScaleSpaceSizes",
    "SoftmaxAttention",
    "StructureTensorSizes",
    "ThicknessSizes",
    "VarianceSizes",
]

from ._attention import ContrastAttention, SoftmaxAttention
from ._blobs import BlobSizes
from ._offsets import CentroidOffsets
from ._regions import ObjectRegions
from ._scale import ScaleSpaceSizes
from ._tensor import StructureTensorSizes
from ._thickness import ThicknessSizes
from ._variance import VarianceSizes
