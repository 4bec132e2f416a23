"""Demucs, in process: voice, drums and bass, and of its models of six stems piano and guitar.

Weights are safetensors as the package itself reads them, from a path that a person named: a file of one model, or the
YAML file of a bag of them with their files beside it. Nothing is fetched here, no class but HTDemucs is built, and no
pickle is opened. The package is loaded when something is heard. A recording is heard in the segments that the model
was trained on, of eight seconds, which overlap by a quarter: memory is bounded by two of them, whatever its length.

Source: Rouard, Massa, Defossez 2023, "Hybrid Transformers for Music Source Separation".
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import torch
import yaml
from torch import Tensor

from varemix.errors import SeparatorError
from varemix.model.header import safetensors_metadata
from varemix.separators.interface import Identity, Mix
from varemix.separators.overlapping import overlapped
from varemix.separators.settings import check_keys, flag, text
from varemix.separators.stems import StemSeparator
from varemix.signal.grid import RATE_HZ

PACKAGE = "demucs"
_HELD = {
    "drums": ("drums",),
    "bass": ("bass", "double_bass"),
    "vocals": ("voice",),
    "other": (),
    "guitar": ("acoustic_guitar", "electric_guitar"),
    "piano": ("piano",),
}
_CLASS = "demucs.htdemucs.HTDemucs"
_OVERLAP = 0.25
_CHANNELS = 2
_LEAST_DEVIATION = 1e-8
_LOADING = Lock()


class Demucs(StemSeparator):
    """HTDemucs with weights of a person's. Raises ImportError without the package, SeparatorError without weights."""

    always_parted = frozenset({"guitar"})

    def __init__(self, settings: Mapping[str, Any]) -> None:
        check_keys(settings, needed=("weights",), known=("per_channel",))
        try:
            package_version = version(PACKAGE)
        except PackageNotFoundError:
            raise ImportError(f"the package {PACKAGE}") from None
        self._bag = _read_bag(Path(text(settings, "weights")).expanduser())
        self.stems = {name: _HELD[name] for name in self._bag.sources}
        self.per_channel = flag(settings, "per_channel", self.per_channel)
        self.identity = Identity(name=PACKAGE, version=package_version, digest=self._bag.digest)

    def stem_blocks(self, mix: Mix) -> Iterator[np.ndarray]:
        """Yield the stems [N, C, S_b], as `demucs.apply.apply_model` would without shifts."""
        from demucs.apply import apply_model

        model, device = _loaded(self._bag)
        mean, deviation = _level(mix)
        segment_samples = int(float(model.max_allowed_segment) * model.samplerate)

        def heard(segment: np.ndarray) -> np.ndarray:
            """Return the stems [N, C, S] of a segment [C, S] of the mix, both brought to one level."""
            given = torch.tensor(np.broadcast_to(segment, (_CHANNELS, segment.shape[-1])), device=device)[None]
            with torch.inference_mode():
                stems: Tensor = apply_model(model, given, shifts=0, split=False)[0]
            own = stems if len(segment) == _CHANNELS else stems.mean(dim=1, keepdim=True)
            return own.numpy(force=True)

        levelled = ((block - mean) / deviation for block in mix.pair())
        for stems in overlapped(levelled, segment_samples, _OVERLAP, heard):
            yield stems * deviation + mean


@dataclass(frozen=True, kw_only=True)
class _Bag:
    """Models that hear together: their files, how much each has of each stem (None: alike), and what they give."""

    files: tuple[Path, ...]
    weights: tuple[tuple[float, ...], ...] | None
    sources: tuple[str, ...]
    digest: str


