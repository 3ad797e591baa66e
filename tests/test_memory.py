"""Working memory stays under 256 MiB, beyond inputs and outputs, on a 4096 x 4096 image."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from memory_probe import CASES

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not os.access("/proc/self/clear_refs", os.W_OK),
        reason="the peak of the resident set is measured through Linux's /proc",
    ),
]


@pytest.mark.parametrize("name", CASES)
def test_working_memory(name: str) -> None:
    probe = Path(__file__).with_name("memory_probe.py")
    result = subprocess.run(
        [sys.executable, str(probe), name], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert int(result.stdout) < 256 << 20, f"{int(result.stdout) / 2**20:.0f} MiB"
