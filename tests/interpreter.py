"""Run code in a fresh interpreter, warnings being errors, with a time limit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def run(code: str, *arguments: str, timeout: float = 120, **environment: str) -> str:
    """Run code, and return what it prints."""
    return _run(["-c", code, *arguments], timeout, environment)


def run_file(file: Path, code: str, timeout: float = 120, **environment: str) -> str:
    """Write code to a file, so that children can import it, and run it."""
    file.write_text(code)
    return _run([str(file)], timeout, environment)


def _run(arguments: list[str], timeout: float, environment: dict[str, str]) -> str:
    result = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()
