"""Make the archive of LLVM code that is shipped: ``python -m adapool._native.ship``.

Kernels whose source has not changed are taken from the archive that is there. With ``--check`` all
are compiled and nothing is written: it fails unless the archive is what would be written. That
takes minutes; ``--calls N`` compiles what N of the calls need, others each day.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import llvmlite.binding as llvm

from adapool import _jit
from adapool._native import archive, common, kernels
from adapool._native.machine import generic_machine

Recorded = dict[str, tuple[bytes, str]]


def record(part: int, parts: int, chosen: Sequence[int]) -> Recorded:
    """Make every `parts`-th of the chosen calls; return what they have numba write."""
    if not _jit.NATIVE:
        raise RuntimeError("kernels are compiled by numba itself here: nothing can be shipped")
    kernels.recorded = {}
    wanted = set(chosen[part::parts])
    for number, (name, call) in enumerate(common.calls()):
        if number in wanted:
            begin = time.process_time()
            call()
            print(f"{time.process_time() - begin:6.1f} s  {name}", file=sys.stderr, flush=True)
    return kernels.recorded


def build(jobs: int, most: int | None = None) -> Recorded:
    """Return what is to be shipped for the common calls, or for so many of them, drawn by the day.

    By processes side by side.
    """
    chosen = list(range(sum(1 for _ in common.calls())))
    if most is not None:
        day = time.strftime("%Y%m%d")
        chosen = random.Random(day).sample(chosen, min(most, len(chosen)))
        print(f"{len(chosen)} of the calls, drawn by {day}", file=sys.stderr)
    found: Recorded = {}
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        for part in pool.starmap(record, [(part, jobs, chosen) for part in range(jobs)]):
            twins = [name for name in found.keys() & part if found[name][1] != part[name][1]]
            if twins:
                raise RuntimeError(f"two kernels are shipped as {twins[0]}: rename one of them")
            found |= part
    return {name: (strip(code), digest) for name, (code, digest) in found.items()}


def strip(bitcode: bytes) -> bytes:
    """Take out the names of values, which are nobody's here: more than half of the archive."""
    module = llvm.parse_bitcode(bitcode)
    passes = llvm.create_new_module_pass_manager()
    passes.add_strip_symbols_pass()
    builder = llvm.create_pass_builder(generic_machine(), llvm.create_pipeline_tuning_options(0))
    passes.run(module, builder)
    return bytes(module.as_bitcode())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m adapool._native.ship", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, and write nothing")
    parser.add_argument("--calls", type=int, metavar="N", help="check what so many calls need")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N")
    options = parser.parse_args(arguments)
    if not options.check:
        archive.write(archive.PATH, build(options.jobs))
        print(f"written: {archive.PATH}, {archive.PATH.stat().st_size / 1e6:.2f} MB")
        return 0
    os.environ["ADAPOOL_SHIPPED"] = "0"
    fresh = build(options.jobs, options.calls)
    del os.environ["ADAPOOL_SHIPPED"]
    stale = [name for name, (code, digest) in fresh.items() if archive.find(name, digest) != code]
    if options.calls is None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, archive.PATH.name)
            archive.write(path, fresh)
            if path.read_bytes() != archive.PATH.read_bytes():
                stale = stale or ["what no call needs"]
    if not stale:
        print(f"{len(fresh)} kernels are compiled to what is shipped")
        return 0
    print("differs from what is shipped:", ", ".join(sorted(stale)), file=sys.stderr)
    print("the archive is out of date: run python -m adapool._native.ship", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
