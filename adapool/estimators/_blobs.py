"""stub"""

from dataclasses import dataclass
from adapool.estimators._images import PerPixel
import numpy as np


@dataclass(frozen=True)
class BlobSizes(PerPixel):
    """stub."""

    def _estimate(self, image, voxel):
        return np.full((*image.shape, image.ndim), 5)
