"""Step: a remix -> a picture of what it changed, to be looked at in the Prefect UI."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE

from varemix.errors import MediaError

if TYPE_CHECKING:
    import numpy as np

    from varemix.media.audio import AudioReader

_STRETCH_S = 12.0
_NUM_STRETCHES = 8


@task(name="picture", task_run_name="picture of {title}", cache_policy=NO_CACHE)
def picture_remix(*, source: Path, remix: Path, title: str, audio_stream: int = 0) -> bytes | None:
    """Return a PNG picture of the stretch of a recording that its remix changed most; None where one cannot be read.

    `audio_stream` is the number, from 0 on, of the sound that was remixed of several.
    """
    from varemix.evaluation.before_after import before_after_figure
    from varemix.media.audio import AudioReader

    try:
        same = audio_stream if source.suffix == remix.suffix else 0  # else it is the only one
        with ExitStack() as stack:
            before = stack.enter_context(AudioReader(source, audio_stream=audio_stream))
            after = stack.enter_context(AudioReader(remix, audio_stream=same))
            last_s = max(0.0, min(before.info.duration_s, after.info.duration_s) - _STRETCH_S)
            num_stretches = _NUM_STRETCHES if last_s > 0 else 1
            firsts_s = [last_s * number / max(1, num_stretches - 1) for number in range(num_stretches)]
            stretches = [(first_s, _stretch(before, first_s), _stretch(after, first_s)) for first_s in firsts_s]
    except MediaError:
        return None
    first_s, old, new = max(stretches, key=lambda stretch: _change(*stretch[1:]))
    return before_after_figure(*_as_long(old, new), first_s=first_s, title=title)


def _stretch(reader: AudioReader, first_s: float) -> np.ndarray:
    """Return the mid signal of a stretch, [S] at 44.1 kHz."""
    from varemix.media.layouts import played
    from varemix.media.resampling import mono, resample
    from varemix.signal.grid import RATE_HZ

    rate_hz = reader.info.rate_hz
    first = round(first_s * rate_hz)
    samples = reader.read(first, min(round(_STRETCH_S * rate_hz), reader.info.num_samples - first))
    return mono(resample(played(samples, reader.info.channel_layout), rate_hz, RATE_HZ)).astype("float32")


def _change(old: np.ndarray, new: np.ndarray) -> float:
    old, new = _as_long(old, new)
    return float(((new - old) ** 2).sum())


def _as_long(old: np.ndarray, new: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both, cut to the shorter: some codecs add or lose a few samples."""
    num_samples = min(len(old), len(new))
    return old[:num_samples], new[:num_samples]
