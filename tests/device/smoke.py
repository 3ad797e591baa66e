"""One kernel through every door: what is absent, NumPy scalars, nested tuples, float16, streams."""

from __future__ import annotations

import sys
import time

import numpy as np
from numba import cuda

import adapool
from device.libraries import Library, libraries


def try_library(library: Library, compare: bool) -> None:
    """Pool a small image in a few ways; compare with the CPU."""
    image = np.arange(48, dtype=np.float32).reshape(6, 8)
    for dtype in ("float32", "float16", "uint8", "bool"):
        host = image.astype(dtype)
        sent = library.send(host)
        for options in ({}, {"stride": 1}, {"return_indices": True}):
            got = adapool.max_pooling(sent, 2, channel_axis=None, **options)
            want = adapool.max_pooling(host, 2, channel_axis=None, **options)
            pairs = zip(got, want, strict=True) if isinstance(got, tuple) else [(got, want)]
            for on_device, on_host in pairs:
                fetched = library.fetch(on_device)
                assert fetched.dtype == on_host.dtype
                if compare:
                    np.testing.assert_array_equal(fetched, on_host)


def main() -> int:
    """Try every library; the last line is the summary."""
    begin = time.perf_counter()
    name = cuda.get_current_device().name
    compare = "null device" not in (name.decode() if isinstance(name, bytes) else name)
    names = []
    for library in libraries():
        try_library(library, compare)
        names.append(library.name)
        print(f"{library.name}: right, {time.perf_counter() - begin:.1f} s", flush=True)
    print(f"arrays of {', '.join(names)}{'' if compare else ': launched, values not compared'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
