"""Compile every CUDA kernel without a GPU, and fail on what would make it slow.

    PYTHONPATH=tests python -m tests.cuda_gate [--share N [--day D]]

prints, for each kernel, dtypes and architecture, what the assembler says of it, and exits with 1
on a spill, a stack frame, an instruction on float64 in a kernel without one, more registers
than the budget, or more instructions for an output than the budget that is beside the kernel in
``cuda_kernels``. An H100 can issue about 11 for each byte that its memory delivers. Occupancy is
what registers, threads and static or dynamic shared memory allow: computed, and no measurement.

All take minutes. With a share, kernels without such a budget are taken one in N, others each day.
"""

from __future__ import annotations

import argparse
import datetime
import operator
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cuda_kernels import Kernel, kernels
from cuda_machine_code import disassemble, loops

ARCHITECTURES = ("sm_80", "sm_90a")
# The one that instructions are counted for.
COUNTED = "sm_90a"
LOWEST = (8, 0)

# With 128 registers two blocks of 256 threads fit a multiprocessor: a quarter of its threads, which
# hide the latency of memory where each of them has several loads under way. Twice as many in
# float64, whose values take two.
BUDGET = 128

# Bytes that a copy moves on an H100 in a second, and instructions of threads that it can issue.
BANDWIDTH, ISSUE = 3.0e12, 33e12

# Of a multiprocessor of both architectures: registers, threads, blocks; and shared memory.
REGISTERS, THREADS, BLOCKS = 65_536, 2_048, 32
SHARED = {"sm_80": 164 << 10, "sm_90a": 228 << 10}
RESERVED = 1 << 10  # shared memory that the system takes of each block


