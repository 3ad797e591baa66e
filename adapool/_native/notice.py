"""Word of what takes long: a call that compiles for more than a second says so, once."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import ClassVar

# Seconds that pass in silence.
_PATIENCE = 1.0

_log = logging.getLogger("adapool")


class _Spent:
    """What was compiled in this process: seconds for each call, and which have been told."""

    lock = threading.Lock()
    seconds: ClassVar[dict[str, float]] = {}
    told: ClassVar[set[str]] = set()


@contextmanager
def compiling(kernel: str) -> Iterator[None]:
    """Tell, where the block takes long, that this is the compiler, for once."""
    what = _public_call() or kernel
    with _Spent.lock:
        left = _PATIENCE - _Spent.seconds.get(what, 0.0)
    timer = threading.Timer(max(left, 0), _tell, [what])
    timer.daemon = True
    begin = time.perf_counter()
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        with _Spent.lock:
            spent = _Spent.seconds.get(what, 0.0) + time.perf_counter() - begin
            _Spent.seconds[what] = spent


def _tell(what: str) -> None:
    with _Spent.lock:
        if what in _Spent.told:
            return
        _Spent.told.add(what)
    text = f"compiling {what}, once"
    if os.environ.get("ADAPOOL_QUIET"):
        return
    if _is_watched():
        print(f"adapool: {text}", file=sys.stderr, flush=True)
    else:
        _log.info(text)


def _is_watched() -> bool:
    """Whether standard error is a terminal, or a notebook shows it."""
    stream = sys.stderr
    if stream is None:
        return False
    if "ipykernel" in sys.modules and type(stream).__module__.startswith("ipykernel"):
        return True
    return bool(getattr(stream, "isatty", lambda: False)())


def _public_call() -> str | None:
    """Return the public function that is running, and the dtype of its image: who waits, for what.

    From the stack, as only the outermost function has the image as it was given: kernels see bits.
    """
    import adapool

    frame: FrameType | None = sys._getframe(1)
    found = None
    while frame is not None:
        code = frame.f_code
        module = frame.f_globals.get("__name__", "")
        if module.startswith("adapool.") and code.co_name in adapool.__all__:
            image = frame.f_locals.get(code.co_varnames[0]) if code.co_argcount else None
            dtype = getattr(image, "dtype", None)
            found = code.co_name if dtype is None else f"{code.co_name} for {dtype}"
        frame = frame.f_back
    return found
