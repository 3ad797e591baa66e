"""An image, its axes, and how large a pixel is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from adapool._checks import files


@dataclass(frozen=True, eq=False)
class Image:
    """An image from a file: an array, what its axes are, and how large a pixel is.

    NumPy sees the array, so that it can be passed where an array is taken.

    Parameters
    ----------
    array : array
        In memory, or of Dask.
    axes : str
        A letter for each axis of the array: ``t`` (time), ``c`` (channel), ``z`` (plane), ``y``
        (row) and ``x`` (column), the spatial ones in this order.
    spacing : float or sequence of float, optional
        Size of a pixel along each spatial axis, or along all, in micrometres. It is kept as a
        tuple.
    channels : tuple of str, optional
        Names of the channels, where the file has some.

    Attributes
    ----------
    array, axes, spacing, channels
        As above.

    Raises
    ------
    ValueError
        If axes or spacing do not fit the array.

    Examples
    --------
    >>> import numpy as np
    >>> import adapool
    >>> image = adapool.io.Image(np.zeros((2, 20, 30)), "cyx", spacing=(0.5, 0.5))
    >>> image.channel_axis, image.batch_axis
    (0, None)
    >>> adapool.max_pooling(image, 10, channel_axis=image.channel_axis).shape
    (2, 2, 3)
    """

    array: Any
    axes: str
    spacing: tuple[float, ...] | None = None
    channels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check that the parts fit each other."""
        if not hasattr(self.array, "shape"):  # a list, of numbers
            object.__setattr__(self, "array", np.asarray(self.array))
        files.axes(self.axes, self.array.shape)
        if self.spacing is not None:
            object.__setattr__(self, "spacing", files.each(self.spacing, self.spatial_axes))
        files.spacing(self.spacing, self.spatial_axes)
        if self.spacing is not None:
            object.__setattr__(self, "spacing", tuple(float(size) for size in self.spacing))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        """Return what NumPy sees."""
        return np.array(self.array, dtype, copy=copy)

    def __repr__(self) -> str:
        """Say what there is, without the pixels."""
        size = ", ".join(f"{a}: {n}" for a, n in zip(self.axes, self.array.shape, strict=True))
        named = f", channels={self.channels}" if self.channels else ""
        return f"<Image ({size}) {self.array.dtype}, spacing={self.spacing}{named}>"

    @property
    def spatial_axes(self) -> str:
        """The letters of the spatial axes: ``yx`` or ``zyx``."""
        return "".join(axis for axis in self.axes if axis in files.SPATIAL)

    @property
    def channel_axis(self) -> int | None:
        """Where the channels are, as the functions of adapool want it."""
        return self.axes.index("c") if "c" in self.axes else None

    @property
    def batch_axis(self) -> int | None:
        """Where the frames of a time series are, as the functions of adapool want it."""
        return self.axes.index("t") if "t" in self.axes else None

    def at(self, axis: str, index: int) -> Image:
        """Return what is at one index of the axis ``t``, ``c`` or ``z``: an axis less."""
        files.has_axis(axis, self.axes)
        where = self.axes.index(axis)
        spacing, channels = self.spacing, self.channels
        if axis == "c":
            channels = ()
        if spacing is not None and axis in files.SPATIAL:
            along = self.spatial_axes.index(axis)
            spacing = spacing[:along] + spacing[along + 1 :]
        part = self.array[(slice(None),) * where + (index,)]
        return Image(part, self.axes.replace(axis, ""), spacing, channels)

    def frames(self) -> Iterator[Image]:
        """Yield the images of a time series one by one, or the image itself."""
        if "t" not in self.axes:
            yield self
            return
        for index in range(self.array.shape[self.axes.index("t")]):
            yield self.at("t", index)
