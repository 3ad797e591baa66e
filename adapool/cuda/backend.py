"""The backend of arrays in the memory of a GPU, whatever their library."""

from __future__ import annotations

from typing import Any

import numpy as np

from adapool.cuda.arrays import DeviceArray
from adapool.cuda.sites import painting


class _Cuda:
    """See :class:`adapool._backends.Backend`; arrays are described, and stay where they are."""

    package = "adapool.cuda"

    def describe(self, value: Any) -> Any:
        return DeviceArray.of(value)

    def plain(self, array: Any) -> Any:
        return DeviceArray.of(array).plain()

    def as_given(self, array: Any) -> Any:
        return array.as_given()

    def protect(self, array: Any) -> None:
        """Do nothing: device libraries have no read-only arrays, and a network is trusted."""

    def holds(self, array: Any, dtype: np.dtype[Any]) -> bool:
        # Values on a device are not looked at: that would wait for it.
        return np.can_cast(array.dtype, dtype)

    def to_host(self, array: Any) -> Any:
        return DeviceArray.of(array).contiguous().to_host(pinned=True)

    def beside(self, array: Any, other: Any) -> Any:
        if not isinstance(array, np.ndarray):
            return array
        return DeviceArray.of(other).upload(np.ascontiguousarray(array))

    def label(self, owner: Any) -> Any:
        return painting.label(owner)

    def paint(self, values: Any, owner: Any, channel_axis: int | None) -> Any:
        return painting.paint(values, owner, channel_axis)


CUDA = _Cuda()
