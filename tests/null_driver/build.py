"""Compile the driver, and start processes that find it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
TESTS = HERE.parent
PROJECT = TESTS.parent


def compiler() -> str | None:
    """Return the C compiler of this machine, if there is one."""
    return next((found for name in ("cc", "gcc", "clang") if (found := shutil.which(name))), None)


def compile_driver(folder: Path) -> None:
    """Put the driver into a folder, under the names by which libraries are looked for."""
    name = compiler()
    if name is None:
        raise FileNotFoundError("no C compiler: install gcc, or clang")
    library = folder / "libcuda.so.1"
    command = [name, "-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    subprocess.run([*command, "-o", str(library), str(HERE / "driver.c")], check=True)
    (folder / "libcuda.so").symlink_to(library.name)


def environment(folder: Path) -> dict[str, str]:
    """Return the environment of a process that finds the driver, with two devices."""
    paths = {
        "LD_LIBRARY_PATH": [str(folder), os.environ.get("LD_LIBRARY_PATH", "")],
        "PYTHONPATH": [str(TESTS), str(PROJECT), os.environ.get("PYTHONPATH", "")],
    }
    joined = {name: os.pathsep.join(filter(None, parts)) for name, parts in paths.items()}
    return {
        **os.environ,
        **joined,
        "NULL_DRIVER_DEVICES": "2",
        "NUMBA_ENABLE_CUDASIM": "0",
        "NUMBA_DISABLE_CUDA": "0",
    }


def run(
    folder: Path, arguments: Sequence[str], python: str = sys.executable, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run Python with the driver that was compiled into a folder."""
    return subprocess.run(
        [python, *arguments],
        cwd=PROJECT,
        env=environment(folder),
        text=True,
        check=False,
        **options,
    )


PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist")
