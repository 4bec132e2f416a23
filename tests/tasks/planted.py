"""Recordings, masks and checkpoints whose right answer is known."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from catalog.files import Home
from catalog.ids import file_digest
from catalog.masks import Maker, MaskGroup, MaskHeader, write_masks
from catalog.store import Catalog
from tasks.library import scan_tracks
from tasks.library_files import library_files
from tasks.shards import Outcome
from tasks.stored_masks import mask_id_of
from tests.old_masks import write_format_1
from varemix.media.audio import AudioInfo, AudioWriter, probe_audio, read_audio
from varemix.remix.heard import num_heard_samples
from varemix.signal.frequency_grid import to_rows
from varemix.signal.grid import PAPER_GRID, RATE_HZ, Grid

TONES_HZ = {"flute": 8_000, "tuba": 100, "violin": 1_000}
"""What each instrument of the planted recordings plays."""

BANDS_HZ = {"flute": (4_000, 22_051), "tuba": (0, 500), "violin": (500, 4_000)}
"""The band that the planted mask of each instrument claims."""

_TONE_PEAK = 0.15


def write_tones(
    path: Path,
    *,
    names: Sequence[str] = tuple(TONES_HZ),
    seconds: float = 1.0,
    rate_hz: int = RATE_HZ,
    num_channels: int = 1,
    subtype: str = "PCM_16",
) -> Path:
    """Write a recording in which the named instruments play their tones at once; its kind follows from its suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    tones = [_TONE_PEAK * np.sin(2 * np.pi * TONES_HZ[name] * t) for name in names]
    samples = np.tile(np.sum(tones, axis=0) if tones else np.zeros_like(t), (num_channels, 1))
    container = "FLAC" if path.suffix.lower() == ".flac" else "WAV"
    info = AudioInfo(
        container=container, subtype=subtype, rate_hz=rate_hz, num_channels=num_channels, num_samples=len(t)
    )
    with AudioWriter(path, info) as writer:
        writer.write(samples)
    return path


def tone_gains_db(before: Path, after: Path) -> dict[str, float]:
    """Return by how much each instrument's tone is louder in the second file, measured over its middle half."""
    (old, info), (new, _) = read_audio(before), read_audio(after)
    quarter = info.num_samples // 4
    t = np.arange(quarter, info.num_samples - quarter) / info.rate_hz
    waves = {name: np.exp(-2j * np.pi * tone_hz * t) for name, tone_hz in TONES_HZ.items()}
    levels = {name: [abs(s[0, quarter:-quarter] @ wave) for s in (old, new)] for name, wave in waves.items()}
    return {name: float(20 * np.log10(max(new, 1e-9) / old)) for name, (old, new) in levels.items()}


def scanned(catalog: Catalog, library: Path) -> list[dict[str, Any]]:
    """Scan a library, and return the rows of its tracks in the order of their paths."""
    scan(catalog, library)
    rows = catalog.read_rows("tracks", where={"library": str(library)})
    return sorted(rows, key=lambda row: str(row["track_path"]))


def scan(catalog: Catalog, library: Path) -> list[Outcome]:
    """Scan a library."""
    home = str(catalog.home.root)
    return scan_tracks.fn(items=library_files(library), shard="1 of 1", home=home, library=library)


def plant_masks(
    catalog: Catalog,
    track: Mapping[str, Any],
    checkpoint_id: str,
    bands_hz: Mapping[str, tuple[float, float]] = BANDS_HZ,
    *,
    absent: Collection[str] = (),
    nothing_else: bool = False,
    grid: Grid = PAPER_GRID,
) -> Path:
    """Store masks of a track on a grid that claim a band for each instrument, and return their file.

    The instruments called absent were measured at -42 dB, the others at -6 dB; -18 dB are needed.
    """
    masks, groups = _bands(track, bands_hz, grid), _groups(track)
    if groups:
        masks = np.repeat(masks[:, None], len(groups), axis=1)
    header = MaskHeader(
        content_digest=track["content_digest"],
        num_frames=masks.shape[-1],
        bits=1,
        rate_hz=RATE_HZ,
        **asdict(grid),
        queries=tuple(bands_hz),
        makers=(Maker(name="planted", version="1", digest=checkpoint_id),) * len(bands_hz),
        groups=groups,
        format_version=3 if groups else 2,
    )
    mask_id = mask_id_of(
        track["content_digest"],
        checkpoint_id,
        list(bands_hz),
        nothing_else=nothing_else,
        channel_groups=track["channel_groups"],
    )
    path = catalog.home.masks(mask_id)
    write_masks(path, header, [masks])
    _store(catalog, track, checkpoint_id, bands_hz, path, mask_id, absent=absent, nothing_else=nothing_else)
    return path


