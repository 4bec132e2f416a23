"""Checkpoints: a separator as one safetensors file with a JSON header; loaded strictly, never unpickled.

The header's entry "varemix" is JSON: format version, the rate of what the separator hears, its settings, the grid that
it hears on among them, the instruments whose queries it keeps, and its provenance (recipe, seed, data: facts for
people, not needed to load). Format 2, of before there was more than one grid, is read too.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import MISSING, asdict, fields
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from varemix.errors import CheckpointError
from varemix.model.precision import has_fast_bfloat16
from varemix.model.separator import Separator, SeparatorSettings
from varemix.signal.grid import PAPER_GRID, RATE_HZ

FORMAT_VERSION = 3
_ONE_GRID_VERSION = 2
_ENTRY = "varemix"


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
    save_file(tensors, path, metadata={_ENTRY: json.dumps(header, sort_keys=True)})


def load_checkpoint(path: Path, device: str | torch.device = "cpu") -> Separator:
    """Return the separator in the file, ready to hear. Raises CheckpointError for anything that is not one."""
    header = read_header(path)
    with torch.device("meta"):  # no weights are drawn, and held, that the file's take the place of
        separator = _built(path, header)
    expected = separator.state_dict()
    with safe_open(path, framework="pt", device="cpu") as file:
        found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - a safetensors file is no dict
    _check_weights(path, expected, found)
    own = {name: value.to(expected[name].dtype, copy=True) for name, value in found.items()}
    separator.load_state_dict(own, strict=True, assign=True)
    separator.sound.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    separator = separator.to(device).eval()
    separator.is_reduced = has_fast_bfloat16(separator.device)
    return separator


def read_header(path: Path) -> dict[str, Any]:
    """Return the header's JSON object. Raises CheckpointError when the file is not a checkpoint of varemix."""
    if not path.is_file():
        raise CheckpointError(
            f"There is no checkpoint at '{path}'. Train one, or give the path of a .safetensors file."
        )
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            metadata = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"'{path}' is not a checkpoint ({error}); a .safetensors file written by varemix was expected."
        ) from error
    try:
        header = json.loads(metadata[_ENTRY])
        version = header["version"]
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"'{path}' holds weights, but no header of varemix; use a checkpoint that varemix wrote."
        ) from error
    if version not in (_ONE_GRID_VERSION, FORMAT_VERSION):
        raise CheckpointError(
            f"'{path}' has checkpoint format {version}, this varemix reads {_ONE_GRID_VERSION} and {FORMAT_VERSION}; "
            "use the varemix that wrote it, or train again."
        )
    current = _with_grid(header) if version == _ONE_GRID_VERSION else dict(header)
    if current.get("rate_hz") != RATE_HZ:
        raise CheckpointError(
            f"'{path}' hears {current.get('rate_hz')} samples a second; {RATE_HZ} were expected. "
            "Use the varemix that wrote it, or train again."
        )
    return current


def read_settings(path: Path) -> SeparatorSettings:
    """Return the settings of the separator in the file. Raises CheckpointError where there are none that can be."""
    return _settings(path, read_header(path))


def _with_grid(header: Mapping[str, Any]) -> dict[str, Any]:
    """Return a header of format 2, whose grid was the paper's but for rows and floor, as one of today's."""
    settings, signal = (
        dict(header[name]) if isinstance(header.get(name), dict) else {} for name in ("settings", "signal")
    )
    grid = {
        "window_samples": signal.get("window_samples", PAPER_GRID.window_samples),
        "hop_samples": signal.get("hop_samples", PAPER_GRID.hop_samples),
        "log_rows": settings.pop("log_rows", PAPER_GRID.log_rows),
        "floor": settings.pop("floor", PAPER_GRID.floor),
    }
    return {
        **header,
        "version": FORMAT_VERSION,
        "rate_hz": signal.get("rate_hz", RATE_HZ),
        "settings": settings | {"grid": grid},
    }


def _settings(path: Path, header: Mapping[str, Any]) -> SeparatorSettings:
    """Return the header's settings; what an older file does not tell of is as it was then."""
    known = {field.name for field in fields(SeparatorSettings)}
    needed = {field.name for field in fields(SeparatorSettings) if field.default is MISSING}
    settings = header.get("settings")
    if not isinstance(settings, dict) or not needed <= set(settings) <= known:
        raise CheckpointError(f"'{path}' has a header without the settings {', '.join(sorted(known))}.")
    with _as_checkpoint_error(path):
        return SeparatorSettings(**settings)


def _built(path: Path, header: Mapping[str, Any]) -> Separator:
    """Return a separator of the header's settings, its weights not yet filled in."""
    settings, instruments = _settings(path, header), header.get("instruments")
    if not isinstance(instruments, list):
        raise CheckpointError(f"'{path}' has a header without a list of instruments.")
    with _as_checkpoint_error(path):
        return Separator(settings, [str(name) for name in instruments])


@contextmanager
def _as_checkpoint_error(path: Path) -> Iterator[None]:
    """Tell of values that cannot be what was expected of them in a stranger's file."""
    try:
        yield
    except (ValueError, TypeError, LookupError, AttributeError, RuntimeError) as error:
        raise CheckpointError(f"'{path}' has settings that no separator can have: {error}") from error


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
        if not torch.isfinite(value).all():
            raise CheckpointError(f"'{path}': weight '{name}' holds values that are not finite.")
