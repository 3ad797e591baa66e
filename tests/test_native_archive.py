"""Code that is shipped: each way to it, and each that it can be damaged in."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapool import _jit
from adapool._native import archive, sources
from interpreter import run
from native_code import CALL, WAY, copy_of_the_package

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not _jit.NATIVE, reason="numba compiles kernels itself here"),
]


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
    edited = package / "cpu" / "fixed" / "lines.py"
    text = edited.read_text()
    edited.write_text(text.replace("lowest if fresh", "type(lowest)(9) if fresh"))
    assert run(here + CALL + WAY, timeout=300, **environment) == "36.0\ncompiled"
