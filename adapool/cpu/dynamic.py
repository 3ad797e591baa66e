from typing import Any
def dynamic_max(*a: Any, **k: Any) -> None:
    raise NotImplementedError
def site_max(*a: Any, **k: Any) -> None:
    raise NotImplementedError
