"""Gradients: what a change of image, weights, offsets or sizes changes in a result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adapool._checks import gradients
from adapool._pullback import Pullback, linearized


def vjp(function: Callable[..., Any], /, *arguments: Any, **options: Any) -> tuple[Any, Pullback]:
    """Call a function, and return with its value how to carry gradients back to its arguments.

    Reverse-mode differentiation, one step of it: with ``value, pullback = vjp(function, ...)`` and
    the gradient of a loss by `value`, called the cotangent, ``pullback(cotangent)`` is the gradient
    of the loss by each argument. That is all that training a network through a pooling needs, in
    NumPy or in a framework: carry what the pullback gives for the network on into the network.

    Parameters
    ----------
    function : callable
        `max_pooling`, `attention_pooling`, `dynamic_pooling`, `dynamic_stride_pooling`,
        `region_pooling`, `deformable_conv` or `deformable_conv_and_pool`.
    *arguments, **options
        What it takes. Networks are called once, here.

    Returns
    -------
    value : array, tuple or Sites
        What the function returns.
    pullback : callable
        ``pullback(cotangent, wanted=None)``. Given a cotangent, an array of the shape of the values
        (of ``value[0]`` with `return_indices`, of ``value.values`` for `Sites`), it returns a dict
        from the names of arguments to gradients: `feature_map`; `attention_network`,
        `offset_network`, `mask_network`, `conv_weights` and `bias` where they were given;
        `param_network` with ``fractional=True``. Each has the shape of what was given, or of what a
        network returned (for an attention network of all windows together, or of one row where it
        returned one), and the dtype of the values, float32 or float64 where those are integers. It
        may be called any number of times. `wanted`, a sequence of names, says which of them are
        needed: work for others is left out.

    Raises
    ------
    TypeError, ValueError
        What the function raises; or that it has no gradients, that the feature map is a Dask
        array and what is asked for is not local, that the cotangent has another shape than the
        values or is in another place, or that `wanted` names something that has no gradient.

    See Also
    --------
    :class:`Sites` : what functions of sites return, whose cotangent is that of ``values``.

    Notes
    -----
    A maximum hands its gradient on to its winner, the position that `return_indices` names: the
    first among equals, the first NaN where there is one. An empty window hands on nothing. Sums
    over pixels between which a sample lies have kinks at whole positions; there, and for fractional
    sizes at whole sizes, the gradient is that toward larger offsets and sizes. Offsets that
    ``max_offset`` clips get 0, and so do offsets under the rules "nearest" and "truncate", and
    sizes that are clipped or leave a window empty.

    NaN and infinity in a cotangent, an image or weights go on as arithmetic takes them.

    On the CPU the bits of a gradient do not depend on the number of threads. On a GPU sums over
    outputs are taken in any order, by atomic additions. Gradients are sums over windows, so that
    memory is that of the result, its indices and the gradients themselves; nothing grows with the
    area of windows, and deformable convolutions are taken block by block, fused ones too.

    On a Dask array gradients are lazy, in the chunks of the image and of operands, for all but
    sites and regions. Operands must be arrays, as each block would ask a network for itself. A
    block computes its values once more on the way back, and what several blocks give to a pixel is
    added, so that gradients are those in memory to rounding.

    Examples
    --------
    >>> import numpy as np
    >>> import adapool
    >>> image = np.array([[3, 1, 4, 1], [5, 9, 2, 6]], dtype=np.float32)
    >>> value, pullback = adapool.vjp(adapool.max_pooling, image, 2, channel_axis=None)
    >>> value
    array([[9., 6.]], dtype=float32)
    >>> pullback(np.array([[1, 10]]))["feature_map"]
    array([[ 0.,  0.,  0.,  0.],
           [ 0.,  1.,  0., 10.]], dtype=float32)

    For learned weights of a fixed image its own gradient is not needed:

    >>> weights = np.full((2, 4), 0.5, dtype=np.float32)
    >>> value, pullback = adapool.vjp(
    ...     adapool.attention_pooling, image, 2, weights, channel_axis=None
    ... )
    >>> pullback(np.array([[1, 10]]), wanted=["attention_network"])
    {'attention_network': array([[ 0.,  0.,  0.,  0.],
           [ 0.,  9.,  0., 60.]], dtype=float32)}
    """
    return linearized(gradients.differentiable(function)(*arguments, **options))
