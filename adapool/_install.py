"""The command that installs an extra, told from how adapool itself was installed."""

from __future__ import annotations

import importlib.metadata
import json
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parents[1]


def command(extra: str) -> str:
    """Return the command that installs an extra from where adapool came from."""
    # In the folder of a clone Python finds a second one, which building left there.
    found = importlib.metadata.distributions(name="adapool")
    written = next(filter(None, (each.read_text("direct_url.json") for each in found)), None)
    if written is None and (_HERE / "setup.cfg").exists():  # run from a clone, not installed
        return _from_folder(_HERE, extra, editable=False)
    if written is None:  # from an index
        return f"pip install 'adapool[{extra}]'"
    about: dict[str, Any] = json.loads(written)  # PEP 610
    url = urllib.parse.urlsplit(about["url"])
    if url.scheme == "file" and "dir_info" in about:
        folder = Path(urllib.request.url2pathname(url.path))
        return _from_folder(folder, extra, about["dir_info"].get("editable", False))
    kind = about.get("vcs_info", {}).get("vcs")
    address = f"{kind}+{about['url']}" if kind else about["url"]
    return f"pip install 'adapool[{extra}] @ {address}'"


def _from_folder(folder: Path, extra: str, editable: bool) -> str:
    if not (folder / "setup.cfg").exists():  # moved since it was installed
        return f"in the folder of adapool, pip install '.[{extra}]'"
    return f"pip install {'-e ' if editable else ''}'{folder}[{extra}]'"
