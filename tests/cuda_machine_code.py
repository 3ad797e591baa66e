"""Machine code of a kernel, in words, and what its loops are made of."""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
import sysconfig
import tempfile
from pathlib import Path


@functools.cache
def disassembler() -> str:
    """Return where ``nvdisasm`` is: in the wheel of that name, or in a toolkit."""
    wheels = Path(sysconfig.get_path("purelib")).glob("nvidia/*/bin/nvdisasm")
    found = next(map(str, wheels), None) or shutil.which("nvdisasm")
    if found is None:
        raise FileNotFoundError("no nvdisasm: pip install nvidia-cuda-nvdisasm")
    return found


def disassemble(cubin: bytes) -> str:
    """Return the instructions of a kernel, with the names of places that are jumped to."""
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        command = [disassembler(), "-c", file.name]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def loops(text: str) -> list[int]:
    """Count the instructions of each loop, without those of loops inside, in the order of begins.

    A loop is what a jump backwards leads through. (The last instruction jumps to itself.)
    """
    labels: dict[str, int] = {}
    jumps: list[tuple[str, int]] = []
    count = 0
    for line in text.splitlines():
        if label := re.match(r"\s*(\.L_\w+):", line):
            labels[label.group(1)] = count
        if instruction := re.match(r"\s+/\*[0-9a-f]+\*/\s+(.*?);", line):
            if place := re.search(r"BRA.*`\((\.L_\w+)\)", instruction.group(1)):
                jumps.append((place.group(1), count))
            count += 1
    ends: dict[int, int] = {}
    for name, end in jumps:
        begin = labels.get(name, count)
        if begin < end:
            ends[begin] = max(end, ends.get(begin, 0))
    spans = sorted((begin, end + 1) for begin, end in ends.items())
    return [
        (end - begin)
        - sum(
            inner_end - inner
            for inner, inner_end in spans
            if begin < inner < end and not _within(spans, inner, (begin, end))
        )
        for begin, end in spans
    ]


def _within(spans: list[tuple[int, int]], place: int, around: tuple[int, int]) -> bool:
    """Whether another loop is between one that begins at a place and the one around it."""
    return any(
        around[0] < begin < place < end <= around[1] for begin, end in spans if begin != place
    )
