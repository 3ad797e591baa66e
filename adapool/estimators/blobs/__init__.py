"""Objects of any size: the analysis behind `BlobSizes`.

An image is looked at in octaves, each half as fine as the one before. In each, the components of
a map of depths that are most like ellipsoids are candidates (`candidates`), and in the finest one
also spots. Candidates are measured against the noise (`noise`) and what surrounds them
(`measures`); of those that hold each other, the better ones are kept (`selection`).

All is float32 and (plane, row, column). Lengths are in the unit of the voxel size.
"""

from adapool.estimators.blobs.analysis import Objects, find_objects

__all__ = ["Objects", "find_objects"]
