"""Plans on Dask arrays: lazily, block by block, on exactly the slices that a block needs.

Nothing is computed while the graph is built, whose size is linear in the chunks. Inside a task the
kernels are serial, as Dask brings the threads.
"""

from adapool.dask.gradients import gradients
from adapool.dask.run import run

__all__ = ["gradients", "run"]
