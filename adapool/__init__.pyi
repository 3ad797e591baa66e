__all__ = [
    "Sites",
    "attention_pooling",
    "deformable_conv",
    "deformable_conv_and_pool",
    "dynamic_pooling",
    "dynamic_stride_pooling",
    "estimators",
    "get_num_threads",
    "io",
    "max_pooling",
    "peak_local_max",
    "peak_table",
    "plot",
    "region_pooling",
    "set_num_threads",
    "vjp",
]

__version__: str

from . import estimators as estimators
from . import io as io
from . import plot as plot
from .attention import attention_pooling
from .deformable import deformable_conv, deformable_conv_and_pool
from .dynamic import dynamic_pooling, dynamic_stride_pooling
from .gradients import vjp
from .maximum import max_pooling
from .peaks import peak_local_max, peak_table
from .regions import region_pooling
from .sites import Sites
from .threads import get_num_threads, set_num_threads
