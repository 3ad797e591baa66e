"""Matrix products inside kernels: BLAS held to one thread while they run.

Kernels call ``np.dot`` on small tiles from threads of their own. BLAS threads on top of those
would fight them for the cores: a product ran 10 to 50 times slower between two parallel regions.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class _Guard:
    """Who holds BLAS to one thread. The limit is process-global: the last one out restores it."""

    lock = threading.Lock()
    holders = 0
    limit: Any = None

    @classmethod
    def after_fork(cls) -> None:
        # Threads of the parent that held the limit do not exist in the child.
        cls.lock = threading.Lock()
        if cls.limit is not None:
            cls.limit.restore_original_limits()
        cls.holders, cls.limit = 0, None


if hasattr(os, "register_at_fork"):  # not on Windows, which cannot fork
    os.register_at_fork(after_in_child=_Guard.after_fork)


@functools.cache
def _controller() -> Any:
    """Find the BLAS libraries of the process. This takes milliseconds: it is done once."""
    import scipy.linalg.cython_blas  # noqa: F401  the one that numba calls: it must be loaded
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")


@contextmanager
def single_threaded_blas() -> Iterator[None]:
    """Hold BLAS to one thread. May be entered by many Python threads at once."""
    with _Guard.lock:
        if _Guard.holders == 0:
            _Guard.limit = _controller().limit(limits=1)
        _Guard.holders += 1
    try:
        yield
    finally:
        with _Guard.lock:
            _Guard.holders -= 1
            if _Guard.holders == 0:
                _Guard.limit.restore_original_limits()
                _Guard.limit = None
