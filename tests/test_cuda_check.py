"""The check for machines with a GPU: what it does where there is none, and that it can fail."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from device import steps
from device.steps import Machine
from null_driver import build

pytestmark = pytest.mark.slow

CHECK = Path(__file__).parent / "device" / "check"


def check(out: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", str(CHECK), *arguments],
        env={**os.environ, "OUT": str(out), "PYTHON": sys.executable, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_a_driver_it_fails(tmp_path: Path) -> None:
    result = check(tmp_path)
    assert result.returncode == 1
    assert "nothing else is run" in result.stdout
    report = json.loads((tmp_path / "results.json").read_text())
    assert report["right"] is False
    assert [step["step"] for step in report["steps"]] == ["probe"]
    assert result.stdout.endswith((tmp_path / "results.txt").read_text())


@pytest.mark.skipif(build.compiler() is None, reason="no C compiler here: no driver to compile")
def test_a_dry_run(tmp_path: Path) -> None:
    """Through steps that start processes; the others are gone through in ``tests/null_driver``."""
    build.compile_driver(tmp_path)
    environment = build.environment(tmp_path)
    result = check(tmp_path, "--dry-run", "--only", "probe", "cases", **environment)
    assert result.returncode == 0, result.stdout
    report = json.loads((tmp_path / "results.json").read_text())
    tests = collected(environment)
    assert report["steps"][1]["summary"] == f"{len(tests)} passed, 0 failed, 0 skipped"
    for test in tests:
        assert sum(selects(words, test) for words in steps.GROUPS.values()) == 1
    # That driver is none to show anything with.
    assert check(tmp_path, "--only", "probe", **environment).returncode == 1
    # A probe alone has shown nothing either.
    assert check(tmp_path, "--dry-run", "--only", "probe", **environment).returncode == 1


def collected(environment: dict[str, str]) -> list[str]:
    command = [sys.executable, "-m", "pytest", "tests/test_cuda_gpu.py", "--collect-only", "-q"]
    command += ["-p", "no:cacheprovider", "-p", "no:xdist"]
    everything = subprocess.run(
        command, env=environment, cwd=build.PROJECT, capture_output=True, text=True, check=True
    )
    return [line for line in everything.stdout.splitlines() if "::" in line]


def selects(words: str, test: str) -> bool:
    """Whether pytest's -k selects a test, of words, "and", "or", "not" and parentheses."""
    name = test.partition("::")[2].lower()
    held = re.sub(r"\b(?!and\b|or\b|not\b)\w+", lambda word: str(word.group() in name), words)
    return bool(eval(held))


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path, tmp_path, time.monotonic() + 60)


@pytest.mark.parametrize(
    ("body", "right", "summary"),
    [
        ("def test_all(): pass", True, "1 passed, 0 failed, 0 skipped"),
        ("def test_all(): assert False", False, "0 passed, 1 failed, 0 skipped"),
        ("import pytest\ndef test_all(): pytest.skip()", False, "0 passed, 0 failed, 1 skipped"),
        ("import nothing_of_this_name", False, "0 passed, 1 failed, 0 skipped"),
        ("", False, "0 passed, 0 failed, 0 skipped"),
    ],
    ids=["passing", "failing", "skipping", "not imported", "empty"],
)
def test_cases_that_fail_and_that_do_not_run(
    body: str, right: bool, summary: str, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    (machine.out / "tests").mkdir()
    (machine.out / "tests" / "test_cuda_gpu.py").write_text(body)
    monkeypatch.setattr(steps, "PROJECT", machine.out)
    monkeypatch.setattr(steps, "GROUPS", {"one": "test_all"})
    result = steps.cases(machine)
    assert (result.right, result.summary) == (right, summary)


def tool(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("script", "right"),
    [
        ("echo small: done", True),
        ("echo small: done; exit 9", False),  # a race, or an access out of bounds
        ("echo small: done; echo 'RACECHECK SUMMARY: 2 hazards displayed'", False),
        ("echo small: done; echo 'RACECHECK SUMMARY: 0 hazards displayed'", True),
        ("echo nothing ran", False),
        ("sleep 60 & sleep 60", False),
    ],
)
def test_sanitizers(script: str, right: bool, machine: Machine) -> None:
    machine.environment["PATH"] = f"{machine.out}{os.pathsep}{os.environ['PATH']}"
    machine.deadline = time.monotonic() + 2
    tool(machine.out, "compute-sanitizer", script)
    assert steps.sanitizer(machine).right is right
    assert time.monotonic() < machine.deadline + 20


@pytest.mark.parametrize(
    ("script", "right"),
    [("echo '\"gpu__time_duration.sum\"'", True), ("exit 1", False), ("echo no kernels", False)],
)
def test_counters(script: str, right: bool, machine: Machine) -> None:
    machine.environment["PATH"] = str(machine.out)
    tool(machine.out, "ncu", script)
    assert steps.counters(machine).right is right


def test_tools_that_are_missing_are_wrong(machine: Machine) -> None:
    machine.environment["PATH"] = str(machine.out)
    for step in (steps.sanitizer, steps.counters):
        result = step(machine)
        assert not result.right
        assert "not on the path" in result.summary


def test_no_time_is_left(machine: Machine) -> None:
    machine.deadline = time.monotonic()
    result = steps.run("smoke", machine)
    assert (result.right, result.summary) == (False, "no time left")


def test_libnvvm_is_found_in_a_toolkit(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    library = machine.out / "toolkit" / "nvvm" / "lib64" / "libnvvm.so.4"
    library.parent.mkdir(parents=True)
    library.touch()
    monkeypatch.setenv("CUDA_HOME", str(machine.out / "toolkit"))
    assert str(library.parent) in steps.prepare(machine)
    assert machine.environment["LD_LIBRARY_PATH"].split(os.pathsep)[0] == str(library.parent)


def test_what_is_brought_along_comes_first(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package in a wheel, for machines that lack it."""
    monkeypatch.setattr(steps, "PROJECT", machine.out)
    (machine.out / ".whl").mkdir()
    with zipfile.ZipFile(machine.out / ".whl" / "brought-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("brought.py", "print('here')")
    steps.prepare(machine)
    status, text = machine.call(machine.python("-c", "import numpy, brought; numpy.row_stack"), 60)
    assert (status, text.strip()) == (0, "here")


def test_the_table_of_the_page_comes_from_the_report() -> None:
    from device import page

    case = {
        "case": "max", "kernels_ms": 0.5, "floor_ms": 0.25, "share": 0.5, "host_ms": 0.1,
        "launches": 2.0,
        "peers": {"other": {"events_ms": [1, 2, 3]}, "absent": {"error": "none"}},
    }  # fmt: skip
    text = page.table({"device": "GPU", "copy_TB_s": 3.0, "cases": [case, {"error": "wrong"}]})
    assert text.splitlines()[-1] == "| max | 0.500 | 0.250 | 50% | 0.10 | 2 | other 2.000 |"
    written = page.replaced(page.PAGE.read_text(), text)
    assert text in written
    assert page.replaced(written, text) == written
