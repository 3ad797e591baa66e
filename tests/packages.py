"""Build the source distribution and, from it, the wheel; check both; run what the wheel installs.

    python -m tests.packages [FOLDER]

needs `build`, `twine` and `check-wheel-contents`, and leaves what it built in the folder. The wheel
has to hold every file of the package that git knows, and nothing else; the demo and a smoke test
run from it in an environment of its own, with no source tree beside it. Exits with 1 where one
fails.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import versions
from versions import PROJECT

SMOKE = """
import adapool, pathlib, skimage, sys
assert pathlib.Path(adapool.__file__).is_relative_to(sys.prefix), adapool.__file__
peaks = adapool.peak_table(skimage.data.coins())
assert len(peaks["label"]) == 24, len(peaks["label"])
print("installed from the wheel:", adapool.__version__)
"""


def tracked() -> set[str]:
    """Return the files of the package that git knows."""
    command = ["git", "ls-files", "adapool"]
    listed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    return set(listed.stdout.split())


def contents(wheel: Path) -> set[str]:
    """Return the files of a wheel, but those that say what it is."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    return {name for name in names if ".dist-info/" not in name}


def check(folder: Path) -> bool:
    """Build and check; say what is wrong."""
    built = folder / "dist"
    build = [sys.executable, "-m", "build", "--outdir", str(built), str(PROJECT)]
    subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
    made = sorted(built.iterdir())
    (wheel,) = (path for path in made if path.suffix == ".whl")
    files = [str(path) for path in made]
    right = subprocess.run(["twine", "check", "--strict", *files], check=False).returncode == 0
    # W002 are files alike: the line that says what a method is, in `cpu/` and in `cuda/`.
    looked_at = ["check-wheel-contents", "--ignore", "W002", str(wheel)]
    right &= subprocess.run(looked_at, check=False).returncode == 0
    for what, names in (
        ("missing from", tracked() - contents(wheel)),
        ("in", contents(wheel) - tracked()),
    ):
        for name in sorted(names):
            print(f"{name}: {what} the wheel")
            right = False
    return right and runs(wheel, folder)


def runs(wheel: Path, folder: Path) -> bool:
    """Whether the demo and a smoke test run from the installed wheel."""
    python = versions.environment(folder, sys.executable, f"{wheel}[plot]")
    if python is None:
        return False
    commands = (["-m", "adapool", "demo", "--quick"], ["-c", SMOKE])
    return all(
        subprocess.run([python, *words], cwd=folder, check=False).returncode == 0
        for words in commands
    )


def main(arguments: list[str]) -> int:
    """Check in a folder that is given, or in one that goes away."""
    if arguments:
        folder = Path(arguments[0]).resolve()
        folder.mkdir(parents=True)
        return 0 if check(folder) else 1
    with tempfile.TemporaryDirectory() as name:
        return 0 if check(Path(name)) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
