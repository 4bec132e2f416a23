"""Separators whose answers are known: tones of one pitch for each instrument, cut out exactly."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from varemix.errors import SeparatorError
from varemix.separators import installed
from varemix.separators.interface import Identity, MaskMaker, Mix
from varemix.separators.stems import StemSeparator
from varemix.signal.frequency_grid import to_rows
from varemix.signal.grid import RATE_HZ, Grid

GRID = Grid(window_samples=2048, hop_samples=1024, log_rows=None, floor=1e-3)
HZ = {"voice": 300.0, "bass": 70.0, "drums": 9_000.0, "violin": 2_000.0}


def plant_settings(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> Path:
    """Write a host's settings, whose kind `planted` is `Low`; return their file."""
    monkeypatch.setitem(installed._OWN, "planted", f"{__name__}:{Low.__name__}")
    path = folder / "separators.yaml"
    path.write_text(text)
    monkeypatch.setenv("VAREMIX_SEPARATORS", str(path))
    return path


def wait_until(is_so: Callable[[], object], patience_s: float = 60.0) -> None:
    """Wait until something is so."""
    end = time.monotonic() + patience_s
    while not is_so():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


def tone(name: str, num_samples: int, num_channels: int = 2) -> np.ndarray:
    """Return the tone [C, S] that stands for an instrument."""
    wave = 0.2 * np.sin(2 * np.pi * HZ[name] * np.arange(num_samples) / RATE_HZ)
    return np.tile(wave.astype(np.float32), (num_channels, 1))


def mix_of(*names: str, seconds: float = 2.0, num_channels: int = 2) -> np.ndarray:
    """Return the sum [C, S] of tones."""
    return sum(tone(name, round(seconds * RATE_HZ), num_channels) for name in names)


class PerfectStems(StemSeparator):
    """Gives the true tones, whatever the mix, in blocks of odd lengths; its masks are of all channels."""

    per_channel = False

    def __init__(self, stems: Mapping[str, tuple[str, ...]], *, name: str = "perfect", channels: int = 2) -> None:
        self.identity = Identity(name=name, version="1", digest="0")
        self.stems, self._channels = stems, channels
        self.num_extra = 0

    def stem_blocks(self, mix: Mix) -> Iterator[np.ndarray]:
        names = [held[0] if held else stem for stem, held in self.stems.items()]
        length = mix.num_samples + self.num_extra
        stems = np.stack([tone(name, length, self._channels) for name in names])
        yield from np.split(stems, range(10_000, length, 10_007), axis=-1)


class Bands(MaskMaker):
    """Gives each instrument the rows between two frequencies, as a share."""

    def __init__(self, bands_hz: Mapping[str, tuple[float, float]], grid: Grid, *, share: float = 1.0) -> None:
        self.identity = Identity(name="bands", version="1", digest="0")
        self.instruments, self.grid = tuple(bands_hz), grid
        self._bands_hz, self._share, self.heard = bands_hz, share, []

    def mask_blocks(self, mix: Mix, instruments: Sequence[str]) -> Iterator[np.ndarray]:
        self.heard = [block.copy() for block in mix.mid()]
        hz = self.grid.bins_hz
        bins = np.stack([(hz >= low) & (hz < high) for low, high in (self._bands_hz[name] for name in instruments)])
        rows = to_rows(torch.from_numpy(bins.astype(np.float32))[..., None], self.grid).numpy() * self._share
        num_left = self.grid.num_frames(mix.num_samples)
        while num_left:
            num_frames = min(37, num_left)
            num_left -= num_frames
            yield np.repeat(rows, num_frames, axis=-1)


class Low(Bands):
    """A separator of the settings: it gives `instrument` what is below `hz`; `breaks` says why it cannot.

    Where it `waits_for` a file, it says that it is at 45 %, and goes on when the file is there.
    """

    def __init__(self, settings: Mapping[str, object]) -> None:
        hz = float(str(settings.get("hz", 500)))
        name = str(settings.get("instrument", "voice"))
        super().__init__({name: (0.0, hz)}, GRID)
        self.identity = Identity(name="low", version="3", digest=f"{hz:g}")
        self._breaks, self._waits_for = str(settings.get("breaks", "")), settings.get("waits_for")

    def mask_blocks(self, mix: Mix, instruments: Sequence[str]) -> Iterator[np.ndarray]:
        if self._breaks:
            raise SeparatorError(self._breaks)
        if self._waits_for:
            mix.tell(0.45)
            wait_until(Path(str(self._waits_for)).exists)
        yield from super().mask_blocks(mix, instruments)


class Left(StemSeparator):
    """A separator of the settings, of stems: all that is left is the voice, all else the rest."""

    stems: Mapping[str, tuple[str, ...]] = {"voice": ("voice",), "rest": ()}

    def __init__(self, settings: Mapping[str, bool]) -> None:
        self.per_channel = settings.get("per_channel", self.per_channel)
        self.identity = Identity(name="left", version="1", digest="")

    def stem_blocks(self, mix: Mix) -> Iterator[np.ndarray]:
        for pair in mix.pair():
            left = pair * np.float32([[1], [0]])
            yield np.stack([left, pair - left])


class Half(StemSeparator):
    """A separator of the settings, of stems: half of everything is the voice, and half is the rest."""

    stems: Mapping[str, tuple[str, ...]] = {"voice": ("voice",), "rest": ()}
    identity = Identity(name="half", version="1", digest="0")

    def __init__(self, settings: Mapping[str, object]) -> None:
        assert not settings

    def stem_blocks(self, mix: Mix) -> Iterator[np.ndarray]:
        for block in mix.pair():
            yield np.stack([block / 2, block / 2])
