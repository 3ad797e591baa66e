"""What tests of code that is kept and shipped share."""

from __future__ import annotations

import shutil
from pathlib import Path

import adapool

CALL = "import numpy, adapool; print(adapool.max_pooling(numpy.eye(8), 4, channel_axis=None).sum())"

# Whether numba's front end has been at work.
WAY = """
import sys
print("compiled" if "adapool._native.frontend" in sys.modules else "shipped or kept")
"""

# Stands for a version of numba that nothing internal was tried with.
UNKNOWN = "import numba; numba.__version__ = '99.0'; "


def kept(folder: Path, ending: str = "*.o") -> list[Path]:
    return sorted(folder.rglob(ending))


def copy_of_the_package(folder: Path) -> tuple[Path, str]:
    """Copy the package; return where it is, and what makes it the one that is imported."""
    package = folder / "adapool"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(adapool.__file__).parent, package, ignore=ignored)
    return package, f"import sys; sys.path.insert(0, {str(folder)!r}); "
