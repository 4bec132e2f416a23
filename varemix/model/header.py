"""The header of a checkpoint: what it is, read without its weights, and without PyTorch.

The header's entry "varemix" is JSON: format version, the rate of what the separator hears, its settings, the grid that
it hears on among them, the instruments whose queries it keeps, and its provenance (recipe, seed, data: facts for
people, not needed to load). Format 2, of before there was more than one grid, is read too.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from varemix.errors import CheckpointError
from varemix.model.settings import SeparatorSettings
from varemix.signal.grid import PAPER_GRID, RATE_HZ

FORMAT_VERSION = 3
ENTRY = "varemix"
_ONE_GRID_VERSION = 2
_LENGTH_BYTES = 8
_MOST_HEADER_BYTES = 100_000_000


def read_header(path: Path) -> dict[str, Any]:
    """Return the header's JSON object, with an empty provenance where there is none.

    Raises CheckpointError when the file is not a checkpoint of varemix.
    """
    if not path.is_file():
        raise CheckpointError(f"There is no model at '{path}'. Train one, or give the path of a .safetensors file.")
    try:
        metadata = safetensors_metadata(path)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OSError) as error:
        raise not_a_checkpoint(path, error) from error
    try:
        header = json.loads(metadata[ENTRY])
        version = header["version"]
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise CheckpointError(
            f"'{path}' holds weights, but no header of varemix; use a model that varemix wrote."
        ) from error
    if version not in (_ONE_GRID_VERSION, FORMAT_VERSION):
        raise CheckpointError(
            f"'{path}' has model format {version}, this varemix reads {_ONE_GRID_VERSION} and {FORMAT_VERSION}; "
            "use the varemix that wrote it, or train again."
        )
    current = _with_grid(header) if version == _ONE_GRID_VERSION else dict(header)
    if current.get("rate_hz") != RATE_HZ:
        raise CheckpointError(
            f"'{path}' hears {current.get('rate_hz')} samples a second; {RATE_HZ} were expected. "
            "Use the varemix that wrote it, or train again."
        )
    instruments = current.get("instruments")
    if not isinstance(instruments, list) or not all(isinstance(name, str) for name in instruments):
        raise CheckpointError(f"'{path}' has a header without a list of instruments; use a model that varemix wrote.")
    if not isinstance(current.setdefault("provenance", {}), dict):
        raise CheckpointError(f"'{path}' has a header whose provenance is no object; use a model that varemix wrote.")
    return current


def read_settings(path: Path) -> SeparatorSettings:
    """Return the settings of the separator in the file. Raises CheckpointError where there are none that can be."""
    return settings_of(path, read_header(path))


def settings_of(path: Path, header: Mapping[str, Any]) -> SeparatorSettings:
    """Return the header's settings; what an older file does not tell of is as it was then."""
    known = {field.name for field in fields(SeparatorSettings)}
    needed = {field.name for field in fields(SeparatorSettings) if field.default is MISSING}
    settings = header.get("settings")
    if not isinstance(settings, dict) or not needed <= set(settings) <= known:
        raise CheckpointError(f"'{path}' has a header without the settings {', '.join(sorted(known))}.")
    with as_checkpoint_error(path):
        return SeparatorSettings(**settings)


@contextmanager
def as_checkpoint_error(path: Path) -> Iterator[None]:
    """Tell of values that cannot be what was expected of them in a stranger's file."""
    try:
        yield
    except (ValueError, TypeError, LookupError, AttributeError, RuntimeError) as error:
        raise CheckpointError(f"'{path}' has settings that no separator can have: {error}") from error


def not_a_checkpoint(path: Path, error: Exception) -> CheckpointError:
    """Return what is to be told of a file that is no safetensors file, or a damaged one."""
    return CheckpointError(f"'{path}' is not a model ({error}); a .safetensors file written by varemix was expected.")


def safetensors_metadata(path: Path) -> dict[str, Any]:
    """Return the texts that a safetensors file holds beside its weights. Raises ValueError for one that is cut off.

    The file begins with the length of its JSON header, 8 bytes, little-endian; the weights follow that.
    """
    num_bytes = path.stat().st_size
    with path.open("rb") as file:
        num_header_bytes = int.from_bytes(file.read(_LENGTH_BYTES), "little")
        if num_header_bytes > min(num_bytes, _MOST_HEADER_BYTES):
            raise ValueError("its header is longer than can be")
        header = json.loads(file.read(num_header_bytes))
    metadata: dict[str, Any] = header.pop("__metadata__", {})
    end = max((entry["data_offsets"][1] for entry in header.values()), default=0)
    if num_bytes != _LENGTH_BYTES + num_header_bytes + end:
        raise ValueError(f"it has {num_bytes} bytes, and its header tells of another number")
    return metadata


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
