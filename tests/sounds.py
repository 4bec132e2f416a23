"""A tiny folder of sounds as `varemix.media.sounds` reads them: packs of tones, and single files."""

import csv
from pathlib import Path

import numpy as np
import soundfile

PACK_RATE_HZ = 48_000
SECONDS = 7.0
HERTZ = {"flute": 1500.0, "tuba": 80.0, "piano": 440.0, "drums": 220.0, "x_bells": 3000.0}
_PACK_COLUMNS = ("file", "start", "length", "label", "kind", "group", "split", "piece", "pitch")
_FILE_COLUMNS = ("class", "file", "source", "kind", "seconds", "group", "split")
_GAP_SAMPLES = 2400


def tone(label: str, seconds: float = SECONDS, *, level: float = 0.5) -> np.ndarray:
    """Return what stands for an instrument: three partials, at 48 kHz [S]."""
    t = np.arange(round(seconds * PACK_RATE_HZ)) / PACK_RATE_HZ
    wave = sum(np.sin(2 * np.pi * HERTZ[label] * partial * t) / partial for partial in (1, 2, 3))
    return (level * wave / np.abs(wave).max()).astype(np.float32)


def make_sounds(folder: Path) -> Path:
    """Write val packs of strangers (piano, drums, bells) and of an ensemble of two pieces, and single flutes and tubas.

    Each pack holds its clips end to end, with a gap between; the packs are FLAC, so that samples are known.
    """
    packs, files = folder / "packs", folder / "sounds"
    packs.mkdir(parents=True)
    files.mkdir()
    rows: list[dict[str, object]] = []
    for label in ("piano", "drums", "x_bells"):
        rows += _pack(packs, f"{label}__phrase__0.flac", [(label, "phrase", ""), (label, "phrase", "")])
    for label in ("flute", "tuba"):
        pieces = [(label, "ensemble", piece) for piece in ("bwv1", "bwv2")]
        rows += _pack(packs, f"{label}__ensemble__0.flac", pieces)
    _write(packs / "index.csv", _PACK_COLUMNS, rows)
    singles = []
    for label in ("flute", "tuba"):
        soundfile.write(files / f"{label}.flac", tone(label), PACK_RATE_HZ)
        singles.append(
            {
                "class": label,
                "file": f"{label}.flac",
                "kind": "phrase",
                "seconds": SECONDS,
                "group": "a",
                "split": "val",
            }
        )
    _write(folder / "sounds.csv", _FILE_COLUMNS, singles)
    return folder


def _pack(folder: Path, name: str, clips: list[tuple[str, str, str]]) -> list[dict[str, object]]:
    """Write clips of label, kind and piece end to end; return their rows. The second clip is half as loud."""
    waves, rows, start = [], [], 0
    for number, (label, kind, piece) in enumerate(clips):
        wave = tone(label, level=0.5 / (1 + number))
        own = {"file": name, "start": start, "length": len(wave), "label": label, "kind": kind, "piece": piece}
        rows.append(own | {"group": f"player {number}", "split": "val", "pitch": HERTZ[label]})
        waves += [wave, np.zeros(_GAP_SAMPLES, np.float32)]
        start += len(wave) + _GAP_SAMPLES
    soundfile.write(folder / name, np.concatenate(waves), PACK_RATE_HZ)
    return rows


def _write(path: Path, columns: tuple[str, ...], rows: list[dict[str, object]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
