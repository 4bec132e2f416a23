"""bfloat16 is taken where it is faster: with AMX, and with AVX512-BF16 but on Intel's without AMX."""

import pytest
import torch

from varemix.model.precision import has_fast_bfloat16


@pytest.mark.parametrize(
    ("capabilities", "is_fast"),
    [
        ({}, False),
        ({"avx2": True}, False),
        ({"avx512_bf16": True}, True),  # AMD since Zen 4
        ({"avx512_bf16": True, "avx512_fp16": True}, False),  # Intel, AMX switched off
        ({"avx512_bf16": True, "avx512_fp16": True, "amx_bf16": True}, True),
    ],
)
def test_a_processor_takes_bfloat16_where_that_is_faster(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], is_fast: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert has_fast_bfloat16(torch.device("cpu")) is is_fast


def test_other_devices_do_without() -> None:
    assert not has_fast_bfloat16(torch.device("meta"))
