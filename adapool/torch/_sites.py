"""Places of sites and regions, as tensors."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Sites(NamedTuple):
    """What was pooled at sites or in regions, as :class:`adapool.Sites`, but of tensors.

    A named tuple, which compilers return. Gradients pass from `values`, and from what
    :meth:`to_map` returns.

    Attributes
    ----------
    values : (n, C) tensor, or (n,) without channels
    positions, sizes, strides : (n, d) tensor of int64
    owner : tensor of int32
        For each pixel the number of its site, or -1.
    channel_axis : int or None
        Where the feature map has its channels.
    """

    values: Tensor
    positions: Tensor
    sizes: Tensor
    strides: Tensor
    owner: Tensor
    channel_axis: int | None

    @property
    def labels(self) -> Tensor:
        """The partition as a label image: ``owner + 1``."""
        return self.owner + 1

    def to_map(self) -> Tensor:
        """Paint each value over the pixels that its site owns.

        Returns
        -------
        map : tensor
            Of the shape of the feature map and the dtype of `values`. Pixels without an owner get
            NaN in a float map and the lowest value of the dtype in an integer one.
        """
        empty = self.values.new_full((1, *self.values.shape[1:]), _empty(self.values.dtype))
        # The last row is that of no owner, which is numbered -1.
        painted = torch.cat([self.values, empty])[self.owner.long()]
        return painted if self.channel_axis is None else painted.movedim(-1, self.channel_axis)


def _empty(dtype: torch.dtype) -> float | int | bool:
    """Return the value where there is none."""
    if dtype.is_floating_point:
        return float("nan")
    return False if dtype == torch.bool else torch.iinfo(dtype).min
