"""Step: trained weights and validation clips -> checkpoint that knows from which measure on an instrument plays."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from varemix.evaluation.mixtures import draw_mixtures, read_sources
from varemix.evaluation.presence import careful_threshold
from varemix.media.clips import Clip
from varemix.model.checkpoint import load_checkpoint, read_header, save_checkpoint
from varemix.model.separator import Separator
from varemix.signal.presence import PresenceMeter
from varemix.training.devices import chosen_device

_NUM_MIXTURES = 64


def calibrate(
    trained: Path,
    target: Path,
    clips: Sequence[Clip],
    *,
    device: str = "auto",
    num_mixtures: int = _NUM_MIXTURES,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Write the checkpoint `trained` to `target`, in half precision, with a presence threshold.

    It is found on mixtures of two of the clips. Its provenance gains the `facts`.
    """
    separator = load_checkpoint(trained, chosen_device(device))
    present, absent = presence_measures_db(separator, clips, num_mixtures)
    if present and absent:
        separator.presence_threshold_db.fill_(careful_threshold(present, absent))
    provenance = read_header(trained)["provenance"] | dict(facts or {})
    save_checkpoint(target, separator, provenance=provenance, is_half=True)


def presence_measures_db(
    separator: Separator, clips: Sequence[Clip], num_mixtures: int
) -> tuple[list[float], list[float]]:
    """Return the measures of instruments that play in mixtures of the clips, and of those that do not.

    They are asked for with the queries that the separator keeps under their names.
    """
    present: list[float] = []
    absent: list[float] = []
    known = [clip for clip in clips if clip.instrument in separator.instruments]
    for mixture in draw_mixtures(known, num_mixtures, seed=0):
        meter = PresenceMeter(len(separator.instruments), separator.mask_grid)
        mix = read_sources(mixture).sum(axis=0)
        for _ in separator.mask_blocks([mix], separator.instrument_queries, meter=meter):
            pass
        plays = np.isin(separator.instruments, mixture.instruments)
        present += meter.shares_db()[plays].tolist()
        absent += meter.shares_db()[~plays].tolist()
    return present, absent
