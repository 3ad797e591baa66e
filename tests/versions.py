"""The short tier of the tests on other versions, against a wheel that is built first.

    python -m tests.versions             every other Python from 3.11 on that is found here
    python -m tests.versions --lowest    this Python, the lowest versions that setup.cfg allows
    python -m tests.versions --here      this Python and the newest versions

Each in an environment of its own, with the tests alone beside it: what is imported is what the
wheel has installed. Says which Pythons it did not find; exits with 1 where tests fail.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).parents[1]
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
LOWEST = PROJECT / "tests" / "lowest.txt"

# What shows in a minute or two that versions fit together: values of every function, every
# estimator, the table of peaks, and what is read from the installed package itself.
SHORT = ("test_forms.py", "test_estimators.py", "test_peak_table.py", "test_cli_info.py")
# With the lowest numba every kernel is compiled from its source, which takes seconds for each: one.
SHORTER = ("test_properties.py", "-k", "max_pooling and larger_images")
NEEDED = ("hypothesis", "pytest", "xarray", "dask[array]")

SMOKE = """
import pathlib, numpy, numba, scipy, skimage, sys
import adapool
assert pathlib.Path(adapool.__file__).is_relative_to(sys.prefix), adapool.__file__
pooled = adapool.max_pooling(skimage.data.coins(), 4, channel_axis=None)
assert pooled.shape == (75, 96), pooled.shape
print(f"Python {sys.version.split()[0]}, numpy {numpy.__version__}, scipy {scipy.__version__}, "
      f"scikit-image {skimage.__version__}, numba {numba.__version__}")
"""


@dataclass(frozen=True)
class Tier:
    """A Python, the versions that packages are held to, and tests."""

    python: str
    constraints: Path | None = None
    tests: tuple[str, ...] = SHORT


def found(version: str) -> str | None:
    """Return an interpreter of a version: on the path, or pyenv's."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    installed = sorted(root.glob(f"versions/{version}*/bin/python"), reverse=True)
    on_path = shutil.which(f"python{version}")
    for path in [*map(str, installed), *([on_path] if on_path else [])]:
        command = [path, "-c", "import sys; print(sys.version)"]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        if answer.stdout.startswith(f"{version}."):
            return path
    return None


def others() -> Iterator[Tier]:
    """Yield every other Python that is here, and say which is not."""
    for version in PYTHONS:
        if sys.version.startswith(f"{version}."):
            continue
        python = found(version)
        if python is None:
            print(f"Python {version}: not found here, not tested", flush=True)
        else:
            yield Tier(python)


def wheel(folder: Path) -> Path:
    """Build the wheel."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(folder)]
    subprocess.run([*command, str(PROJECT)], check=True)
    return next(folder.glob("*.whl"))


def environment(folder: Path, python: str, *wanted: str) -> str | None:
    """Make an environment in a folder; return its Python, None where that cannot be installed."""
    inside = str(folder / "venv" / "bin" / "python")
    subprocess.run([python, "-m", "venv", str(folder / "venv")], check=True)
    install = [inside, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    without = {**os.environ, "PIP_NO_COMPILE": "1"}
    if subprocess.run([*install, *wanted], env=without, check=False).returncode:
        print(f"{python}: cannot install {' '.join(wanted)}", flush=True)
        return None
    return inside


def run(tier: Tier, built: Path, folder: Path) -> bool:
    """Install the wheel, and run the short tier on it; say what ran."""
    held = [] if tier.constraints is None else ["-c", str(tier.constraints)]
    python = environment(folder, tier.python, *held, str(built), *NEEDED)
    if python is None:
        return False
    shutil.copytree(PROJECT / "tests", folder / "tests")
    shutil.copy(PROJECT / "setup.cfg", folder)
    smoke = subprocess.run([python, "-c", SMOKE], cwd=folder, check=False)
    tests = [
        python,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-o",
        "addopts=--strict-markers",
    ]
    tests += [f"tests/{word}" if word.endswith(".py") else word for word in tier.tests]
    return smoke.returncode == 0 and subprocess.run(tests, cwd=folder, check=False).returncode == 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.versions", description=__doc__)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--lowest", action="store_true")
    which.add_argument("--here", action="store_true")
    given = parser.parse_args(arguments)
    if given.lowest:
        tiers = [Tier(sys.executable, LOWEST, SHORTER)]
    elif given.here:
        tiers = [Tier(sys.executable)]
    else:
        tiers = list(others())
    right = True
    with tempfile.TemporaryDirectory() as place:
        built = wheel(Path(place)) if tiers else Path()
        for number, tier in enumerate(tiers):
            folder = Path(place, str(number))
            folder.mkdir()
            right &= run(tier, built, folder)
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
