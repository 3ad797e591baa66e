"""Every call of the table of device arrays, on tensors: equal to the loops."""

from __future__ import annotations

import pytest

from compare import assert_same

pytest.importorskip("torch", reason="adapool.torch needs the extra 'torch'")

from bridge.calls import TensorCase, tensor_cases
from cuda_cases import Case

pytestmark = pytest.mark.peers


# Networks of NumPy meet NaN and infinity.
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("case", tensor_cases(), ids=lambda case: case.label)
def test_case(case: Case) -> None:
    for got, wanted in TensorCase(case).pairs():
        assert_same(got.detach().numpy(), wanted)
