"""How many threads a call may use."""

from __future__ import annotations

from adapool._checks import arguments


def set_num_threads(num_threads: int | None) -> None:
    """Set how many threads each call of adapool uses.

    It holds for adapool alone: other users of numba, OpenMP or BLAS in the process keep theirs.
    Results do not depend on it, in any bit.

    Parameters
    ----------
    num_threads : int or None
        From 1 to the number of threads that numba may start (``NUMBA_NUM_THREADS``, by default
        the CPUs that the process may run on). None goes back to the default: those CPUs.

    Raises
    ------
    TypeError
        If `num_threads` is not an integer.
    ValueError
        If it is out of that range.

    Examples
    --------
    >>> import adapool
    >>> adapool.set_num_threads(1)
    >>> adapool.get_num_threads()
    1
    >>> adapool.set_num_threads(None)
    """
    from adapool import _jit  # numba is imported here and not before

    if num_threads is not None:
        num_threads = arguments.num_threads(num_threads, _jit.most_threads())
    _jit.use_threads(num_threads)


def get_num_threads() -> int:
    """Return how many threads each call of adapool uses.

    Returns
    -------
    num_threads : int
        What :func:`set_num_threads` has set; otherwise the CPUs that the process may run on, as
        far as numba may start threads for them. Small calls use one, and so do forked children
        and tasks of Dask, whose parents' threads they would meet.
    """
    from adapool import _jit

    return _jit.num_threads()