@dataclass(frozen=True)
class Report:
    """What the assembler says of one kernel."""

    name: str
    dtypes: str
    architecture: str
    registers: int
    stack: int
    spills: int
    shared: int
    float64: int
    threads: int
    in_float64: bool = False
    loops: tuple[int, ...] = ()
    weights: tuple[float, ...] = ()
    budget: int = 0
    traffic: float = 0

    @property
    def instructions(self) -> float:
        """For an output, as far as loops are weighed."""
        return float(sum(map(operator.mul, self.loops, self.weights)))

    @property
    def occupancy(self) -> float:
        """The part of a multiprocessor's threads that fits at once."""
        # Registers are given to warps in units of 256.
        warp = -(-self.registers * 32 // 256) * 256
        blocks = min(
            REGISTERS // (warp * self.threads // 32),
            SHARED[self.architecture] // (self.shared + RESERVED),
            THREADS // self.threads,
            BLOCKS,
        )
        return blocks * self.threads / THREADS

    def faults(self, budget: int = BUDGET) -> list[str]:
        """Say what is wrong with the kernel."""
        faults = []
        if self.spills:
            faults.append(f"{self.spills} bytes spilled")
        if self.stack:
            faults.append(f"a stack frame of {self.stack} bytes")
        if self.float64 and "float64" not in self.dtypes and not self.in_float64:
            faults.append(f"{self.float64} instructions on float64")
        doubles = self.in_float64 or "float64" in self.dtypes
        if self.registers > budget * (2 if doubles else 1):
            faults.append(f"{self.registers} registers, budget {budget}")
        if self.budget and len(self.loops) != len(self.weights):
            faults.append(f"loops of {self.loops} instructions, {len(self.weights)} weights")
        if self.budget and self.instructions > self.budget:
            faults.append(f"{self.instructions:.0f} instructions, budget {self.budget}")
        return faults


def compile_kernel(kernel: Kernel) -> bytes:
    """Compile a kernel to what is linked: an intermediate form, from which machine code is made.

    Made for the lowest architecture, it is linked for all: registers are given out, and spills
    come about, while linking. (Compiled for sm_90a, all kernels were the same to the register.)
    """
    from numba import cuda

    code, _ = cuda.compile(
        getattr(kernel.function, "py_func", kernel.function),
        kernel.signature,
        device=False,
        abi="numba",
        cc=LOWEST,
        output="ltoir",
    )
    return bytes(code)


def link_kernel(code: bytes, kernel: Kernel, architecture: str) -> Report:
    """Link a compiled kernel as the runtime would; return what the assembler says."""
    from cuda.bindings import nvjitlink

    most = getattr(kernel.function, "targetoptions", {}).get("max_registers")
    limit = [f"-maxrregcount={most}"] if most else []
    counts = bool(kernel.budget) and architecture == COUNTED

    def link(*options: str) -> Any:
        given = [f"-arch={architecture}", "-lto", *limit, *options]
        handle = nvjitlink.create(len(given), given)
        nvjitlink.add_data(handle, nvjitlink.InputType.LTOIR, code, len(code), kernel.name)
        nvjitlink.complete(handle)
        return handle

    handle = link("-verbose", "-Xptxas=-v")
    log = bytearray(nvjitlink.get_info_log_size(handle))
    nvjitlink.get_info_log(handle, log)
    counted: tuple[int, ...] = ()
    if counts:
        cubin = bytearray(nvjitlink.get_linked_cubin_size(handle))
        nvjitlink.get_linked_cubin(handle, cubin)
        counted = tuple(loops(disassemble(bytes(cubin))))
    nvjitlink.destroy(handle)
    dtypes = ", ".join(dict.fromkeys(_dtypes(kernel.signature)))
    assembly = bytearray()
    if "float64" not in dtypes:
        handle = link("-ptx")
        assembly = bytearray(nvjitlink.get_linked_ptx_size(handle))
        nvjitlink.get_linked_ptx(handle, assembly)
        nvjitlink.destroy(handle)
        assert b".entry" in assembly

    def number(pattern: str) -> int:
        return sum(map(int, re.findall(pattern, log.decode())))

    assert b"Used" in log, log.decode()
    return Report(
        kernel.name,
        dtypes,
        architecture,
        registers=number(r"Used (\d+) registers"),
        stack=number(r"(\d+) bytes stack frame"),
        spills=number(r"(\d+) bytes spill \w+"),
        shared=number(r"(\d+) bytes smem") + kernel.dynamic,
        float64=len(re.findall(r"^\s+(?!ld|st|mov)\w[\w.]*\.f64\b", assembly.decode(), re.M)),
        threads=kernel.threads,
        in_float64=kernel.in_float64,
        loops=counted,
        weights=kernel.weights if counts else (),
        budget=kernel.budget if counts else 0,
        traffic=kernel.traffic,
    )


def _dtypes(signature: Any) -> list[str]:
    """Name the dtypes of the first arrays of a signature: values, and what goes with them."""
    from numba import types

    arrays = [str(kind.dtype) for kind in signature.args if isinstance(kind, types.Array)]
    return arrays[:2]


def simulate_compute_capability() -> None:
    """Let device functions be compiled for an architecture that is not there."""
    import numba.cuda.dispatcher

    class Device:
        compute_capability = LOWEST

    # Where the dispatcher asks which device is current.
    numba.cuda.dispatcher.get_current_device = lambda: Device


def reports(share: int, day: int) -> Iterator[Report]:
    """Compile kernels, all or those of the day, and link each for all architectures."""
    simulate_compute_capability()
    for number, kernel in enumerate(kernels()):
        if not kernel.budget and (number + day) % share:
            continue
        code = compile_kernel(kernel)
        for architecture in ARCHITECTURES:
            yield link_kernel(code, kernel, architecture)


def line(report: Report) -> str:
    """Return the row of a kernel."""
    return (
        f"{report.architecture:7} {report.name:34} {report.dtypes:26} {report.registers:4} "
        f"{report.stack:6} {report.spills:6} {report.shared:7} {report.occupancy:7.0%} "
        f"{f'{report.instructions:.0f}/{report.budget}' if report.budget else '':>8}  "
        f"{'; '.join(report.faults())}"
    )


HEADER = (
    f"{'arch':7} {'kernel':34} {'dtypes':26} {'regs':>4} {'stack':>6} {'spills':>6} "
    f"{'shared':>7} {'occup.':>7} {'instr.':>8}  faults"
)


def page(report: Report) -> str:
    """Return the row of the documentation of a kernel whose instructions are counted."""
    times = report.traffic / BANDWIDTH * 1e12, report.instructions / ISSUE * 1e12
    bound = "bytes" if times[0] >= times[1] else "instructions"
    return (
        f"| {report.name} | {report.traffic:.1f} | {report.instructions:.0f} | {report.budget} "
        f"| {times[0]:.2f} | {times[1]:.2f} | {bound} |"
    )


PAGE = (
    "| kernel | bytes | instructions | budget | bytes, ns per 1,000 | instructions, ns per 1,000 "
    "| bound by |\n| --- | ---: | ---: | ---: | ---: | ---: | --- |"
)


def main() -> int:
    """Print the reports, and a table for the page; return whether a kernel has a fault."""
    parser = argparse.ArgumentParser(prog="python -m tests.cuda_gate", description=__doc__)
    parser.add_argument("--share", type=int, default=1, metavar="N")
    parser.add_argument("--day", type=int, metavar="D", help="today's number unless given")
    given = parser.parse_args()
    day = datetime.date.today().toordinal() if given.day is None else given.day
    if given.share > 1:
        print(f"one kernel in {given.share}, of day {day}", flush=True)
    print(HEADER, flush=True)
    failed = False
    rows = []
    for report in reports(max(given.share, 1), day):
        print(line(report), flush=True)
        failed |= bool(report.faults())
        if report.budget:
            rows.append(page(report))
    print("", PAGE, *rows, sep="\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
