"""Some of the tests on another Python: the newest of 3.12 and 3.13 that is found here.

In an environment of its own, with the newest NumPy that the extra ``cuda`` allows.
"""

from __future__ import annotations

import configparser
import sys
import tempfile
from pathlib import Path

import versions
from null_driver import build

VERSIONS = ("3.13", "3.12")

# What shows that all fits together: every kind of kernel and argument, and none compiled thrice.
FILES = ("test_detectors.py", "test_streams.py", "test_cases.py")
CASES = (
    "test_detectors or test_streams or (test_case and numba and (overlap or uint8 or float16 "
    "or rectangles or sites or groups or mask or volume))"
)

VERSION = (
    "import sys, numpy, numba, numba_cuda; print(f'Python {sys.version.split()[0]}, "
    "NumPy {numpy.__version__}, numba {numba.__version__}, numba-cuda {numba_cuda.__version__}')"
)


def requirements() -> list[str]:
    """Return what adapool and its extra for GPUs need, and what the tests do."""
    setup = configparser.ConfigParser()
    setup.read(build.PROJECT / "setup.cfg")
    wanted = setup["options"]["install_requires"] + setup["options.extras_require"]["cuda"]
    lines = [line.strip() for line in wanted.splitlines()]
    return [*(line for line in lines if line and line[0] != "#"), "hypothesis", "pytest"]


def main() -> int:
    """Run the tests on the first interpreter that is found; say which one it is."""
    others = (version for version in VERSIONS if not sys.version.startswith(f"{version}."))
    python = next(filter(None, map(versions.found, others)), None)
    if python is None:
        print(f"launches on another Python: none of {' and '.join(VERSIONS)} is here")
        return 0
    if build.compiler() is None:
        print("launches on another Python: no C compiler is here")
        return 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        inside = versions.environment(folder, python, *requirements())
        if inside is None:
            print(f"launches on another Python: {python} is here, and what it needs is not")
            return 0
        build.compile_driver(folder)
        print("launches on another Python:", end=" ", flush=True)
        build.run(folder, ["-c", VERSION], inside)
        files = [str(build.HERE / file) for file in FILES]
        return build.run(folder, [*build.PYTEST, *files, "-k", CASES], inside).returncode


if __name__ == "__main__":
    sys.exit(main())
