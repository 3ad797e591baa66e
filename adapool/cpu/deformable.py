from typing import Any
def deform_conv(*a: Any, **k: Any) -> None:
    raise NotImplementedError
