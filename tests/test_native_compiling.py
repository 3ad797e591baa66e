"""Code that is compiled here: numba's own way, what the user is told, and Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from adapool import _jit
from adapool._native import notice
from interpreter import run
from native_code import CALL, UNKNOWN, kept

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not _jit.NATIVE, reason="numba compiles kernels itself here"),
]


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
import signal, numpy as np, adapool
signal.signal(signal.SIGINT, signal.default_int_handler)  # shells ignore it in the background
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
