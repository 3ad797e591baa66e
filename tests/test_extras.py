"""How messages say that an extra is installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapool import _install


def about(monkeypatch: pytest.MonkeyPatch, written: str | None, folder: Path) -> None:
    class Distribution:
        def read_text(self, name: str) -> str | None:
            assert name == "direct_url.json"
            return written

    monkeypatch.setattr("importlib.metadata.distributions", lambda name: [Distribution()] * 2)
    monkeypatch.setattr(_install, "_HERE", folder)


def test_an_extra_comes_from_where_adapool_did(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "setup.cfg").touch()
    folder = tmp_path.as_uri()
    for written, command in (
        (None, "pip install 'adapool[plot]'"),
        (
            f'{{"url": "{folder}", "dir_info": {{}}}}',
            f"pip install '{tmp_path}[plot]'",
        ),
        (
            f'{{"url": "{folder}", "dir_info": {{"editable": true}}}}',
            f"pip install -e '{tmp_path}[plot]'",
        ),
        (
            f'{{"url": "{folder}/gone", "dir_info": {{}}}}',
            "in the folder of adapool, pip install '.[plot]'",
        ),
        (
            '{"url": "https://host/adapool.git", "vcs_info": {"vcs": "git"}}',
            "pip install 'adapool[plot] @ git+https://host/adapool.git'",
        ),
        (
            '{"url": "https://host/adapool.whl", "archive_info": {}}',
            "pip install 'adapool[plot] @ https://host/adapool.whl'",
        ),
    ):
        about(monkeypatch, written, tmp_path / "elsewhere")
        assert _install.command("plot") == command
    about(monkeypatch, None, tmp_path)
    assert _install.command("plot") == f"pip install '{tmp_path}[plot]'"


def test_the_command_here_is_that_of_this_environment() -> None:
    assert _install.command("plot").startswith(("pip install", "in the folder"))
