"""adapool in networks of torch: functions of tensors, with gradients, and layers to train.

Functions have the names and arguments of those in `adapool`, and the layout of torch: images are
``(N, C, H, W)``, what networks give has its values where the channels are. On the CPU tensors are
computed on in place, on a CUDA GPU on the current stream. They are operators of `torch.library`:
autograd, `torch.compile` and `torch.export` see through them.

It needs the extra ``torch``: ``pip install 'adapool[torch]'``. `adapool` never imports it.
"""

from adapool._checks import tensors

try:
    import torch as torch
except ModuleNotFoundError as error:
    if error.name != "torch":
        raise
    tensors.no_torch(error)

from adapool.torch._by_site import dynamic_stride_pooling, region_pooling
from adapool.torch._deformable import deformable_conv, deformable_conv_and_pool
from adapool.torch._modules import AttentionPool, DeformableConvPool, DynamicPool, RegionPool
from adapool.torch._networks import Convolutional, FullyConnected
from adapool.torch._pooling import attention_pooling, dynamic_pooling, max_pooling
from adapool.torch._sites import Sites

__all__ = [
    "AttentionPool",
    "Convolutional",
    "DeformableConvPool",
    "DynamicPool",
    "FullyConnected",
    "RegionPool",
    "Sites",
    "attention_pooling",
    "deformable_conv",
    "deformable_conv_and_pool",
    "dynamic_pooling",
    "dynamic_stride_pooling",
    "max_pooling",
    "region_pooling",
]
