"""The site builds without a warning, and so do all pages with code cells and all notebooks run.

Each runs from top to bottom in a kernel of its own. An error in one fails the build, as does what
it writes to stderr, a warning of Python, and a link or a picture that leads nowhere.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.site


def test_the_site_builds(tmp_path: Path) -> None:
    # What a kernel runs before anything else: warnings are errors here as in every test.
    startup = tmp_path / "profile_default" / "startup"
    startup.mkdir(parents=True)
    startup.joinpath("strict.py").write_text("import warnings; warnings.simplefilter('error')\n")
    # Without the backend of the tests, with which no picture would be shown.
    given = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    result = subprocess.run(
        [
            sys.executable,
            "-m",
            "sphinx",
            "-W",
            "--keep-going",
            "--quiet",
            "docs",
            tmp_path / "site",
        ],
        cwd=ROOT,
        env=given | {"IPYTHONDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=1500,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    site = tmp_path / "site"
    for page in ("index", *(f"notebooks/{path.stem}" for path in ROOT.glob("notebooks/*.ipynb"))):
        assert re.search(r'<img [^>]*src="[^"]*_images/', (site / f"{page}.html").read_text()), page
