"""Which devices compute faster in bfloat16 than in float32."""

import torch


def has_fast_bfloat16(device: torch.device) -> bool:
    """Return whether the device multiplies bfloat16 in hardware; elsewhere it would be emulated, and slower."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu":
        return False
    can: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()  # torch 2.12; older ones do not tell
    return bool(can.get("avx512_bf16") or can.get("amx_bf16"))
