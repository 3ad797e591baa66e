"""The octaves of an image, each smoothed twice."""

from __future__ import annotations

from dataclasses import dataclass

from adapool._backends import Array
from adapool.estimators.blobs.noise import despeckled
from adapool.estimators.blobs.pyramid import Frame, Octave, octaves


@dataclass(frozen=True)
class Scales:
    """The octaves of an image, and each smoothed by 1 and by 3 pixels."""

    octaves: list[Octave]
    smooth: list[Array]
    coarse: list[Array]

    @classmethod
    def of(cls, image: Array, frame: Frame, pixels: float) -> Scales:
        """Look at an image, with so much noise in each pixel, in octaves."""
        found = octaves(despeckled(image, pixels), frame, pixels)
        smooth = [each.smooth(each.image, 1.0) for each in found]
        coarse = [each.smooth(each.image, 3.0) for each in found]
        return cls(found, smooth, coarse)
