"""Step: trained weights and validation material -> checkpoint that knows from which measure on an instrument plays.

One threshold serves all instruments. One for each was measured to do no better on sounds it was not fitted to, and
neither was a measure beside the loudest instrument, or of time instead of power.
"""

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from varemix.errors import MediaError
from varemix.evaluation.mixtures import draw_mixtures, read_sources
from varemix.evaluation.presence import careful_threshold
from varemix.evaluation.sound_mixtures import draw_sound_mixtures, read_sound_sources
from varemix.media.clips import Clip
from varemix.media.sounds import Sound
from varemix.model.checkpoint import load_checkpoint, read_header, save_checkpoint
from varemix.model.separator import Separator
from varemix.signal.presence import PresenceMeter
from varemix.training.devices import chosen_device

_NUM_MIXTURES = 64

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class PresenceMeasures:
    """The measures in dB of instruments that play in mixes, of those that do not, and on strangers alone.

    `strangers` holds a row of measures for each sound that is none of the instruments.
    """

    present: list[float]
    absent: list[float]
    strangers: list[list[float]]


def calibrate(
    trained: Path,
    target: Path,
    clips: Sequence[Clip],
    *,
    sounds: Sequence[Sound] = (),
    device: str = "auto",
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Write the checkpoint `trained` to `target`, in half precision, with a presence threshold.

    It is found on mixtures of two of the clips, and, where there are sounds of other instruments, on these among the
    mixes and alone: so that what plays is found, and strangers are not taken for what they are not. Its provenance
    gains the `facts`.
    """
    separator = load_checkpoint(trained, chosen_device(device))
    found = presence_measures_db(separator, clips, _NUM_MIXTURES, sounds=sounds)
    if found.present and found.absent:
        threshold_db = careful_threshold(found.present, found.absent, strangers=found.strangers)
        separator.presence_threshold_db.fill_(threshold_db)
    provenance = read_header(trained)["provenance"] | dict(facts or {})
    save_checkpoint(target, separator, provenance=provenance, is_half=True)


def presence_measures_db(
    separator: Separator, clips: Sequence[Clip], num_mixtures: int, *, sounds: Sequence[Sound] = ()
) -> PresenceMeasures:
    """Return the measures of the clips' instruments, in mixtures of the clips and in mixes of sounds.

    They are asked for with the queries that the separator keeps under their names.
    """
    known = [clip for clip in clips if clip.instrument in separator.instruments]
    instruments = sorted({clip.instrument for clip in known})
    places = [separator.instruments.index(name) for name in instruments]
    found = PresenceMeasures(present=[], absent=[], strangers=[])
    for playing, mix in _mixes(known, sounds, instruments, num_mixtures):
        shares_db = _shares_db(separator, mix)[places]
        plays = np.isin(instruments, list(playing))
        found.present.extend(shares_db[plays].tolist())
        found.absent.extend(shares_db[~plays].tolist())
        if not plays.any():
            found.strangers.append(shares_db.tolist())
    return found


def _mixes(
    clips: Sequence[Clip], sounds: Sequence[Sound], instruments: Sequence[str], num_mixtures: int
) -> Iterator[tuple[Collection[str], np.ndarray]]:
    """Yield what plays in each mix [S], and the mix; sounds that cannot be read are told and left out."""
    for mixture in draw_mixtures(clips, num_mixtures, seed=0):
        yield mixture.instruments, read_sources(mixture).sum(axis=0)
    for other in draw_sound_mixtures(sounds, instruments, num_mixtures, seed=0) if sounds else ():
        try:
            yield other.instruments, read_sound_sources(other).sum(axis=0)
        except MediaError as error:
            _log.warning("Calibrated without '%s': %s", other.name, error)


def _shares_db(separator: Separator, mix: np.ndarray) -> np.ndarray:
    """Return the measures [I] of all instruments that the separator knows."""
    meter = PresenceMeter(len(separator.instruments), separator.mask_grid)
    for _ in separator.mask_blocks([mix], separator.instrument_queries, meter=meter):
        pass
    return meter.shares_db()
