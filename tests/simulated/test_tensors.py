"""adapool.torch on a GPU: tensors of the host that say that they are on a device."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numba import cuda

from adapool.cuda import libraries
from compare import assert_same

pytest.importorskip("torch", reason="adapool.torch needs the extra 'torch'")

import torch

from bridge.calls import TensorCase, few_cases
from cuda_cases import Case, Gradient


class OnDevice(torch.Tensor):
    """A tensor whose memory only kernels of the device may look at."""

    __module__ = "torch"
    is_cuda = True

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        dtype = np.dtype(str(self.dtype).removeprefix("torch."))
        return {
            "data": (self.data_ptr(), False), "shape": tuple(self.shape), "typestr": dtype.str,
            "strides": tuple(n * dtype.itemsize for n in self.stride()), "version": 3,
        }  # fmt: skip

    def detach(self) -> Any:
        return super().detach().as_subclass(OnDevice)

    def cpu(self, *_: Any) -> Any:
        return self.as_subclass(torch.Tensor)

    def numpy(self, *, force: bool = False) -> Any:
        raise TypeError("can't convert cuda:0 device type tensor to numpy")


class Torch(libraries._Device):
    """What torch does for its tensors on a device."""

    given = 0

    def __init__(self, _: Any) -> None:
        super().__init__(0, 13)

    def allocate(self, nbytes: int) -> Any:
        return torch.empty(nbytes, dtype=torch.uint8).as_subclass(OnDevice)

    def pinned(self, nbytes: int) -> Any:
        return np.empty(nbytes, np.uint8)

    def give(self, array: Any) -> Any:
        Torch.given += 1
        about = dict(array.__cuda_array_interface__)
        holder = types.SimpleNamespace(__array_interface__=about, keep=array)
        return torch.from_numpy(np.asarray(holder)).as_subclass(OnDevice)


@pytest.fixture(autouse=True)
def _library(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(libraries._KNOWN, "torch", Torch)
    monkeypatch.setattr(cuda, "external_stream", lambda _: cuda.stream())
    libraries._stream.cache_clear()
    yield
    libraries._stream.cache_clear()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("case", few_cases(), ids=lambda case: case.label)
def test_case(case: Case) -> None:
    before = Torch.given
    for got, wanted in TensorCase(case, lambda tensor: tensor.as_subclass(OnDevice)).pairs():
        # Gradients are copied by torch, which loses the kind.
        assert type(got) is OnDevice or isinstance(case, Gradient)
        assert_same(got.detach().as_subclass(torch.Tensor).numpy(), wanted)
    assert Torch.given > before
