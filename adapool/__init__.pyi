__all__ = [
    "Sites",
    "attention_pooling",
    "deformable_conv",
    "deformable_conv_and_pool",
    "dynamic_pooling",
    "dynamic_stride_pooling",
    "estimators",
    "max_pooling",
    "peak_local_max",
]

__version__: str

from . import estimators as estimators
from .attention import attention_pooling
from .deformable import deformable_conv, deformable_conv_and_pool
from .dynamic import dynamic_pooling, dynamic_stride_pooling
from .maximum import max_pooling
from .peaks import peak_local_max
from .sites import Sites
