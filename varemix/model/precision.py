"""Which devices compute faster in bfloat16 than in float32."""

import torch


def has_fast_bfloat16(device: torch.device) -> bool:
    """Return whether the device multiplies bfloat16 in hardware, and faster than float32; else it would be slower.

    Intel's processors that have AVX512-BF16, but no AMX (switched off, as in some virtual machines), need half as long
    again with it (0.23 beside 0.16 s a window on two cores); those are told by AVX512-FP16,
    which no other maker has. AMD's are faster with it.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu":
        return False
    can: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()  # torch 2.12; older ones do not tell
    return bool(can.get("amx_bf16") or (can.get("avx512_bf16") and not can.get("avx512_fp16")))
