"""Code that is kept on disk: found again, damaged, nowhere to be kept; and the commands for it."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import adapool
from adapool import _jit, cli
from adapool._native import cache, common, sources
from interpreter import run
from native_code import CALL, UNKNOWN, WAY, copy_of_the_package, kept

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not _jit.NATIVE, reason="numba compiles kernels itself here"),
]


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
    assert reached == {"maximum.py", "lines.py", "windows.py", "_memory.py", "_formulas.py"}
    reached = {file.name for file in sources._reached("adapool.cpu.dynamic.pooling", set())}
    assert {"keys.py", "tables.py", "tiles.py", "queries.py", "pyramid.py"} <= reached
    assert "maximum.py" not in reached


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
