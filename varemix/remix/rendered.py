"""What is written of a recording: its file, which keeps the recording's format, and what is to be told of it."""

import math
from dataclasses import dataclass, replace
from pathlib import Path

from varemix.errors import MediaError
from varemix.media.audio import AudioInfo, AudioReader, AudioWriter, as_written
from varemix.media.layouts import guess_note
from varemix.remix.tuning import Tuning


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """What was written: how many samples were clipped, and the highest peak in dBFS before clipping.

    The whole was made louder by `gain_db` for its loudness; the limiter changed `num_limited` samples, by
    `reduction_db` at most. `before_lufs` and `after_lufs` are the integrated loudness of the recording and of what was
    written: measured where levels are cared for, else estimated from the spectra; None where nothing was filtered, or
    less than 0.4 s. `note` says what became of the coding of a recording that nobody writes.
    """

    num_clipped: int
    peak_db: float
    gain_db: float = 0.0
    num_limited: int = 0
    reduction_db: float = 0.0
    before_lufs: float | None = None
    after_lufs: float | None = None
    note: str = ""

    @property
    def has_other_level(self) -> bool:
        """Whether care for the level changed any sample."""
        return self.gain_db != 0.0 or self.num_limited > 0


def writer_like(
    reader: AudioReader, target: Path, source: Path, format_name: str | None, tuning: Tuning
) -> AudioWriter:
    """Return what writes to `target` in the format of the recording, or in one that is named, at another tempo too.

    Raises MediaError for a video at another tempo.
    """
    info, _ = as_written(reader.info, format_name)
    if tuning.tempo == 1:
        return AudioWriter(target, info, source=source)
    if info.has_picture:
        raise MediaError(
            f"'{source.name}' is a video, whose picture keeps its tempo. Choose a format of sound, such as flac."
        )
    return AudioWriter(target, replace(info, num_samples=tuning.length(info.num_samples)))  # its chapters lie elsewhere


def note_of(info: AudioInfo, format_name: str | None, *, is_heard: bool = True) -> str:
    """Return what is to be told of a recording's coding and channels."""
    guess = guess_note(info.channel_layout, info.num_channels) if is_heard else ""
    return "; ".join(filter(None, [as_written(info, format_name)[1], guess]))


def rendered_of(writer: AudioWriter, note: str) -> Rendered:
    """Return what is told of a file that was written."""
    return Rendered(
        note=note,
        num_clipped=writer.num_clipped,
        peak_db=20 * math.log10(writer.peak) if writer.peak > 0 else -math.inf,
    )
