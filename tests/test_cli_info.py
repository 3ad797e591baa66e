"""``adapool info``: what reports of faults begin with, and hosts that are refused."""

from __future__ import annotations

import importlib.metadata

import pytest

import adapool
import interpreter
from adapool.cli import _info, main


def printed(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    assert main(["info"]) == 0
    lines = capsys.readouterr().out.splitlines()
    return {line.partition("  ")[0].strip(): line.partition("  ")[2].strip() for line in lines}


def test_it_says_what_is_installed(capsys: pytest.CaptureFixture[str]) -> None:
    rows = printed(capsys)
    assert rows["adapool"] == adapool.__version__
    for package in ("numpy", "numba", "scikit-image"):
        assert rows[package] == importlib.metadata.version(package)
    assert rows["threads"].startswith(f"{adapool.get_num_threads()} of ")
    assert {"Python", "system", "processor", "kernels", "cache", "GPU"} <= set(rows)


def test_what_is_missing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def version(package: str) -> str:
        raise importlib.metadata.PackageNotFoundError(package)

    monkeypatch.setattr("importlib.metadata.version", version)
    rows = printed(capsys)
    assert rows["numpy"] == "missing"
    assert "dask" not in rows


def test_a_broken_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    target = pytest.importorskip("adapool.cuda.target", reason="the extra cuda is not installed")

    def broken() -> None:
        raise OSError("libcuda.so.1: file too short")

    monkeypatch.setattr(target, "why_unusable", broken)
    assert _info._gpu() == "not usable: OSError: libcuda.so.1: file too short"


def test_big_endian_processors_are_refused() -> None:
    code = """
import sys
sys.byteorder = "big"
try:
    import adapool
except ImportError as error:
    print(error)
"""
    assert interpreter.run(code).startswith("adapool needs a little-endian processor")
