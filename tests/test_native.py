"""Code that is kept, shipped and compiled: each way to it, and each that it can be damaged in."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import adapool
from adapool import _jit, cli
from adapool._native import archive, cache, common, notice, sources
from interpreter import run

pytestmark = pytest.mark.skipif(not _jit.NATIVE, reason="numba compiles kernels itself here")

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


# --- the cache ----------------------------------------------------------------------------------


def test_later_processes_load_what_was_kept(tmp_path: Path) -> None:
    environment = {"NUMBA_CACHE_DIR": str(tmp_path), "ADAPOOL_SHIPPED": "0"}
    assert run(CALL + WAY, timeout=300, **environment) == "2.0\ncompiled"
    assert len(kept(tmp_path)) == 1
    assert run(CALL + WAY, timeout=300, **environment) == "2.0\nshipped or kept"


@pytest.mark.parametrize("damage", ["cut off", "empty", "foreign", "of another kernel"])
def test_damaged_files_are_replaced(tmp_path: Path, damage: str) -> None:
    environment = {"NUMBA_CACHE_DIR": str(tmp_path)}
    assert run(CALL, timeout=300, **environment) == "2.0"
    (file,) = kept(tmp_path)
    whole = file.read_bytes()
    if damage == "of another kernel":
        other = CALL.replace("numpy.eye(8)", "numpy.eye(8, dtype=numpy.uint8)")
        assert run(other, timeout=300, **environment) == "2"
        (another,) = set(kept(tmp_path)) - {file}
        os.replace(another, file)
    else:
        file.write_bytes({"cut off": whole[:200], "empty": b"", "foreign": b"x" * 999}[damage])
    assert run(CALL, timeout=300, **environment) == "2.0"
    assert file.read_bytes() == whole
    assert [path.name for path in (tmp_path / "adapool").iterdir()] == [file.name]


@pytest.mark.parametrize("way", ["", UNKNOWN])
def test_no_place_to_keep_code(way: str) -> None:
    """One warning, that says what to set, and the right result."""
    code = f"""
import warnings
{way}
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    {CALL}
    adapool.max_pooling(numpy.eye(8), 4, channel_axis=None, return_indices=True)
print(len(caught), caught[0].category.__name__, "Set the environment variable NUMBA_CACHE_DIR" in
      str(caught[0].message))
"""
    nowhere = "/dev/null/nowhere"
    said = run(code, NUMBA_CACHE_DIR=nowhere, HOME=nowhere, XDG_CACHE_HOME=nowhere)
    assert said == "2.0\n1 RuntimeWarning True"


def test_a_folder_that_can_only_be_read(tmp_path: Path) -> None:
    if os.name != "posix" or os.geteuid() == 0:
        pytest.skip("the owner of everything may write anywhere")
    environment = {"NUMBA_CACHE_DIR": str(tmp_path), "ADAPOOL_SHIPPED": "0"}
    run(CALL, timeout=300, **environment)
    (tmp_path / "adapool").chmod(0o500)
    assert run(CALL + WAY, timeout=300, **environment) == "2.0\nshipped or kept"


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {"NUMBA_CACHE_DIR": "/chosen", "XDG_CACHE_HOME": "/x"}, "/chosen/adapool"),
        ("linux", {"XDG_CACHE_HOME": "/x"}, "/x/adapool"),
        ("linux", {}, "/home/me/.cache/adapool"),
        ("darwin", {}, "/home/me/Library/Caches/adapool"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/adapool"),
        ("win32", {}, "/home/me/AppData/Local/adapool"),
    ],
)
def test_where_code_is_kept(
    platform: str, variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"HOME": "/home/me", **variables}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert cache.folder() == Path(expected)


def test_nothing_is_kept_beside_the_source(tmp_path: Path) -> None:
    """What is left there after uninstalling would be imported as an empty package."""
    package, here = copy_of_the_package(tmp_path)
    environment = {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    for way in ("", UNKNOWN):
        code = here + way + CALL + "; print(adapool.__file__)"
        assert run(code, timeout=300, **environment) == f"2.0\n{package / '__init__.py'}"
    assert not kept(package, "*.nb*")
    assert not kept(package)


def test_digests_cover_what_a_kernel_is_made_of() -> None:
    reached = {file.name for file in sources._reached("adapool.cpu.fixed.maximum", set())}
    assert reached == {"maximum.py", "_memory.py", "_formulas.py"}
    reached = {file.name for file in sources._reached("adapool.cpu.dynamic.pooling", set())}
    assert {"keys.py", "tables.py", "tiles.py", "queries.py", "pyramid.py"} <= reached
    assert "maximum.py" not in reached


# --- the archive --------------------------------------------------------------------------------


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the archive, in its place."""
    path = tmp_path / "kernels.zip"
    shutil.copy(archive.PATH, path)
    monkeypatch.setattr(archive, "PATH", path)
    monkeypatch.delenv("ADAPOOL_SHIPPED", raising=False)
    archive._archive.cache_clear()
    yield path
    archive._archive.cache_clear()


