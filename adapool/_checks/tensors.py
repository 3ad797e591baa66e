"""Checks of tensors of torch, by what they say of themselves: torch is not imported here."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, NoReturn

from adapool import _install


def no_torch(error: ImportError) -> NoReturn:
    """Report that torch is not installed."""
    raise ImportError(
        f"adapool.torch needs torch, which is not installed: {_install.command('torch')}"
    ) from error


def tensor(name: str, value: Any, is_one: bool) -> None:
    """Check that an argument is a tensor."""
    if not is_one:
        raise TypeError(
            f"{name} must be a tensor of torch, got {type(value).__name__}: pass "
            f"torch.as_tensor({name}), or call the function of that name in adapool on arrays"
        )


def computable(name: str, value: Any) -> None:
    """Check that the memory of a tensor can be computed on."""
    if value.device.type not in ("cpu", "cuda", "meta"):
        raise TypeError(
            f"{name} must be on the CPU or on a CUDA GPU, got a tensor on {value.device}: "
            f"pass {name}.cpu()"
        )
    layout = str(value.layout).removeprefix("torch.")
    if layout != "strided":
        raise TypeError(f"{name} must be dense, got a tensor of layout {layout}: pass its to_dense")
    dtype = str(value.dtype).removeprefix("torch.")
    if dtype == "bfloat16":
        raise TypeError(
            f"{name} must be float16, float32, float64, bool or an integer, got bfloat16, which "
            f"NumPy lacks: pass {name}.float(), or call it in torch.autocast, which does that"
        )
    if value.dtype.is_complex or dtype.startswith("float8") or "q" in dtype:
        raise TypeError(f"{name} must hold booleans, integers or floats, got dtype {dtype}")


def no_gradient(name: str, fix: str) -> NoReturn:
    """Report a tensor that is to be learned, and cannot be."""
    raise ValueError(f"{name} must not require grad, as there is none of it here: {fix}")


def no_tangents(name: str, carried: bool) -> None:
    """Check that no tensor carries a tangent, of differentiation in forward mode."""
    if carried:
        raise NotImplementedError(
            f"adapool.torch.{name} has no derivatives in forward mode (jvp): use backward(), or "
            "torch.autograd.grad"
        )


def not_twice(name: str) -> NoReturn:
    """Report that gradients of gradients are asked for."""
    raise NotImplementedError(
        f"adapool.torch.{name} has no gradients of gradients: leave create_graph=True out, or "
        "detach() what came from it"
    )


def kept(name: str, keeps: bool) -> None:
    """Check that an operator was told to keep what the way back needs."""
    if not keeps:
        raise RuntimeError(
            f"torch.ops.adapool.{name} was called with keep=False, and so has no gradients: pass "
            f"True, or call adapool.torch.{name}, which knows"
        )


def any_order(name: str, warn_only: bool) -> None:
    """Report additions in any order where torch was told to have none: as torch's own do."""
    message = (
        f"adapool.torch.{name} has no deterministic gradients on a GPU, and "
        "torch.use_deterministic_algorithms(True) was called: compute on the CPU, or pass "
        "warn_only=True to it"
    )
    if not warn_only:
        raise RuntimeError(message)
    warnings.warn(message, stacklevel=2)


def no_vmap(name: str) -> NoReturn:
    """Report a call inside torch.vmap."""
    raise NotImplementedError(
        f"adapool.torch.{name} cannot be called inside torch.vmap: it takes a whole batch at once "
        "where it has batch_axis; call it in a loop otherwise"
    )


def prediction_shape(
    name: str, shape: Sequence[Any], channel: int | None, given: Sequence[Any]
) -> NoReturn:
    """Report a prediction that has not the axes of the feature map."""
    where = "last" if channel is None else f"at axis {channel}"
    raise ValueError(
        f"{name} must have the axes of the feature map, of shape {tuple(given)}, with its values "
        f"{where}, or none for one value, got shape {tuple(shape)}"
    )


def host_network(name: str, device: Any) -> NoReturn:
    """Report a network of NumPy arrays where the feature map is not in host memory."""
    raise TypeError(
        f"{name} must be a module or a function of tensors where feature_map is on {device}, got "
        "an object with .predict, which takes arrays of NumPy: pass feature_map.cpu()"
    )


def weights_shape(shape: Sequence[Any], n: Any, taps: int, channels: Any) -> NoReturn:
    """Report what an attention network gave for `n` windows."""
    wanted = " or ".join(dict.fromkeys(f"({n}, {width})" for width in (taps, taps * channels)))
    raise ValueError(f"attention_network must give a tensor of shape {wanted}, got {tuple(shape)}")
