"""What adapool computes, as plain loops: slow, and meant to be read.

Nothing here imports adapool, and no argument is checked: a test calls a function of adapool and
its namesake here with the same arguments, and compares. Inside, an image always is an array
(batch, *spatial, channel), so that every loop runs over any number of spatial axes.
"""

from . import dynamic, gradients, seed
from .deformable import deformable_conv, deformable_conv_and_pool
from .dynamic import Sites, dynamic_pooling, dynamic_stride_pooling
from .fixed import attention_pooling, max_pooling, output_length
from .peaks import peak_local_max
from .regions import region_pooling

__all__ = [
    "Sites",
    "attention_pooling",
    "deformable_conv",
    "deformable_conv_and_pool",
    "dynamic",
    "dynamic_pooling",
    "dynamic_stride_pooling",
    "gradients",
    "max_pooling",
    "output_length",
    "peak_local_max",
    "region_pooling",
    "seed",
]