def an_entry() -> tuple[str, str]:
    opened = archive._archive()
    assert opened is not None
    name = sorted(opened._entries)[0]
    return name, opened._entries[name]["source"]


def test_what_fits_is_found(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name, digest = an_entry()
    found = archive.find(name, digest)
    assert found is not None
    assert found[:2] == b"BC"
    assert archive.find(name, "another source") is None
    assert archive.find("another kernel", digest) is None
    monkeypatch.setenv("ADAPOOL_SHIPPED", "0")
    assert archive.find(name, digest) is None


@pytest.mark.parametrize("field", ["platform", "llvm"])
def test_an_archive_for_another_machine(
    copied: Path, field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, digest = an_entry()
    archive._archive.cache_clear()
    here = archive.made_for()
    monkeypatch.setattr(archive, "made_for", lambda: {**here, field: "another"})
    assert archive.find(name, digest) is None


@pytest.mark.parametrize("share", [0, 0.3, 0.9, 0.999, None])
def test_an_archive_that_is_not_whole(copied: Path, share: float | None) -> None:
    name, digest = an_entry()
    archive._archive.cache_clear()
    if share is None:
        copied.unlink()
    else:
        whole = copied.read_bytes()
        copied.write_bytes(whole[: int(share * len(whole))])
    assert archive.find(name, digest) is None


def test_an_entry_that_was_changed(copied: Path) -> None:
    name, digest = an_entry()
    opened = archive._archive()
    assert opened is not None
    begin = opened._file.getinfo(name).header_offset + 200
    archive._archive.cache_clear()
    content = bytearray(copied.read_bytes())
    content[begin] ^= 1
    copied.write_bytes(content)
    assert archive.find(name, digest) is None


def test_an_archive_is_the_same_bytes_each_time(tmp_path: Path) -> None:
    kernels = {"b": (b"BC" * 99, "2"), "a": (b"CB" * 99, "1")}
    for name, given in (("one", kernels), ("two", dict(reversed(kernels.items())))):
        archive.write(tmp_path / name, given)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_the_archive_is_up_to_date(copied: Path) -> None:
    """Of every kernel in it, the source has not changed since; else: adapool._native.ship."""
    opened = archive._archive()
    assert opened is not None
    folder = Path(_jit.__file__).parent / "cpu"
    modules = [
        ".".join(file.relative_to(folder).with_suffix("").parts) for file in folder.glob("*/*.py")
    ]
    known = {sources.digest(f"adapool.cpu.{module}") for module in modules}
    stale = {name for name, entry in opened._entries.items() if entry["source"] not in known}
    assert not stale


def test_a_fresh_installation_compiles_nothing(tmp_path: Path) -> None:
    code = """
import numpy as np, adapool
image = np.random.default_rng(0).random((64, 64), dtype=np.float32)
adapool.max_pooling(image, 4, channel_axis=None)
adapool.attention_pooling(image, 4, image, channel_axis=None)
adapool.dynamic_pooling(image, np.full((64, 64), 5, np.int16), channel_axis=None)
adapool.dynamic_stride_pooling(image, np.full((64, 64, 4), 5, np.float32), channel_axis=None)
adapool.deformable_conv(image, [2.0], np.zeros((64, 64, 2), np.float32), channel_axis=None)
adapool.peak_local_max(image)
"""
    environment = {"NUMBA_CACHE_DIR": str(tmp_path)}
    assert run(code + WAY, timeout=300, **environment) == "shipped or kept"


def test_an_edited_kernel_is_compiled(tmp_path: Path) -> None:
    package, here = copy_of_the_package(tmp_path)
    environment = {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    assert run(here + CALL + WAY, timeout=300, **environment) == "2.0\nshipped or kept"
    edited = package / "cpu" / "fixed" / "maximum.py"
    text = edited.read_text()
    edited.write_text(text.replace("_fill(line, lowest)", "_fill(line, type(lowest)(9))"))
    assert run(here + CALL + WAY, timeout=300, **environment) == "36.0\ncompiled"


# --- numba's own way ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "other",
    [
        UNKNOWN,
        "import llvmlite; llvmlite.__version__ = '99.0.0'; ",
        "import platform; platform.machine = lambda: 'riscv64'; ",
    ],
)
def test_where_nothing_internal_was_tried(other: str, tmp_path: Path) -> None:
    code = f"{other}{CALL}; from adapool import _jit; print(_jit.NATIVE)"
    environment = {"NUMBA_CACHE_DIR": str(tmp_path)}
    assert run(code, timeout=300, **environment) == "2.0\nFalse"
    assert kept(tmp_path, "*.nbi")
    assert not kept(tmp_path)
    for file in kept(tmp_path, "*.nb?"):
        file.write_bytes(file.read_bytes()[:20])
    assert run(code, timeout=300, **environment) == "2.0\nFalse"


def test_both_ways_agree_to_the_bit(tmp_path: Path) -> None:
    code = """
import hashlib, numpy as np, adapool
rng = np.random.default_rng(0)
image = rng.random((150, 160), dtype=np.float32)
sizes = rng.integers(0, 9, (150, 160, 2)).astype(np.int16)
offsets = rng.normal(size=(150, 160, 18)).astype(np.float32)
results = [
    adapool.max_pooling(image, 3, stride=1, channel_axis=None),
    *adapool.dynamic_pooling(image, sizes, channel_axis=None, return_indices=True),
    *(adapool.deformable_conv(image[..., None], np.ones((3, 3, 1, filters), np.float32), offsets,
      padding=1) for filters in (1, 2)),
]
print(hashlib.sha256(b"".join(result.tobytes() for result in results)).hexdigest())
"""
    environment = {"NUMBA_CACHE_DIR": str(tmp_path)}
    assert run(code, timeout=300, **environment) == run(UNKNOWN + code, timeout=300, **environment)


def test_bounds_are_checked_when_asked_for() -> None:
    code = """
import numpy as np
from adapool import _jit
from adapool.cpu._memory import apart
load, store = apart("test")
@_jit.kernel
def copy(task, array, out, at):
    store(out, at, task, load(array, at, task))
array, out = np.arange(4.0), np.zeros(4)
copy(array, out, 0, tasks=4, work=0)
print(out.tolist(), end=" ")
for at, work in ((1, 0), (-1, 0), (1, 1 << 40)):
    try:
        copy(array, out, at, tasks=4, work=work)
    except IndexError as error:
        print("caught", end=" ")
"""
    assert run(code, NUMBA_BOUNDSCHECK="1") == "[0.0, 1.0, 2.0, 3.0] caught caught caught"


# --- what the user is told ----------------------------------------------------------------------

TOLD = """
import logging, sys, numpy as np, adapool
from adapool._native import notice
notice._PATIENCE = 0
logging.basicConfig(stream=sys.stdout, format="%(name)s: %(message)s", level=logging.INFO)
image = np.zeros((8, 8), np.uint16)
for _ in range(2):
    adapool.attention_pooling(image, 2, image, channel_axis=None, return_indices=True)
"""


def test_compiling_is_told_once(tmp_path: Path) -> None:
    environment = {"NUMBA_CACHE_DIR": str(tmp_path), "ADAPOOL_SHIPPED": "0"}
    said = run(TOLD, timeout=300, **environment)
    assert said == "adapool: compiling attention_pooling for uint16, once"


def test_compiling_can_be_silent(tmp_path: Path) -> None:
    environment = {"NUMBA_CACHE_DIR": str(tmp_path), "ADAPOOL_SHIPPED": "0"}
    assert run(TOLD, ADAPOOL_QUIET="1", timeout=300, **environment) == ""


def test_what_was_kept_is_not_told(tmp_path: Path) -> None:
    environment = {"NUMBA_CACHE_DIR": str(tmp_path)}
    run(TOLD, timeout=300, **environment)
    assert run(TOLD, timeout=300, **environment) == ""


def test_a_terminal_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(notice, "_is_watched", lambda: True)
    monkeypatch.delenv("ADAPOOL_QUIET", raising=False)
    notice._tell("something of this test")
    notice._tell("something of this test")
    assert capsys.readouterr().err == "adapool: compiling something of this test, once\n"


@pytest.mark.skipif(sys.platform == "win32", reason="signals are those of POSIX")
def test_ctrl_c_while_compiling(tmp_path: Path) -> None:
    code = """
import numpy as np, adapool
from adapool._native import frontend  # interrupted imports are Python's, not what is tested
from adapool import cpu
image, sizes = np.ones((40, 40), np.float32), np.full((40, 40), 3, np.int16)
try:
    print("begin", flush=True)
    adapool.dynamic_pooling(image, sizes, channel_axis=None)
except KeyboardInterrupt:
    print("interrupted", adapool.dynamic_pooling(image, sizes, channel_axis=None).sum())
"""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "ADAPOOL_SHIPPED": "0"}
    child = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "begin\n"
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(1.5)
    child.send_signal(signal.SIGINT)
    out, error = child.communicate(timeout=200)
    assert (out, error, child.returncode) == ("interrupted 1600.0\n", "", 0)
    assert all(file.suffix == ".o" for file in (tmp_path / "adapool").iterdir())


# --- the commands -------------------------------------------------------------------------------


def test_the_cache_is_shown_and_cleared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert cli.main(["cache"]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'adapool'}\n0 files, 0.0 MB\n"
    (tmp_path / "adapool").mkdir()
    (tmp_path / "adapool" / "kernel.o").write_bytes(bytes(200_000))
    (tmp_path / "other").write_text("of another library")
    assert cli.main(["cache"]) == 0
    assert capsys.readouterr().out.endswith("1 files, 0.2 MB\n")
    assert cli.main(["cache", "--clear"]) == 0
    assert capsys.readouterr().out == "deleted: 1 files, 0.2 MB\n"
    assert (tmp_path / "other").exists()
    assert not kept(tmp_path)


def test_compile_makes_the_calls(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made: list[Any] = []

    def calls(everything: bool) -> list[common.Call]:
        return [(f"call {i}", partial(made.append, (everything, i))) for i in range(3)]

    monkeypatch.setattr(common, "calls", calls)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert cli.main(["compile", "--all"]) == 0
    assert made == [(True, 0), (True, 1), (True, 2)]
    said = capsys.readouterr()
    assert said.out.startswith("compiled: 3 kinds of calls")
    assert "100%" in said.err


def test_common_calls_are_right() -> None:
    """Each of a few runs, and is named by its function."""
    for name, call in [*common.calls()][::40]:
        assert hasattr(adapool, name.split()[0])
        assert call() is not None
    assert len([*common.calls(True)]) > len([*common.calls()])


def test_results_are_those_of_numpy() -> None:
    image = np.random.default_rng(0).random((6, 8))
    pooled = adapool.max_pooling(image, 2, channel_axis=None)
    np.testing.assert_array_equal(pooled, image.reshape(3, 2, 4, 2).max((1, 3)))