def _read_bag(path: Path) -> _Bag:
    """Return the model of a safetensors file, or those that a YAML file names beside itself, without their weights."""
    if path.suffix in (".yaml", ".yml"):
        names, weights = _read_yaml(path)
        files = tuple(path.parent / f"{name}.safetensors" for name in names)
    elif path.suffix == ".safetensors":
        files, weights = (path,), None
    else:
        raise SeparatorError(
            f"its weights '{path}' are neither a .safetensors file nor the .yaml file of a bag of them. "
            "Pickles are not opened; docs/separators.md says where safetensors are."
        )
    sources = [_sources(file) for file in files]
    if any(one != sources[0] for one in sources):
        raise SeparatorError(f"the models of '{path}' give different stems. Use the files that belong together.")
    if weights and [len(one) for one in weights] != [len(sources[0])] * len(files):
        raise SeparatorError(f"'{path}' has not a weight for each model and stem. Use the file that came with them.")
    digests = [_digest(file, file.stat().st_mtime_ns) for file in files]
    decides = json.dumps([digests, weights, _OVERLAP]).encode()
    return _Bag(files=files, weights=weights, sources=sources[0], digest=hashlib.sha256(decides).hexdigest())


def _read_yaml(path: Path) -> tuple[list[str], tuple[tuple[float, ...], ...] | None]:
    _check_there(path)
    try:
        content = yaml.safe_load(path.read_text())
        names, weights = content["models"], content.get("weights")
        found = weights and tuple(tuple(float(one) for one in of_model) for of_model in weights)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, TypeError, KeyError, AttributeError, ValueError) as error:
        raise SeparatorError(f"its weights '{path}' are no bag of models: {error}.") from error
    are_names = isinstance(names, list) and names and all(isinstance(one, str) and one.isalnum() for one in names)
    if not are_names:
        raise SeparatorError(f"its weights '{path}' name no models; a list of their signatures is expected.")
    return names, found or None


def _sources(path: Path) -> tuple[str, ...]:
    """Return the stems that a file's model gives, after a look at what it would build."""
    _check_there(path)
    try:
        told = safetensors_metadata(path)
        arguments, is_plain = json.loads(told["kwargs"]), "structure" not in told
        klass, sources = told["klass"], arguments["sources"]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OSError) as error:
        raise SeparatorError(f"its weights '{path}' are no safetensors of Demucs ({error!r}).") from error
    if klass != _CLASS or not is_plain or json.loads(told.get("args", "[]")):
        raise SeparatorError(
            f"its weights '{path}' are of the class '{klass}'; plain weights of {_CLASS} are expected."
        )
    if not isinstance(sources, list) or not set(map(str, sources)) <= set(_HELD):
        raise SeparatorError(f"its weights '{path}' give the stems {sources}; of {', '.join(_HELD)} are expected.")
    if arguments.get("samplerate", RATE_HZ) != RATE_HZ or arguments.get("audio_channels", _CHANNELS) != _CHANNELS:
        raise SeparatorError(f"its weights '{path}' are not for stereo at {RATE_HZ} Hz.")
    return tuple(sources)


def _check_there(path: Path) -> None:
    if not path.is_file():
        raise SeparatorError(f"its weights '{path}' are not there. `varemix separators` says how they are fetched.")


@lru_cache(maxsize=32)
def _digest(path: Path, modified_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _loaded(bag: _Bag) -> tuple[Any, torch.device]:
    """Return the models, loaded once a process, and where they are."""
    with _LOADING:
        return _load(bag)


@lru_cache(maxsize=2)
def _load(bag: _Bag) -> tuple[Any, torch.device]:
    from demucs.apply import BagOfModels
    from demucs.hf import load_safetensors_model

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        models = [load_safetensors_model(file).to(device).eval() for file in bag.files]
    except (ValueError, TypeError, KeyError, RuntimeError, AssertionError, OSError) as error:
        raise SeparatorError(f"The weights of Demucs cannot be loaded: {error}") from error
    weights = [list(one) for one in bag.weights] if bag.weights else None
    return BagOfModels(models, weights), device


def _level(mix: Mix) -> tuple[float, float]:
    """Return mean and standard deviation of a mix's mid signal, by which Demucs brings every mix to one level."""
    number, total, squares = 0, 0.0, 0.0
    for block in mix.mid():
        number += len(block)
        total += float(block.sum(dtype=np.float64))
        squares += float(np.square(block, dtype=np.float64).sum())
    mean = total / max(1, number)
    return mean, max(0.0, squares / max(1, number) - mean**2) ** 0.5 + _LEAST_DEVIATION
