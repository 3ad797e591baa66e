"""The calls of `cuda_cases` on tensors, in the layout of torch: for `tests/bridge` and a GPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import adapool.torch
from cuda_cases import Case, Gradient, cases

Array = NDArray[Any]
Send = Callable[[Tensor], Tensor]

_ARGUMENTS = {
    "max_pooling": ("feature_map", "kernel_size"),
    "attention_pooling": ("feature_map", "kernel_size", "attention_network"),
    "dynamic_pooling": ("feature_map", "param_network"),
    "dynamic_stride_pooling": ("feature_map", "param_network"),
    "region_pooling": ("feature_map", "region_network"),
    "deformable_conv": ("feature_map", "conv_weights", "offset_network"),
    "deformable_conv_and_pool": ("feature_map", "conv_weights", "offset_network", "kernel_size"),
}
_FEW = {
    "max overlap", "max indices", "max uint8", "attention per pixel", "attention per window",
    "attention network", "dynamic squares", "dynamic rectangles, indices", "ellipse turned",
    "sites image", "regions indices", "regions means", "deform linear", "deform nearest",
    "fused indices",
}  # fmt: skip
_PREDICTIONS = ("param_network", "attention_network", "offset_network", "mask_network")
_SINGLE = ("dynamic_stride_pooling", "region_pooling")


def tensor_cases() -> list[Case]:
    """Return all calls; in torch, integers have no gradients."""
    return [
        case
        for case in cases()
        if not isinstance(case, Gradient) or case.arguments[0].dtype.kind == "f"
    ]


def few_cases() -> list[Case]:
    """Return all gradients, and a few of each function: kernels of a GPU take long to compile."""
    return [case for case in tensor_cases() if isinstance(case, Gradient) or case.label in _FEW]


class TensorCase:
    """A call in the layout of torch.

    Attributes
    ----------
    case : Case
    arguments : dict
        Of the function of that name in `adapool.torch`; arrays are tensors.
    """

    def __init__(self, case: Case, send: Send = lambda tensor: tensor) -> None:
        self.case, self.send = case, send
        given = dict(zip(_ARGUMENTS[case.name], case.arguments, strict=True)) | case.options
        given.setdefault("channel_axis", -1)
        if case.name not in _SINGLE:
            given.setdefault("batch_axis", None)
        self.given = given
        self.arguments = {name: self._placed(name, value) for name, value in given.items()}

    def call(self) -> Any:
        """Call the function of `adapool.torch`."""
        return getattr(adapool.torch, self.case.name)(**self.arguments)

    def pairs(self) -> list[tuple[Tensor, Array]]:
        """Return tensors of the result, each with what the loops give."""
        if isinstance(self.case, Gradient):
            return self._gradients(self.case)
        found, wanted = _flat(self.call()), _flat(self.case.expected())
        return list(zip(found, wanted, strict=True))

    def _gradients(self, case: Gradient) -> list[tuple[Tensor, Array]]:
        # Labels and sizes without fractions have none.
        expected = dict(zip(sorted(case.names()), case.expected(), strict=True))
        for name in expected:
            tensor = self.arguments[name]
            assert isinstance(tensor, Tensor)
            self.arguments[name] = tensor.requires_grad_(tensor.is_floating_point())
        values = _flat(self.call())[0]
        values.backward(self.send(torch.from_numpy(case.cotangent())).to(values.dtype))
        return [
            (self.arguments[name].grad.float(), self._moved(name, wanted).astype(np.float32))
            for name, wanted in expected.items()
            if self.arguments[name].requires_grad
        ]

    def _placed(self, name: str, value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return self.send(torch.from_numpy(np.ascontiguousarray(self._moved(name, value))))
        return self._network(name, value) if callable(value) else value

    def _of_windows(self, name: str) -> bool:
        return name == "attention_network" and self.case.name == "attention_pooling"

    def _moved(self, name: str, array: Array) -> Array:
        """Move the axes of an array from where adapool has them."""
        if name == "conv_weights" and array.ndim > 1:
            return np.moveaxis(array, (-1, -2), (0, 1))
        if name not in _PREDICTIONS:
            return array
        image: Array = self.given["feature_map"]
        channel, batch = self.given["channel_axis"], self.given.get("batch_axis")
        batched = int(batch is not None)
        ndim = image.ndim - (channel is not None) - batched
        if self._of_windows(name) and array.ndim >= 2 * ndim + batched:
            per_channel = array.ndim > 2 * ndim + batched
            return np.moveaxis(array, -1, batched) if per_channel else array
        if batch is None and array.ndim == ndim + 2:
            array = array[0]
        if array.ndim < ndim + batched:
            return array
        valued = array.ndim == ndim + batched + 1
        if batch is not None:
            whole = not valued or channel is None
            array = np.moveaxis(
                array, 0, batch if whole else batch - (channel % image.ndim < batch)
            )
        return np.moveaxis(array, -1, channel) if valued and channel is not None else array

    def _network(self, name: str, network: Callable[[Array], Any]) -> Callable[[Tensor], Tensor]:
        """Return a network of NumPy, which has channels last, as one of torch."""
        channel, ndim = self.given["channel_axis"], self.given["feature_map"].ndim

        def asked(array: Array) -> Array:
            found = np.asarray(network(array))
            # What networks give counts as float32 in adapool, and here as what it is.
            return found.astype(np.float32) if found.dtype == np.float64 else found

        def called(given: Tensor) -> Tensor:
            array = given.detach().cpu().numpy()
            if self._of_windows(name):
                found = asked(array)
            elif channel is None:
                found = asked(array[np.newaxis, ..., np.newaxis])[0]
            else:
                found = asked(np.moveaxis(array, channel, -1)[np.newaxis])[0]
                found = np.moveaxis(found, -1, channel) if found.ndim == ndim else found
            return self.send(torch.from_numpy(np.ascontiguousarray(found)))

        return called


def _flat(result: Any) -> list[Any]:
    """Return values, indices, fields of sites and their map."""
    parts = result if type(result) is tuple else (result,)
    if not hasattr(parts[0], "positions"):
        return list(parts)
    sites = parts[0]
    fields = (sites.values, sites.positions, sites.sizes, sites.strides, sites.owner)
    return [*fields, sites.labels, sites.to_map(), *parts[1:]]
