"""Checkpoints: a separator as one safetensors file with a JSON header; loaded strictly, never unpickled.

Belongs here: the weights. What the file is, and what it knows, is told by its `header`.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from varemix.errors import CheckpointError
from varemix.model.header import (
    ENTRY,
    FORMAT_VERSION,
    as_checkpoint_error,
    not_a_checkpoint,
    read_header,
    read_settings,
    settings_of,
)
from varemix.model.precision import has_fast_bfloat16
from varemix.model.separator import Separator
from varemix.signal.grid import RATE_HZ

__all__ = ["load_checkpoint", "read_header", "read_settings", "save_checkpoint"]


def save_checkpoint(path: Path, separator: Separator, *, provenance: Mapping[str, Any], is_half: bool = False) -> None:
    """Write the separator to `path`; with `is_half` its matrices and kernels in half precision."""
    assert not separator.is_folded, "a separator that was made to hear alone holds other weights than it learnt"
    header = {
        "version": FORMAT_VERSION,
        "rate_hz": RATE_HZ,
        "settings": asdict(separator.settings),
        "instruments": list(separator.instruments),
        "provenance": dict(provenance),
    }
    tensors = {
        name: (value.half() if is_half and value.ndim > 1 else value).detach().cpu().contiguous()
        for name, value in separator.state_dict().items()
    }
    save_file(tensors, path, metadata={ENTRY: json.dumps(header, sort_keys=True)})


def load_checkpoint(path: Path, device: str | torch.device = "cpu") -> Separator:
    """Return the separator in the file, ready to hear. Raises CheckpointError for anything that is not one."""
    header = read_header(path)
    with torch.device("meta"):  # no weights are drawn, and held, that the file's take the place of
        separator = _built(path, header)
    expected = separator.state_dict()
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - this file is no dict
    except (SafetensorError, OSError) as error:
        raise not_a_checkpoint(path, error) from error
    _check_weights(path, expected, found)
    own = {name: found.pop(name).to(expected[name].dtype, copy=True) for name in expected}
    separator.load_state_dict(own, strict=True, assign=True)
    separator.sound.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    separator = separator.to(device).eval()
    separator.is_reduced = has_fast_bfloat16(separator.device)
    return separator


def _built(path: Path, header: Mapping[str, Any]) -> Separator:
    """Return a separator of the header's settings, its weights not yet filled in."""
    settings = settings_of(path, header)
    with as_checkpoint_error(path):
        return Separator(settings, header["instruments"])


def _check_weights(path: Path, expected: Mapping[str, torch.Tensor], found: Mapping[str, torch.Tensor]) -> None:
    """Raise CheckpointError unless the weights are those of the settings, whole and finite."""
    if set(expected) != set(found):
        odd = sorted(set(expected) ^ set(found))
        raise CheckpointError(
            f"'{path}' does not hold the weights that its settings name; {len(odd)} differ, the first is '{odd[0]}'."
        )
    for name, value in found.items():
        if value.shape != expected[name].shape:
            raise CheckpointError(
                f"'{path}': weight '{name}' has shape {list(value.shape)}; {list(expected[name].shape)} was expected."
            )
        if not _is_finite(value):
            raise CheckpointError(f"'{path}': weight '{name}' holds values that are not finite.")


def _is_finite(value: torch.Tensor) -> bool:
    """Return whether all is finite. A sum is made several times faster than a look at each, and shows the same."""
    return bool(torch.isfinite(value.sum(dtype=torch.float64)))
