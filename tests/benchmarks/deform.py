"""One deformable convolution for adapool and its peers, each in the layout it prefers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
import torchvision
from numpy.typing import NDArray
from onnx import TensorProto, helper

import adapool

from .timing import Call

Array = NDArray[Any]
THREADS = 2


@dataclass(frozen=True)
class Problem:
    """A 3 x 3 convolution with offsets of some two pixels and a mask; channels last."""

    image: Array
    weights: Array
    offsets: Array
    mask: Array

    @classmethod
    def random(cls, channels: int, filters: int, size: int) -> Problem:
        rng = np.random.default_rng(0)
        return cls(
            image=rng.random((size, size, channels), dtype=np.float32),
            weights=rng.standard_normal((3, 3, channels, filters), dtype=np.float32),
            offsets=2 * rng.standard_normal((size, size, 18), dtype=np.float32),
            mask=rng.random((size, size, 9), dtype=np.float32),
        )

    def adapool(self) -> Array:
        convolved: Array = adapool.deformable_conv(
            self.image, self.weights, self.offsets, mask_network=self.mask, padding=1
        )
        return convolved

    def onnxruntime(self) -> Call:
        x, w, offsets, mask = self._channels_first()
        shapes = {"x": x.shape, "w": w.shape, "offset": offsets.shape, "mask": mask.shape}
        bias = helper.make_tensor("b", TensorProto.FLOAT, [len(w)], np.zeros(len(w), np.float32))
        node = helper.make_node(
            "DeformConv",
            ["x", "w", "offset", "b", "mask"],
            ["y"],
            kernel_shape=[3, 3],
            pads=[1, 1, 1, 1],
        )
        inputs = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in shapes.items()
        ]
        output = helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, len(w), *x.shape[2:]))
        graph = helper.make_graph([node], "deform", inputs, [output], [bias])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
        onnx.checker.check_model(model)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = THREADS
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        feed = {"x": x, "w": w, "offset": offsets, "mask": mask}
        return lambda: session.run(None, feed)

    def torchvision(self) -> Call:
        x, w, offsets, mask = map(torch.from_numpy, self._channels_first())
        return lambda: torchvision.ops.deform_conv2d(x, offsets, w, padding=1, mask=mask)

    def pullback(self) -> Call:
        """Return what takes the gradients of everything, without the convolution itself."""
        value, pullback = adapool.vjp(
            adapool.deformable_conv, self.image, self.weights, self.offsets,
            mask_network=self.mask, padding=1,
        )  # fmt: skip
        cotangent = self._cotangent()
        assert cotangent.shape == value.shape
        return lambda: pullback(cotangent)

    def torchvision_pullback(self) -> Call:
        tensors = [torch.from_numpy(array).requires_grad_() for array in self._channels_first()]
        x, w, offsets, mask = tensors
        convolved = torchvision.ops.deform_conv2d(x, offsets, w, padding=1, mask=mask)
        cotangent = torch.from_numpy(np.moveaxis(self._cotangent(), -1, 0)[np.newaxis].copy())
        return lambda: torch.autograd.grad(convolved, tensors, cotangent, retain_graph=True)

    def _cotangent(self) -> Array:
        shape = (*self.image.shape[:-1], self.weights.shape[-1])
        return np.random.default_rng(1).standard_normal(shape, dtype=np.float32)

    def conv2d(self) -> Call:
        x, w, _, _ = map(torch.from_numpy, self._channels_first())
        return lambda: torch.nn.functional.conv2d(x, w, padding=1)

    def _channels_first(self) -> tuple[Array, Array, Array, Array]:
        x, offsets, mask = (
            np.ascontiguousarray(np.moveaxis(array, -1, 0)[np.newaxis])
            for array in (self.image, self.offsets, self.mask)
        )
        return x, np.ascontiguousarray(self.weights.transpose(3, 2, 0, 1)), offsets, mask
