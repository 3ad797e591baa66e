"""The lowest versions that are tested are those that `setup.cfg` allows."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

import adapool
import versions


def test_the_lowest_versions_are_those_of_setup_cfg() -> None:
    setup = configparser.ConfigParser()
    setup.read(versions.PROJECT / "setup.cfg")
    allowed = map(Requirement, setup["options"]["install_requires"].split())
    floors = {each.name: str(each.specifier).removeprefix(">=") for each in allowed}
    lines = versions.LOWEST.read_text().splitlines()
    pinned = dict(line.split("==") for line in lines if not line.startswith("#"))
    assert pinned.keys() == floors.keys()
    for name, version in pinned.items():
        assert f"{version}.".startswith(f"{floors[name]}."), name


def test_the_citation_has_the_version() -> None:
    cited = re.search(
        r"^version: (.*)$", versions.PROJECT.joinpath("CITATION.cff").read_text(), re.MULTILINE
    )
    assert cited is not None
    # Between releases, that of the one to come.
    assert cited[1] == Version(adapool.__version__).base_version


def test_a_python_that_is_not_here(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert versions.main([]) == 0
    assert capsys.readouterr().out.count("not found here, not tested") == len(versions.PYTHONS) - 1