def plant_old_masks(
    catalog: Catalog,
    track: Mapping[str, Any],
    checkpoint_id: str,
    bands_hz: Mapping[str, tuple[float, float]] = BANDS_HZ,
    *,
    version: int = 2,
) -> Path:
    """Store the same as an earlier version of the step did, on the paper's linear bins and in format 1."""
    mask_id = mask_id_of(track["content_digest"], checkpoint_id, list(bands_hz), version=version)
    path = catalog.home.masks(mask_id)
    write_format_1(
        path,
        _bands(track, bands_hz, PAPER_GRID.on_bins()).astype(np.uint8),
        bits=1,
        queries=list(bands_hz),
        content_digest=track["content_digest"],
        checkpoint_id=checkpoint_id,
    )
    _store(catalog, track, checkpoint_id, bands_hz, path, mask_id)
    return path


def _groups(track: Mapping[str, Any]) -> tuple[MaskGroup, ...]:
    """Return the groups of channels that are heard apart, none where it is one."""
    if track["channel_groups"] is None:
        return ()
    groups = probe_audio(Path(track["library"], track["track_path"])).groups
    return tuple(MaskGroup(name=group.name, channels=group.channels) for group in groups)


def _bands(track: Mapping[str, Any], bands_hz: Mapping[str, tuple[float, float]], grid: Grid) -> np.ndarray:
    """Return masks [N, R, T] of a track that are 1 within the band of each instrument, else 0."""
    num_frames = grid.num_frames(num_heard_samples(probe_audio(Path(track["library"], track["track_path"]))))
    bins = np.stack([(low <= grid.bins_hz) & (grid.bins_hz < high) for low, high in bands_hz.values()])
    rows = to_rows(torch.from_numpy(bins.astype(np.float32))[..., None], grid).numpy().round()
    return np.repeat(rows, num_frames, axis=-1)


def _store(
    catalog: Catalog,
    track: Mapping[str, Any],
    checkpoint_id: str,
    names: Collection[str],
    path: Path,
    mask_id: str,
    *,
    absent: Collection[str] = (),
    nothing_else: bool = False,
) -> None:
    """Write the row of masks that lie in a file."""
    row = {
        "mask_id": mask_id,
        "track_id": track["track_id"],
        "content_digest": track["content_digest"],
        "checkpoint_id": checkpoint_id,
        "queries": list(names),
        "besides": "nothing" if nothing_else else "anything",
        "channel_groups": track["channel_groups"],
        "presences_db": [-42.0 if name in absent else -6.0 for name in names],
        "presence_threshold_db": -18.0,
        "path": catalog.home.relative(path),
        "digest": file_digest(path),
        "status": "ready",
    }
    catalog.merge("masks", [row])


def register_checkpoint(catalog: Catalog, file: Path, checkpoint_id: str, stage: str = "candidate") -> str:
    """Bring a checkpoint file into a catalog as it were just trained."""
    path = catalog.home.checkpoint(checkpoint_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.hardlink_to(file)
    catalog.home.keep(path)
    row = {
        "checkpoint_id": checkpoint_id,
        "recipe": "untrained",
        "settings_json": "{}",
        "clips_version": 0,
        "seed": 0,
        "path": catalog.home.relative(path),
        "digest": file_digest(path),
        "stage": stage,
    }
    catalog.merge("checkpoints", [row])
    return checkpoint_id


def open_catalog(folder: Path) -> Catalog:
    """Return the catalog of a home folder."""
    return Catalog(Home.open(folder))


def statuses(outcomes: Iterable[Outcome]) -> dict[str, str]:
    """Return how each item ended."""
    return {outcome.item: outcome.status for outcome in outcomes}


def visible_files(folder: Path) -> list[str]:
    """Return what a person sees below a folder, hidden files included: the paths of all files, sorted."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
