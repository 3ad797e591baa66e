"""What networks are given, what they return, and how either comes to the layout of adapool.

In torch channels are where those of the feature map are, in what networks are given and in what
they return; an operator has them last. Kernels want C order: it is made here, in torch, so that it
is done once for the way there and the way back, and gradients pass. Compilers too want no views.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from adapool._checks import tensors as checks
from adapool.torch._shapes import grid
from adapool.torch._tensors import Axes, array_of, tensor_of

# What predicts: a tensor is the prediction, a module or a function gives it from the feature map,
# an object with `.predict` does so in NumPy, without gradients.
Network = Any


def by_point(name: str, network: Network, feature_map: Tensor, axes: Axes) -> Tensor:
    """Return a prediction for points of a grid: ``([batch,] *grid, values)``."""
    if _predicts(network):
        return _from_numpy(name, network, axes.for_networks(feature_map), feature_map)
    given = network(feature_map) if callable(network) else network
    tensor = _tensor(name, given, feature_map)
    # One number, or what all points have.
    if tensor.ndim < 2:
        return tensor
    if tensor.ndim == feature_map.ndim and axes.channel is not None:
        return axes.channels_last(tensor).contiguous()
    if tensor.ndim - axes.ndim - (axes.batch is not None) in (0, int(axes.channel is None)):
        return axes.batch_first(tensor).contiguous()
    checks.prediction_shape(name, tensor.shape, axes.channel, feature_map.shape)


def weights(network: Network, feature_map: Tensor, axes: Axes, windows: Sequence[Any]) -> Tensor:
    """Return attention weights, per pixel or per window, as adapool takes them.

    `windows` are kernel, stride, padding, dilation, and whether to count those that leave the
    image.
    """
    name = "attention_network"
    if _predicts(network) or callable(network):
        outputs = grid(axes.spatial, *windows)
        given = _windows(feature_map, axes, outputs, *windows[:-1])
        if _predicts(network):
            found = _from_numpy(name, network, given, feature_map)
        else:
            found = _tensor(name, network(given), feature_map)
        return _by_window(found, axes, windows[0], outputs, len(given))
    tensor = _tensor(name, network, feature_map)
    batched = axes.batch is not None
    if tensor.ndim <= axes.ndim + 1 + batched:
        points = by_point(name, tensor, feature_map, axes)
        per_pixel = points.ndim == axes.ndim + 1 + batched and points.shape[-1] == 1
        return points.squeeze(-1) if per_pixel else points
    # Channels, where each has its own, are beside the batch: (batch, channel, *outputs, *kernel).
    if tensor.ndim == 2 * axes.ndim + 1 + batched:
        tensor = tensor.movedim(int(batched), -1)
    return tensor.contiguous()


def filters(conv_weights: Any, feature_map: Tensor) -> Tensor:
    """Return ``(F, C // groups, *kernel)`` as ``(*kernel, C // groups, F)``; ``(C,)`` as it is."""
    tensor = _tensor("conv_weights", conv_weights, feature_map)
    return tensor.movedim((0, 1), (-1, -2)).contiguous() if tensor.ndim > 1 else tensor


def without_gradient(name: str, tensor: Tensor, fix: str) -> Tensor:
    """Return a tensor of which there is no gradient, if nobody expects one."""
    if torch.is_grad_enabled() and tensor.requires_grad:
        checks.no_gradient(name, fix)
    return tensor


def _predicts(network: Network) -> bool:
    """Whether a network is one of NumPy: a module that has `.predict` too is asked in torch."""
    return hasattr(network, "predict") and not isinstance(network, torch.nn.Module)


def _from_numpy(name: str, network: Any, given: Tensor, feature_map: Tensor) -> Tensor:
    """Return what an object with `.predict` gives for a read-only array in C order.

    Floats come in the dtype of the feature map: estimators compute in float64.
    """
    if given.is_cuda:
        checks.host_network(name, given.device)
    array = np.ascontiguousarray(array_of("feature_map", given)).view()
    array.flags.writeable = False
    # A tensor is written to by whoever likes: an answer that is read-only is copied.
    found = tensor_of(np.require(network.predict(array), requirements=["C", "W"]))
    both = found.is_floating_point() and feature_map.is_floating_point()
    return found.to(feature_map.dtype) if both else found


def _tensor(name: str, value: Any, feature_map: Tensor) -> Tensor:
    """Return a number, or a sequence of numbers, as a tensor beside the feature map."""
    if isinstance(value, (int, float, list, tuple)):
        return torch.as_tensor(value, device=feature_map.device)
    checks.tensor(name, value, isinstance(value, Tensor))
    tensor: Tensor = value
    return tensor


def _windows(
    feature_map: Tensor, axes: Axes, outputs: Sequence[Any], kernel: list[Any],
    stride: list[Any] | None, padding: list[Any], dilation: list[Any],
) -> Tensor:  # fmt: skip
    """Return windows ``(n, K * C)``, each in (tap, channel) order, zeros where there is padding."""
    given = axes.for_networks(feature_map)
    along = kernel, kernel if stride is None else stride, padding, dilation
    each = list(zip(axes.spatial, outputs, *along, strict=True))
    pads: list[Any] = [0, 0]
    for size, n, k, s, p, d in reversed(each):
        pads += [p, max(0, (n - 1) * s + d * (k - 1) + 1 - size - p)]
    if any(pads):
        given = torch.nn.functional.pad(given, pads)
    for axis, (_, n, k, s, _, d) in enumerate(each, 1):
        given = _cut(given, axis, n, k, s, d)
    # (batch, *outputs, channel, *kernel) so far.
    return given.movedim(axes.ndim + 1, -1).reshape(-1, math.prod(kernel) * axes.channels)


def _cut(given: Tensor, axis: int, n: Any, kernel: Any, stride: Any, dilation: Any) -> Tensor:
    """Cut an axis into n windows, whose positions become the last axis.

    Each step is a copy on the way back, so that none is taken that changes nothing: blocks side by
    side are another shape of the same.
    """
    if kernel == stride and dilation == 1:
        if torch.compiler.is_compiling() or given.shape[axis] != n * kernel:
            given = given.narrow(axis, 0, n * kernel)
        return given.unflatten(axis, (n, kernel)).movedim(axis + 1, -1)
    given = given.unfold(axis, dilation * (kernel - 1) + 1, stride)
    return given if dilation == 1 else given[..., ::dilation]


def _by_window(
    found: Tensor, axes: Axes, kernel: list[Any], outputs: Sequence[Any], n: int
) -> Tensor:
    """Return weights ``(n, K)`` or ``(n, K * C)`` as ``([batch,] *outputs, *kernel[, C])``."""
    taps = math.prod(kernel)
    if found.ndim == 1 and taps == 1:
        found = found.unsqueeze(1)
    if found.ndim != 2 or found.shape[0] not in (1, n) or found.shape[1] not in (
        taps, taps * axes.channels,
    ):  # fmt: skip
        checks.weights_shape(found.shape, n, taps, axes.channels)
    tail = () if found.shape[1] == taps else (axes.channels,)
    lead = () if axes.batch is None else (axes.images,)
    return found.expand(n, -1).reshape(*lead, *outputs, *kernel, *tail)
